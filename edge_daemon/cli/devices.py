"""`edge-daemon devices`: the sound inputs there are, what they can really do, and what comes from them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from edge_daemon.cli.say import say

if TYPE_CHECKING:
    from edge_daemon.audio.capture.device import DeviceInfo
    from edge_daemon.audio.capture.portaudio import PortAudioDriver
    from edge_daemon.audio.capture.probe import Probe
    from edge_daemon.config import Config

NONE = ("There is no sound input.", "Check the cable; `arecord -l` lists what the kernel sees.")


@click.command()
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), envvar="EDGE_DAEMON_CONFIG", metavar="FILE",
    help="Also show which input this configuration selects; --monitor then uses its input, rate and calibration.",
)  # fmt: skip
@click.option(
    "--monitor", "monitored", is_flag=False, flag_value="", default=None, metavar="[NAME]",
    help="Show an input's live level and spectrum. Give its name, part of it or index; else the configuration's.",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.1), help="Stop the monitor after this many seconds.")
@click.option("--rate", type=click.IntRange(1000, 1_000_000), metavar="HZ", help="Rate to monitor at.")
@click.option("--channel", type=click.IntRange(1, 64), metavar="N", help="Channel to monitor, counted from 1.")
@click.option(
    "--top", "top_hz", type=click.IntRange(100, 100_000), default=1000, show_default=True, metavar="HZ",
    help="Upper end of the monitor's spectrum and band level.",
)  # fmt: skip
@click.option("--plain", is_flag=True, help="Monitor with one line per second, as without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def devices(
    config_file: Path | None,
    monitored: str | None,
    seconds: float | None,
    rate: int | None,
    channel: int | None,
    top_hz: int,
    plain: bool,
    as_json: bool,
) -> int:
    """Try all sound inputs and list their rates, channels, and whether they deliver sound.

    With --monitor, show one input's peak, level, clipping and spectrogram until Ctrl-C: tap the hydrophone to test it.
    """
    from edge_daemon.audio.capture.portaudio import PortAudioDriver
    from edge_daemon.config import load_by_hand

    config = None if config_file is None else load_by_hand(config_file).config
    driver = PortAudioDriver()
    if monitored is not None:
        return _monitor(driver, config, monitored, seconds, rate, channel, top_hz, plain)
    return _list(driver, config, as_json)


def _list(driver: PortAudioDriver, config: Config | None, as_json: bool) -> int:
    from edge_daemon.audio.capture.probe import probe

    chosen, choice = _choice(driver.devices(), config)
    probes = [probe(driver, device) for device in driver.devices()]
    if as_json:
        say(json.dumps([_row(found, chosen) for found in probes], indent=2, ensure_ascii=False))
    else:
        for text in listing(probes, chosen):
            say(text)
        if choice:
            say(choice)
    return 0 if any(not found.problem for found in probes) else 1


def listing(probes: list[Probe], chosen: DeviceInfo | None) -> list[str]:
    """A few lines per input, for people; `*` marks the chosen one."""
    if not probes:
        return [" ".join(NONE)]
    lines = []
    for found in probes:
        device = found.device
        mark = "*" if device == chosen else " "
        default = ", default input" if device.is_default else ""
        lines.append(f"{mark} {device.index}  {device.name}  ({device.host_api}{default})")
        if found.problem:
            lines.append(f"     does not work: {found.problem}")
            continue
        channels = "1 channel" if found.channels == 1 else f"1 to {found.channels} channels"
        rates = ", ".join(map(str, found.rates)) or "none of the common rates,"
        lines.append(f"     works; {channels}; own rate {device.default_rate} Hz")
        lines += wrap(f"opens at {rates} Hz", 79, initial_indent="     ", subsequent_indent="       ")
    return lines


def _row(found: Probe, chosen: DeviceInfo | None) -> dict[str, object]:
    device = found.device
    return {
        "index": device.index,
        "name": device.name,
        "host_api": device.host_api,
        "default": device.is_default,
        "chosen": device == chosen,
        "works": not found.problem,
        "problem": found.problem,
        "channels": found.channels,
        "default_rate_hz": device.default_rate,
        "rates_hz": list(found.rates),
    }


def _choice(there: object, config: Config | None) -> tuple[DeviceInfo | None, str]:
    """Which input the configuration means, and a sentence about it."""
    from edge_daemon.audio.capture.device import find_device
    from edge_daemon.errors import AudioError

    if config is None:
        return None, ""
    audio = config.audio
    if audio.source == "pipe":
        return None, f"The configuration uses a pipe instead of a sound input: {audio.pipe or 'standard input'}."
    try:
        device = find_device(there, audio.device)  # type: ignore[arg-type]
    except AudioError as error:
        return None, f"The configuration's input is not available: {error}"
    rate = f"{audio.rate} Hz" if audio.rate else f"its own rate, {device.default_rate} Hz"
    return device, f"* the configuration's choice: channel {audio.channel} at {rate}"


def _monitor(
    driver: PortAudioDriver,
    config: Config | None,
    name: str,
    seconds: float | None,
    rate: int | None,
    channel: int | None,
    top_hz: int,
    plain: bool,
) -> int:
    from edge_daemon.audio.capture.device import StreamRequest, find_device
    from edge_daemon.audio.capture.sound_card import SoundCardSource
    from edge_daemon.cli.monitor import monitor
    from edge_daemon.cli.monitor_picture import View
    from edge_daemon.config import Config
    from edge_daemon.errors import AudioError, UsageError
    from edge_daemon.levels.hydrophone import Hydrophone
    from edge_daemon.system.backoff import Backoff

    if not driver.devices():
        raise AudioError(*NONE)
    audio = (config or Config()).audio
    if audio.source == "pipe" and not name:
        raise UsageError("The configuration takes its sound from a pipe.", "Name a sound input: --monitor NAME.")
    wanted = (int(name) if name.isdecimal() else name) if name else audio.device
    device = find_device(driver.devices(), wanted)
    channel = channel or audio.channel
    request = StreamRequest(
        device=device.name if isinstance(wanted, str) else wanted,
        rate=rate or audio.rate or device.default_rate,
        channel=channel - 1,
        channels=None if audio.channels is None else max(audio.channels, channel),
        sample_format=audio.sample_format,
        latency_s=None if audio.latency_ms is None else audio.latency_ms / 1000,
    )
    # a dead input is to be seen, not to become a gap; and a person waits for no long pauses
    source = SoundCardSource(request, driver, dead_s=1e6, backoff=Backoff(first_s=0.5, limit_s=2.0))
    source.check()
    hydrophone = None if config is None else Hydrophone.from_config(config.hydrophone)
    view = View(
        title=f"{device.name}, channel {channel}, {source.rate} Hz",
        top_hz=top_hz,
        full_scale_db=None if hydrophone is None else hydrophone.full_scale_db,
    )
    plain = plain or not sys.stdout.isatty() or _is_dumb()
    heard = monitor(source, view, seconds=seconds, plain=plain, clip_level=audio.clip_level)
    return 0 if heard else 1


def _is_dumb() -> bool:
    """A terminal that can only go on to the next line."""
    import os

    return os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")
