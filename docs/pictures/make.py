"""Makes the pictures of README and guides anew, each from what the program makes of the recording in the package.

    python -m docs.pictures.make [NAME …]

Needs the extras `train` and `test` (matplotlib, Pillow) and, for the pictures of the report, a browser
(`apt-get install chromium`). Two pictures are text, `meter.svg` and `watch.svg`: a test compares them with the program.
"""

from __future__ import annotations

import argparse
import base64
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console
from rich.text import Text

from edge_daemon.audio.sound_file import FileSource
from edge_daemon.audio.source import Block
from edge_daemon.cli import invoke
from edge_daemon.cli.monitor import _COLOURS, readings
from edge_daemon.cli.monitor_picture import View, judgement, panel
from edge_daemon.cli.watch import line
from edge_daemon.levels.band_levels import BandMeter, band_edges_hz, nominal_hz
from edge_daemon.levels.input_meter import InputMeter

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "edge_daemon/assets/sample.flac"
COLUMNS, ROWS, UNTIL_S = 63, 12, 22.5
"""Of the meter: a narrow terminal, still legible at half the width of a page, and a moment just after a call."""
FULL_SCALE_DB = 161.26
"""Of the calibration that docs/levels.md works out, dB re 1 µPa."""
COLOURS = 96
"""In a PNG's palette; noise of a spectrogram in all its colours would be three times as long."""

SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; white-space: pre }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""rich's own form without the fonts that it would fetch from elsewhere."""


def meter() -> str:
    """`edge-daemon devices --monitor --top 400` on the recording, as SVG."""
    source = FileSource(SAMPLE, block_seconds=0.25)
    view = View(title=f"{SAMPLE.name}, channel 1, {source.rate} Hz", top_hz=400)
    for _ in readings(source, view, InputMeter(source.rate, top_hz=view.top_hz, rows=ROWS), 0.5, UNTIL_S):
        pass
    source.close()
    *lines, last = panel(view, COLUMNS, ROWS)
    shown = Text("\n".join(lines) + "\n").append(last, _COLOURS[judgement(view)[0]])
    return terminal("edge-daemon devices --monitor --top 400", shown, COLUMNS)


