"""The published schemas: those of the code, of every document, with examples that the program itself could write."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

import edge_daemon
from edge_daemon.clips.clip import clip_name
from edge_daemon.clock.utc import nanoseconds
from edge_daemon.config.clips import ClipsSection
from edge_daemon.detection.document import Detection
from edge_daemon.documents.__main__ import PUBLISHED, main
from edge_daemon.documents.document import Document
from edge_daemon.effort.summary import EffortSummary
from edge_daemon.model.model_file import ModelFile
from edge_daemon.model.shipped import model_path

DOCUMENTS: list[type[Document]] = [resolve_name(place) for place in PUBLISHED]


def examples(document: type[Document]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document.schema_text())["examples"]
    assert found
    return found


def test_every_document_is_published() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(edge_daemon.__file__).parent.rglob("*.py")]
    written = [name for source in sources for name in re.findall(r"^class (\w+)\(Document\)", source, re.MULTILINE)]
    assert sorted(written) == sorted(document.__name__ for document in DOCUMENTS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_published_schema_is_the_generated_one(document: type[Document]) -> None:
    published = document.schema_file().read_text(encoding="utf-8")
    assert published == document.schema_text(), "run: python -m edge_daemon.documents"
    schema = json.loads(published)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    name = schema["properties"]["schema"]["const"]  # edge_daemon.detection/1
    assert schema["$id"] == f"urn:edge_daemon:{name.removeprefix('edge_daemon.').replace('/', ':')}"
    assert '"additionalProperties": false' not in published
    assert next(iter(schema["properties"])) == "schema"


@pytest.mark.parametrize("document", [Detection, EffortSummary])
def test_a_reader_of_today_takes_the_fields_of_tomorrow(document: type[Document]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(document.schema_text()))
    for example in examples(document):
        grown = {
            key: value | {"surprise": 1}
            if isinstance(value, dict)
            else [one | {"surprise": 1} if isinstance(one, dict) else one for one in value]
            if isinstance(value, list)
            else value
            for key, value in example.items()
        }
        validator.validate(grown | {"surprise": {"of": "tomorrow"}})
        assert list(validator.iter_errors(example | {"device": 7}))


def test_no_two_schemas_have_one_id() -> None:
    assert len({json.loads(document.schema_text())["$id"] for document in DOCUMENTS}) == len(DOCUMENTS)


def test_the_command_writes_the_files_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_daemon.documents.document._ASSETS", tmp_path)
    main()
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assets = Path(edge_daemon.__file__).parent / "assets"
    assert written == {path.name: path.read_bytes() for path in assets.glob("*.schema.json")}
    assert len(written) == len(PUBLISHED)


@pytest.mark.parametrize("document", [Detection, EffortSummary])
def test_the_examples_are_valid(document: type[Document]) -> None:
    for example in examples(document):
        jsonschema.validate(example, json.loads(document.schema_text()), cls=jsonschema.Draft202012Validator)
        assert json.loads(document.model_validate(example).to_json()) == example


def test_the_example_of_a_detection_is_one_that_the_shipped_model_would_make() -> None:
    metadata = ModelFile.read(model_path("right_whale")).metadata
    margin_ns = round(ClipsSection().margin_s * 1e9)
    for example in examples(Detection):
        assert example["model"]["name"] == metadata.name
        assert example["label"] == metadata.labels[metadata.call_label]
        begin_ns = nanoseconds(datetime.fromisoformat(example["begin_utc"])) - margin_ns
        assert example["clip"] == clip_name(example["device"], begin_ns, example["id"], "flac")


def test_a_document_is_never_changed_and_knows_its_fields() -> None:
    for example in examples(Detection):
        document = Detection.model_validate(example)
        with pytest.raises(ValidationError, match="frozen"):
            document.label = "other"  # type: ignore[misc]
        with pytest.raises(ValidationError, match="Extra inputs"):
            Detection.model_validate(example | {"surprise": 1})
