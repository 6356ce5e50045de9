"""`python -m export`: a checkpoint becomes a model file, or a model file a newer one or its card."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_daemon.errors import EdgeDaemonError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_daemon.model.model_file import ModelFile
    from export.parity import Parity


CONTEXT = "How far back calls make others likelier, 30 s or more; 0 judges each window by itself."


def _memory(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    from edge_daemon.detection.call_context import is_memory

    if value is not None and not is_memory(value):
        raise click.BadParameter("is neither 0 nor from 30 to 600 s.")
    return value


class _CheckpointFirst(click.Group):
    """`export CHECKPOINT …` is the main job and needs no name, unlike `export card …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = ["model", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CheckpointFirst, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Turn a trained network into the one file that the daemon reads: `python -m export CHECKPOINT --output FILE`."""


@main.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Model file to write.")
@click.option("--nir", type=click.Path(path_type=Path), help="NIR file to write as well (portable models only).")
@click.option("--name", default="", help="Name of the model [default: the checkpoint's folder name].")
@click.option("--version", "model_version", default="1.0.0", show_default=True)
@click.option("--summary", default="", help="One sentence about the model.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Event rules  [default: those of what it started from]")
@click.option("--threshold-low", type=click.FloatRange(0, 1), help="[default: likewise, or half of the threshold]")
@click.option("--min-windows", type=click.IntRange(1), help="[default: likewise, or 1]")
@click.option("--min-rise", "min_rise_hz", type=click.FloatRange(0), help="How far an event's call must rise, Hz.")
@click.option("--context", "context_s", type=float, callback=_memory, help=CONTEXT)
@click.option("--note", help="How the operating point was chosen.")
@click.option("--weakness", "weaknesses", multiple=True, help="A known weakness in a sentence; can be repeated.")
@click.option("--drop-weakness", "dropped", multiple=True, help="Part of its start's sentence that holds no more.")
@click.option("--licence", help="Terms of the weights  [default: those of what it was made from, or Apache-2.0]")
@click.option("--results", type=click.Path(path_type=Path), help="Cross-validation whose figures go into the file.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Figures measured elsewhere; see export/evidence.py.")
@click.option(
    "--features", help="Data set for the parity check and the counted operations; default: synthetic pictures."
)
def model(
    checkpoint: Path,
    output: Path,
    nir: Path | None,
    name: str,
    model_version: str,
    summary: str,
    weaknesses: tuple[str, ...],
    dropped: tuple[str, ...],
    licence: str | None,
    results: Path | None,
    evidence: Path | None,
    features: str | None,
    **rules: float | str | None,
) -> None:
    """Export CHECKPOINT as a model file if trainer, reference and graph agree on every spike.

    Terms, credit, known weaknesses, event rules and the call's band are those of the models that CHECKPOINT was made
    from, unless options say otherwise.
    """
    from export.evidence import Evidence
    from export.modelfile import Wishes, changed_point, make, save
    from export.taken_over import USUAL, point_of, told
    from train.checkpoint import load

    found = load(checkpoint)
    pictures, source = _pictures(features, found.document.frontend.shape)
    point, threshold = point_of(found.document), rules["threshold"]
    if point == USUAL and isinstance(threshold, float) and rules["threshold_low"] is None:
        rules["threshold_low"] = threshold / 2
    point = changed_point(point, rules)
    wishes = Wishes(
        name=name or checkpoint.resolve().name,
        version=model_version,
        operating_point=point,
        summary=summary,
        licence=licence,
        weaknesses=weaknesses,
        dropped=dropped,
        command=_this_command(),
        results=results,
        evidence=Evidence() if evidence is None else Evidence.read(evidence),
    )
    model_file, parity = make(found, wishes, pictures, source)
    if nir is not None:
        from export.nir import write_nir

        write_nir(model_file.network(), nir)
        print(f"{nir}: {nir.stat().st_size:,} bytes")
    save(model_file, output)
    _tell(output, model_file, parity, "trainer, reference")
    for words in told(found.document, model_file.metadata, licence):
        print(words)


@main.command()
@click.argument("source", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Model file to write.")
@click.option("--version", "model_version", required=True, help="New version; must differ from MODEL's.")
@click.option("--weakness", "weaknesses", multiple=True, help="A weakness found since, in a sentence; can be repeated.")
@click.option("--drop-weakness", "dropped", multiple=True, help="Part of a sentence of MODEL's that holds no more.")
@click.option("--licence", help="Terms of the weights  [default: MODEL's].")
@click.option("--evidence", type=click.Path(path_type=Path), help="Figures measured since; see export/evidence.py.")
@click.option("--results", type=click.Path(path_type=Path), help="Cross-validation run since, for its figures.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Event rules  [default: MODEL's, as the next five].")
@click.option("--threshold-low", type=click.FloatRange(0, 1))
@click.option("--min-windows", type=click.IntRange(1))
@click.option("--min-rise", "min_rise_hz", type=click.FloatRange(0), help="How far an event's call must rise, Hz.")
@click.option("--context", "context_s", type=float, callback=_memory, help=CONTEXT)
@click.option("--note", help="How the event rules were chosen.")
@click.option("--features", help="Data set for the parity check and for counting operations again.")
def remake(
    source: Path,
    output: Path,
    model_version: str,
    weaknesses: tuple[str, ...],
    dropped: tuple[str, ...],
    licence: str | None,
    evidence: Path | None,
    results: Path | None,
    features: str | None,
    **rules: float | str | None,
) -> None:
    """Write MODEL again with this exporter's graph; weights and scores stay the same, event rules unless told.

    MODEL is a model file or the name of one inside the package.
    """
    from edge_daemon.model.model_file import ModelFile
    from edge_daemon.model.shipped import model_path
    from export import modelfile
    from export.evidence import Evidence

    old = ModelFile.read(model_path(source))
    pictures, origin = _pictures(features, old.metadata.frontend.shape)
    measured = Evidence() if evidence is None else Evidence.read(evidence)
    point = modelfile.changed_point(old.metadata.operating_point, rules)
    changes = modelfile.Changes(model_version, _this_command(), weaknesses, measured, licence, point, dropped, results)
    model_file, parity = modelfile.remake(old, changes, pictures, origin)
    modelfile.save(model_file, output)
    _tell(output, model_file, parity, "reference")


@main.command()
@click.argument("source", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A .md file or a folder  [default: next to the file; for a model inside the package, here]",
)
def card(source: Path, output: Path | None) -> None:
    """Render a model's card: Markdown and a picture.

    MODEL is a model file or the name of one inside the package.
    """
    from edge_daemon.model.shipped import model_path
    from export.card import write_card

    for path in write_card(model_path(source), output or source.parent):
        print(path)


def _pictures(features: str | None, shape: tuple[int, int]) -> tuple[NDArray[np.uint8], str]:
    """Pictures to check and count with, and where they are from."""
    from export.evidence import spread
    from export.modelfile import PARITY_WINDOWS, SYNTHETIC, synthetic_features

    if features is None:
        return synthetic_features(shape, PARITY_WINDOWS), SYNTHETIC
    from train.data import open as open_data

    real = open_data(features).features
    if real is None or real.shape[1:] != shape:
        raise UsageError(f"{features} contains no features of shape {shape}.")
    return spread(real, PARITY_WINDOWS), Path(features).name


def _this_command() -> str:
    return shlex.join(["python", "-m", "export", *sys.argv[1:]])


def _tell(output: Path, model_file: ModelFile, parity: Parity, agreeing: str) -> None:
    print(
        f"{output}: {len(model_file.data):,} bytes, {model_file.network().parameters:,} parameters;"
        f" {parity.windows:,} windows agree spike for spike between {agreeing} and {parity.ways} ways to run"
        f" the graph; mean spikes a layer {', '.join(f'{n:.0f}' for n in parity.layer_spikes)}."
    )


def run() -> int:
    """The command with errors told in two lines; exit code."""
    try:
        main.main(standalone_mode=False)
    except EdgeDaemonError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