def watch() -> str:
    """`edge-daemon watch --all` beside a daemon that hears the recording, in simulated time, as SVG."""
    from tests.edge_daemon.live.conftest import Buoy

    sound, _ = soundfile.read(SAMPLE, dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        buoy = Buoy(Path(folder), mqtt=True, health={"interval_s": 30.0})
        buoy.settle(lambda: buoy.daemon.components.publisher.report().state == "online")
        buoy.play(sound)
        for second in range(1, 46):
            buoy.until(second)
            # the publisher has a thread of its own: it shall have sent everything before time goes on, health too
            buoy.settle(
                lambda: (
                    buoy.broker.retained
                    and any(topic.endswith("/health") for topic, _ in buoy.broker.received)
                    and not buoy.daemon.components.outbox.report().depth
                )
            )
        buoy.finish()
        told = [line(topic, payload) for topic, payload in buoy.broker.received]
    return terminal("edge-daemon watch --all", Text("\n".join(told)), max(map(len, told)))


def terminal(command: str, shown: Text, columns: int) -> str:
    """What a terminal shows after a command."""
    console = Console(
        record=True, width=columns + 1, file=io.StringIO(), legacy_windows=False, color_system="truecolor"
    )
    shown.no_wrap = True
    console.print(shown, soft_wrap=True)
    return console.export_svg(title=command, code_format=SVG, unique_id="terminal")


def browser_in(folder: Path) -> Any:
    """A browser that has started."""
    from tests.integration.browser import Browser

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Pages are pictured by a browser: apt-get install chromium")
    return Browser(program, folder)


def shore(folder: Path) -> None:
    """The shore station's pages beside a real broker: fleet, review."""
    from docs.pictures.shore_fleet import station_with_fleet

    browser = browser_in(folder)
    broker, station = station_with_fleet(folder, browser)
    try:
        shoot(browser, "shore_review", "#list", down_to="#list > :nth-child(2)")
        browser.screen(1000, 800)
        browser.open(f"{station.url}/fleet")
        shoot(browser, "shore_fleet", "main", down_to="#devices > :nth-child(4)")
    finally:
        browser.close()
        station.stop()
        broker.stop()


def board(folder: Path) -> None:
    """The page on the board, on a phone, beside a real daemon that hears calls."""
    from docs.pictures.board import board_that_listens

    browser = browser_in(folder)
    real = board_that_listens(folder, browser)
    try:
        browser.value("dispatchEvent(new Event('pagehide'))")  # nothing more is told
        browser.value("document.getElementById('doing').textContent = \"listening to 'USB' at 48000 Hz\"")
        shoot(browser, "board_live", "body", down_to="#list > :nth-child(1)", scale=0.5)
    finally:
        browser.close()
        real.close()


def report(folder: Path) -> None:
    """The page of `edge-daemon replay --html`: a call alone, the detections, and the timeline."""
    page = folder / "report.html"
    run("replay", SAMPLE, "--start", "2026-03-29T12:15:00Z", "--html", page)
    browser = browser_in(folder)
    try:
        browser.begin()
        browser.screen(1000, 800)
        browser.open(page)
        shoot(browser, "call", ".card:nth-child(4) .plot", scale=1.6)
        shoot(browser, "detections", "#list", down_to="#list > :nth-child(2)")
        browser.screen(1230, 800)
        shoot(browser, "timeline", "header", down_to="section")
    finally:
        browser.close()


def shoot(browser: Any, name: str, element: str, *, down_to: str | None = None, scale: float = 1) -> None:
    """Write an element of the page, or the part of the page from it down to another one's end."""
    box = (
        "(s) => { const r = document.querySelector(s).getBoundingClientRect(); return [r.x, r.y, r.right, r.bottom]; }"
    )
    left, top, right, bottom = browser.value(f"({box})({element!r})")
    bottom = bottom if down_to is None else browser.value(f"({box})({down_to!r})")[3]
    clip = {"x": left - 6, "y": top - 6, "width": right - left + 12, "height": bottom - top + 12, "scale": scale}
    answer = browser.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    save(name, base64.b64decode(answer["data"]))


def raster(folder: Path) -> None:
    """`edge-daemon model raster`."""
    picture = folder / "raster.png"
    run("model", "raster", SAMPLE, "--output", picture)
    save("raster", picture.read_bytes())


def bands(_folder: Path) -> None:
    """The recording's band levels, as `edge-daemon effort --bands` would give them for its minute."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sound, rate = soundfile.read(SAMPLE, dtype="float32")
    levels = BandMeter(rate, FULL_SCALE_DB)
    levels.push(Block(np.asarray(sound), 0))
    (minute,) = levels.finish()
    numbers = range(minute.first_band, minute.first_band + len(minute.levels_db))
    figure: Any = Figure(figsize=(8, 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    edges = [band_edges_hz(number)[0] for number in numbers] + [band_edges_hz(numbers[-1])[1]]
    axes.stairs(minute.levels_db, edges, baseline=None, color="#27607d", linewidth=2)
    axes.set(xscale="log", xlim=(edges[0], edges[-1]), ylabel="dB re 1 µPa", xlabel="band, Hz")
    axes.set_xticks([nominal_hz(n) for n in numbers], [f"{nominal_hz(n):g}" for n in numbers], fontsize=8)
    axes.minorticks_off()
    axes.set_title(f"{SAMPLE.name} with the calibration of the example: {minute.seconds} s of sound", fontsize=10)
    axes.grid(alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file)
    save("bands", file.getvalue())


def run(*words: str | Path) -> None:
    """A command of `edge-daemon`."""
    if invoke([str(word) for word in words]):
        raise SystemExit(f"edge-daemon {words[0]} failed.")


def save(name: str, png: bytes) -> None:
    """Write a PNG with a palette."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)


TEXTS: dict[str, Callable[[], str]] = {"meter": meter, "watch": watch}
DRAWN: dict[str, Callable[[Path], None]] = {
    "report": report,
    "raster": raster,
    "bands": bands,
    "shore": shore,
    "board": board,
}


def main() -> None:
    """Make the named pictures, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join([*TEXTS, *DRAWN])}; all")
    wanted = parser.parse_args().names or [*TEXTS, *DRAWN]
    for name in wanted:
        if name in TEXTS:
            (HERE / f"{name}.svg").write_text(TEXTS[name](), encoding="utf-8")
        else:
            with tempfile.TemporaryDirectory() as folder:
                DRAWN[name](Path(folder))
    for picture in sorted([*HERE.glob("*.png"), *HERE.glob("*.svg")]):
        print(f"{picture.name}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
