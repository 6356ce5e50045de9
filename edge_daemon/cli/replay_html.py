"""The report of a replay: the options of the command, and the page written when the run is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_daemon.config import Config
    from edge_daemon.detection.detector import DetectorPlan
    from edge_daemon.replay.result import ReplayResult
    from edge_daemon.replay.settings import ReplaySettings
    from edge_daemon.report.document import Facts
    from edge_daemon.report.gathering import Gathering

PICTURED = 500
"""Detections with picture and sound: about 20 MB, which a browser opens at once and a mail still takes."""


def html_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--html` and `--html-detections`."""
    command = click.option(
        "--html-detections",
        type=click.IntRange(0, 10_000),
        default=PICTURED,
        show_default=True,
        metavar="N",
        help="Number of top detections with picture and sound on the page (40 kB each); the others get a line.",
    )(command)
    return click.option(
        "--html",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write a page to look at, listen to and judge the detections.",
    )(command)


@contextmanager
def html_report(
    path: Path | None, pictured: int, settings: ReplaySettings, config: Config | None
) -> Iterator[Callable[[ReplayResult], None]]:
    """Gathers results inside the block, and writes the page at its end if that was reached without an error.

    Args:
        path: the page, or None for no report.
        pictured: how many detections have picture and sound.
        settings: of the run; their `scores` must be set, or there are no curves.
        config: holds the rule of presence; None for the defaults.

    Raises:
        UsageError: matplotlib is missing.
        StorageError: the page cannot be written.
    """
    if path is None:
        yield lambda _result: None
        return
    from edge_daemon.cli.progress import progress
    from edge_daemon.detection.detector import plan
    from edge_daemon.report.clip import playing_speed
    from edge_daemon.report.document import document
    from edge_daemon.report.gathering import Gathering
    from edge_daemon.report.media import MediaMaker
    from edge_daemon.report.page import write_page
    from edge_daemon.report.picture import require_matplotlib
    from edge_daemon.storage.atomic_file import whole_file

    require_matplotlib()
    with whole_file(path) as file:  # entered before the run: what cannot be written is said before the work
        planned = plan(settings.detector)
        metadata = planned.model.metadata
        gathering = Gathering(planned.hop)
        yield gathering.add
        entries = gathering.entries()
        band = metadata.call_band_hz
        maker = MediaMaker(metadata.frontend.sample_rate, settings.channel - 1, band)
        chosen = entries[:pictured]
        content = document(
            gathering,
            entries,
            _facts(planned, settings, gathering, config),
            pictured=len(chosen),
            top_hz=maker.top_hz,
            speed=playing_speed(band[0]),
        )
        with progress("Drawing", len(chosen)) as bar:

            def media() -> Iterator[tuple[int, dict[str, Any]]]:
                for row, entry in enumerate(chosen):
                    yield row, maker.make(entry, gathering.recordings[entry.recording])
                    bar.watch(row + 1)

            write_page(file, f"Detections: {metadata.label.replace('_', ' ')}", content, media())


def _facts(planned: DetectorPlan, settings: ReplaySettings, gathering: Gathering, config: Config | None) -> Facts:
    from edge_daemon import __version__
    from edge_daemon.cli.model import describe
    from edge_daemon.presence.periods import PresenceRule
    from edge_daemon.report.document import Facts
    from edge_daemon.report.energy_line import energy_line

    model, rules, metadata = planned.model, planned.rules, planned.model.metadata
    spec = metadata.frontend
    energy = energy_line(model.network(), gathering.layer_spikes, gathering.windows)
    lines = [
        ("threshold", f"{rules.threshold:g}, down to {rules.threshold_low:g} inside an event"),
        ("fewest windows", f"{rules.min_windows}"),
        ("a call rises by", f"{rules.min_rise_hz:g} Hz or more" if rules.min_rise_hz else "anything"),
        ("context", _context(rules.context_s)),
        ("windows", f"{gathering.windows:,} of {spec.window_seconds:g} s, every {planned.hop / spec.sample_rate:g} s"),
        ("channel", f"{settings.channel}"),
        ("backend", ", ".join(sorted(gathering.backends))),
        ("energy", energy),
        ("device", settings.device),
        ("program", f"edge-daemon {__version__}"),
    ]
    return Facts(
        label=metadata.label,
        model=f"{metadata.name} {metadata.version}",
        digest=model.digest,
        device=settings.device,
        threshold=rules.threshold,
        threshold_low=rules.threshold_low,
        call_band_hz=metadata.call_band_hz,
        settings=[line for line in lines if line[1]],
        card=_card(describe(model)),
        presence=PresenceRule() if config is None else PresenceRule.from_config(config.presence),
        context_s=rules.context_s,
    )


def _card(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the model says of itself, without what is of use only beside its file: the path, and commands."""
    kept = [(name, text) for name, text in lines if name not in {"file", "made by"}]
    return [(name, text.removesuffix("more with --json").rstrip()) for name, text in kept]


def _context(context_s: float) -> str:
    if not context_s:
        return "none"
    return f"calls of the last {context_s:g} s make others likelier (curves are the network's own scores)"
