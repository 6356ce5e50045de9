"""Weights keep the terms, credit, weaknesses and event rules of what they were made from, unless options differ."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.errors import UsageError
from edge_daemon.model.model_file import ModelFile, OperatingPoint
from edge_daemon.model.shipped import model_path

pytest.importorskip("torch")

from export.__main__ import run
from export.card import markdown
from export.taken_over import CALL_BAND_HZ, USUAL, band_of, licence_of, made_from, point_of, told
from train.ancestor import Ancestor
from train.checkpoint import CheckpointDocument, read_document, save
from train.start import ancestors_of, start_from

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ModelFile.read(model_path("right_whale"))
TITLE = f"right_whale {SOURCE.metadata.version}"
TERMS = SOURCE.metadata.provenance.licence
NOTE = f"As for {TITLE}: {SOURCE.metadata.operating_point.note}"


def document(*ancestors: Ancestor, **fields: Any) -> CheckpointDocument:
    return CheckpointDocument(
        network="conv", quantised=True, frontend=SOURCE.metadata.frontend, ancestors=ancestors, **fields
    )


def begun(folder: Path, source: str | Path = "right_whale") -> Path:
    """A checkpoint that has learned nothing since it started."""
    start = start_from(Path(source))
    save(folder, start.network, start.document)
    return folder


@pytest.fixture(autouse=True)
def _small_parity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.modelfile.PARITY_WINDOWS", 10)


def export(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checkpoint: Path, *words: str
) -> tuple[ModelFile, str]:
    output = checkpoint.with_suffix(".onnx")
    monkeypatch.setattr(sys, "argv", ["export", str(checkpoint), "--output", str(output), *words])
    code = run()
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return ModelFile.read(output), captured.out


def test_what_a_model_says_of_its_weights_stays_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, said = export(capsys, monkeypatch, begun(tmp_path / "own"))
    found, known = made.metadata, SOURCE.metadata
    assert found.provenance.licence == TERMS
    assert "non-profit research" in TERMS
    assert found.provenance.credit == known.provenance.credit
    assert found.weaknesses == known.weaknesses
    assert len(found.weaknesses) == 4
    assert found.operating_point == OperatingPoint(
        threshold=0.88, threshold_low=0.22, min_windows=2, min_rise_hz=30, context_s=300, note=NOTE
    )
    assert found.call_band_hz == known.call_band_hz
    assert found.provenance.data.endswith(f"; begun from {TITLE}, SHA-256 {SOURCE.digest[:16]}")
    assert said.splitlines()[-1] == (
        f"Taken over from {TITLE}: the terms “{TERMS}”; the credit; 4 known weaknesses; event rules"
        " (threshold 0.88, lower threshold 0.22, windows 2, rise 30 Hz, context 300 s); the call's band, 50 to 250 Hz."
    )
    card = markdown(made, "picture.png")
    assert f"- Weights: {TERMS}." in card
    assert "Apache" not in card
    assert "None were recorded." not in card


def test_options_say_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, said = export(
        capsys, monkeypatch, begun(tmp_path / "own"), "--licence", "Ours alone.", "--threshold", "0.9",
        "--min-rise", "0", "--context", "0", "--weakness", "Deaf in rain.", "--drop-weakness", "gunshots",
    )  # fmt: skip
    found, known = made.metadata, SOURCE.metadata.weaknesses
    assert found.provenance.licence == "Ours alone."
    assert found.provenance.credit == SOURCE.metadata.provenance.credit
    assert found.operating_point == OperatingPoint(threshold=0.9, threshold_low=0.22, min_windows=2)
    assert found.weaknesses == (known[0], *known[2:], "Deaf in rain.")
    assert said.splitlines()[-2:] == [
        f"Taken over from {TITLE}: the credit; 3 known weaknesses; event rules (lower threshold 0.22,"
        " windows 2); the call's band, 50 to 250 Hz.",
        f"The terms are “Ours alone.”, as --licence says; those of {TITLE} are “{TERMS}”.",
    ]
    monkeypatch.setattr(
        sys, "argv", ["export", str(tmp_path / "own"), "--output", str(tmp_path / "x"), "--drop-weakness", "lame"]
    )
    assert run() == 2
    assert "No weakness of the model contains 'lame'" in capsys.readouterr().err


def test_terms_pass_through_checkpoints(tmp_path: Path) -> None:
    first = begun(tmp_path / "first")
    second = read_document(begun(tmp_path / "second", first))
    assert [(ancestor.role, ancestor.title) for ancestor in second.ancestors] == [
        ("start", "first"),
        ("start", TITLE),
    ]
    assert second.ancestors[0].licence == ""
    assert second.ancestors[1] == Ancestor.of_model(SOURCE, "start")
    assert licence_of(second) == TERMS
    assert point_of(second).note == NOTE
    # a pupil has its teacher's terms and credit, but neither its event rules nor its weaknesses
    pupil = document(*ancestors_of(first, "teacher"))
    assert {ancestor.role for ancestor in pupil.ancestors} == {"teacher"}
    assert licence_of(pupil) == TERMS
    assert point_of(pupil) == USUAL
    assert band_of(pupil) == CALL_BAND_HZ
    assert made_from(pupil).startswith("; taught by first, SHA-256 ")
    assert told(pupil, SOURCE.metadata, None) == [f"Taken over from first, {TITLE}: the terms “{TERMS}”; the credit."]


def test_terms_of_several_hold_together() -> None:
    ours, theirs, free = (
        Ancestor(role="start", name=name, licence=licence)
        for name, licence in (("a", "For schools."), ("b", "For museums."), ("c", "Apache-2.0"))
    )
    assert licence_of(document()) == "Apache-2.0"
    assert licence_of(document(free)) == "Apache-2.0"
    assert licence_of(document(free, ours)) == "For schools."
    assert licence_of(document(ours, theirs, ours)) == "For schools. Also: For museums."


def test_terms_that_nobody_knows_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Checkpoints of before say what they started from, but not on which terms."""
    old = ROOT / "train/results/at_sea_folds/portable-0"
    assert read_document(old).ancestors == ()
    for found in (read_document(old), document(training={"fine_tuned": {"data": "verdicts"}})):
        with pytest.raises(UsageError, match="does not say under which terms") as caught:
            licence_of(found)
        assert "an older version noted none" in caught.value.message
        assert "--licence" in caught.value.hint
    start = Ancestor(role="start", name="portable-0", licence=None)
    with pytest.raises(UsageError, match=r"trained weights \(portable-0\)"):
        licence_of(document(start))
    assert licence_of(read_document(old.parent / "conv-0")) == "Apache-2.0"  # from data alone


def test_data_that_ask_for_a_credit_may_have_terms() -> None:
    [line] = told(document(credit="Courtesy of a museum."), SOURCE.metadata, None)
    assert line.startswith("The file says that the weights are under Apache-2.0.")
    assert told(document(credit="Courtesy of a museum."), SOURCE.metadata, "Apache-2.0") == []
    assert told(document(), SOURCE.metadata, None) == []
