"""`python -m train evaluate`: model files on whole recordings."""

from __future__ import annotations

import math
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.errors import UsageError

if TYPE_CHECKING:
    from train.evaluation.scorer import Candidate

FOLD = "{}"
"""Stands for the number of a fold in the name of a model."""
LIMITS = (0.1, 0.5, 1.0, 3.0, 5.0, 10.0)


def _finite(
    _context: click.Context, _option: click.Parameter, value: float | tuple[float, ...]
) -> float | tuple[float, ...]:
    if not all(map(math.isfinite, value if isinstance(value, tuple) else (value,))):
        raise click.BadParameter("is not a finite number.")
    return value


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--calls",
    "marked",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Recordings whose calls are all marked: a folder with Raven selection tables, or a CSV file"
    " (file,begin_s,end_s). May be repeated, as the next two.",
)
@click.option(
    "--recordings", multiple=True, type=click.Path(path_type=Path), help="Another folder to look for recordings in."
)
@click.option("--quiet", multiple=True, metavar="KIND=FOLDER", help="Recordings without a call, such as song=FOLDER.")
@click.option(
    "--doubtful",
    type=click.Path(path_type=Path),
    help="CSV file (file,begin_s,end_s) of sounds that may be calls which nobody marked: events there are not false.",
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder of the results.")
@click.option(
    "--folds",
    type=click.Path(path_type=Path),
    help="Mixture whose folds' networks are judged: MODEL contains {} in place of a fold's number, and each recording"
    " is judged by the network that did not learn from it.",
)
@click.option(
    "--choose",
    "choose_on",
    multiple=True,
    metavar="NAME",
    help="Choose rules on these recordings only: a kind (`calls`, `song`), or names with * in them. The rest is kept"
    " aside. May be repeated.  [default: all]",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    type=click.FloatRange(0),
    default=LIMITS,
    show_default=True,
    callback=_finite,
    help="False events an hour for which the best rules are chosen; may be repeated.",
)
@click.option(
    "--show-limit",
    default=3.0,
    show_default=True,
    callback=_finite,
    help="Mistakes at the limit next to this are listed and drawn, too.",
)
@click.option(
    "--pictures", default=30, show_default=True, type=click.IntRange(0), help="Most pictures of mistakes of a kind."
)
@click.option("--call-label", multiple=True, help="Annotation, in any column, that means a call; others mean no call.")
@click.option("--hop", default=0.5, show_default=True, callback=_finite, help="Seconds from window to window.")
@click.option("--channel", default=0, show_default=True, type=click.IntRange(0), help="Channel, counted from 0.")
def evaluate(
    models: tuple[str, ...],
    marked: tuple[Path, ...],
    recordings: tuple[Path, ...],
    quiet: tuple[str, ...],
    doubtful: Path | None,
    output: Path,
    choose_on: tuple[str, ...],
    limits: tuple[float, ...],
    show_limit: float,
    pictures: int,
    call_label: tuple[str, ...],
    hop: float,
    folds: Path | None,
    channel: int,
) -> None:
    """Measure recall against false events an hour on whole recordings.

    MODEL is a model file, the name of one inside the package, or a checkpoint's folder; several are set side by side.
    """
    from train.data.mixture.mixture import Mixture
    from train.data.whole_recordings import marked_recordings, quiet_recordings, with_doubtful
    from train.evaluation import evaluate as evaluation
    from train.evaluation.corpus import Corpus
    from train.evaluation.model_result import Question
    from train.evaluation.parts import parts_of
    from train.evaluation.scorer import read_about
    from train.evaluation.table import aligned, overview

    _check_output(output)
    candidates = _candidates(models, () if folds is None else Mixture.read(folds).folds)
    about = read_about(candidates[0].models[0][0])
    if hop * about.rate < 1:
        raise UsageError(
            f"--hop {hop:g} is less than a sample at the model's {about.rate} Hz.",
            "Give the seconds from window to window, such as 0.5.",
        )

    def report(text: str) -> None:
        click.echo(text, err=True)

    found = marked_recordings(marked, recordings, call_label or None, channel=channel, report=report)
    found += quiet_recordings(_quiet(quiet))
    corpus = Corpus.of(found if doubtful is None else with_doubtful(found, doubtful, report))
    if corpus.unheard:
        report(f"{corpus.unheard} marked calls do not count: their middle is not in what was listened to.")
    snr_db = evaluation.call_snrs_db(corpus, about.band_hz, about.rate, channel)
    asked = Question(corpus, snr_db, parts_of(corpus, choose_on), tuple(sorted(set(limits))), hop, channel)
    results = evaluation.evaluate(
        candidates,
        asked,
        output,
        band_hz=about.band_hz,
        shown_limit=min(limits, key=lambda limit: abs(limit - show_limit)),
        pictures=pictures,
        command=shlex.join(["python", "-m", "train", *sys.argv[1:]]),
        report=report,
    )
    click.echo(aligned(overview(results, asked)))
    click.echo(f"Look at {output / 'report.html'}.")


def _candidates(models: tuple[str, ...], folds: tuple[tuple[str, ...], ...]) -> list[Candidate]:
    """What is judged, by the name to show: the file's name, with its folder where two files have the same name."""
    from edge_daemon.model.shipped import model_path
    from train.evaluation.scorer import Candidate

    def path(model: str) -> Path:
        return Path(model) if Path(model).is_dir() else model_path(model)

    def parts(model: Path) -> tuple[tuple[Path, tuple[str, ...]], ...]:
        if FOLD not in str(model):
            return ((model, ()),)
        if not folds:
            raise UsageError(f"{model} names a network for each fold.", "Say with --folds FILE.yaml which folds.")
        return tuple((path(str(model).replace(FOLD, str(n))), names) for n, names in enumerate(folds))

    paths = [Path(model) if FOLD in model else path(model) for model in dict.fromkeys(models)]
    stems = [_stem(path) for path in paths]
    named = {
        stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}-{stem}": path
        for stem, path in zip(stems, paths, strict=True)
    }
    if len(named) < len(paths):
        raise UsageError("Several models have the same file name and folder name.", "Give them different names.")
    return [Candidate(label, parts(model)) for label, model in named.items()]


def _stem(model: Path) -> str:
    """A model file's name without its suffix; a folder has none, whatever dots its name has."""
    whole = model.resolve()
    name = whole.name if Path(str(whole).replace(FOLD, "0")).is_dir() else whole.stem
    return name.replace(FOLD, "").strip("-_.") or whole.parent.name


def _check_output(folder: Path) -> None:
    """See before hours of work that results can be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UsageError(f"--output {folder} cannot be a folder: {there} is a file.", "Give another one.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"--output {folder} cannot be written: {there} may not be changed.", "Give another one.")


def _quiet(given: tuple[str, ...]) -> dict[str, list[Path]]:
    from train.data.whole_recordings import CALLS

    folders: dict[str, list[Path]] = {}
    for text in given:
        kind, equals, folder = text.partition("=")
        if not equals or not kind or kind == CALLS or not Path(folder).exists():
            wrong = "does not exist" if equals and kind and kind != CALLS else "is not KIND=FOLDER"
            raise UsageError(
                f"--quiet {text}: {folder or text} {wrong}.", "Write, for instance, --quiet song=recordings/humpback."
            )
        folders.setdefault(kind, []).append(Path(folder))
    return folders
