"""`edge-daemon devices --monitor`: a sound input's level and spectrum, live."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from edge_daemon.audio.source import AudioSource
from edge_daemon.cli.monitor_picture import Judgement, View, heading, judgement, line, panel, summary
from edge_daemon.cli.say import say
from edge_daemon.levels.input_meter import InputMeter
from edge_daemon.system.printable import printable

_PANEL_EVERY_S = 0.5  # two pictures a second are 4 kB: a serial line of 38,400 bit/s carries them
_LINE_EVERY_S = 1.0
_STRIP = 24  # characters of a line's spectrum
_COLOURS: dict[Judgement, str] = {"good": "green", "doubtful": "yellow", "bad": "bold red"}


def monitor(source: AudioSource, view: View, *, seconds: float | None, plain: bool, clip_level: float) -> bool:
    """Show a source until it ends, the time is over or Ctrl-C; True if sound came.

    Args:
        source: what to listen to; closed at the end.
        view: an empty one, with its title.
        seconds: how long, or None for ever.
        plain: a line a second, instead of a panel that is drawn anew.
        clip_level: magnitude (full scale 1) from which on a sample counts as clipped.
    """
    try:
        if plain:
            _print_lines(source, view, seconds, clip_level)
        else:
            _draw(source, view, seconds, clip_level)
    except KeyboardInterrupt:
        pass  # the usual way to end
    finally:
        source.close()
    say(summary(view))
    return view.live


def readings(
    source: AudioSource, view: View, meter: InputMeter, every_s: float, seconds: float | None
) -> Iterator[None]:
    """Feed the meter and the view; yields each time there is something new to show."""
    begin: int | None = None
    shown = 0
    while (item := source.read()) is not None:
        begin = item.start if begin is None else begin
        meter.push(item)
        passed = (item.end - begin) / source.rate
        over = seconds is not None and passed >= seconds
        if over or passed >= (shown + 1) * every_s:
            shown = int(passed / every_s)
            view.add(*meter.read())
            yield
        if over:
            return


def _print_lines(source: AudioSource, view: View, seconds: float | None, clip_level: float) -> None:
    meter = InputMeter(source.rate, top_hz=view.top_hz, rows=_STRIP, clip_level=clip_level)
    for text in heading(view):
        say(text)
    said = ""
    for _ in readings(source, view, meter, _LINE_EVERY_S, seconds):
        say(line(view))
        words = judgement(view)[1]
        if words != said:
            say(f"          {words}")
            said = words
        sys.stdout.flush()


def _draw(source: AudioSource, view: View, seconds: float | None, clip_level: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    rows = min(20, max(4, console.height - 9))
    meter = InputMeter(source.rate, top_hz=view.top_hz, rows=rows, clip_level=clip_level)

    def picture() -> Text:
        *lines, last = panel(view, min(console.width - 1, 159), rows)
        return Text(printable("\n".join(lines)) + "\n", no_wrap=True).append(
            printable(last), _COLOURS[judgement(view)[0]]
        )

    with Live(picture(), console=console, auto_refresh=False) as live:
        for _ in readings(source, view, meter, _PANEL_EVERY_S, seconds):
            live.update(picture(), refresh=True)
