"""What all published documents share: their form as JSON, and a JSON Schema in the package that anyone may check by.

Within a version of a schema a field is never renamed, removed or given another meaning. After a change
`python -m edge_daemon.documents` writes the schemas' files anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import JsonSchemaMode

_ASSETS = Path(__file__).parent.parent / "assets"


DIALECT = "https://json-schema.org/draft/2020-12/schema"


class DocumentPart(BaseModel):
    """A part of a document: never changed, and made without fields that its schema does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(DocumentPart):
    """A document that says which schema it follows: a field `schema_`, `edge_daemon.NAME/VERSION`, is its first."""

    schema_mode: ClassVar[JsonSchemaMode] = "serialization"
    """As it is written: fields with a default are always there. `validation` leaves them out of what is required."""

    def to_json(self) -> str:
        """The document on one line."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def schema_text(cls) -> str:
        """The JSON Schema, as it is published: within a version it lets fields pass that a newer program may add."""
        schema = cls.model_json_schema(by_alias=True, mode=cls.schema_mode)
        name, _, version = str(cls.model_fields["schema_"].default).partition("/")
        head = {"$schema": DIALECT, "$id": f"urn:{name.replace('.', ':')}:{version}"}
        return json.dumps(head | _open(schema), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def schema_file(cls) -> Path:
        """Where it is published."""
        name, _, _version = str(cls.model_fields["schema_"].default).removeprefix("edge_daemon.").partition("/")
        return _ASSETS / f"{name}.schema.json"


def _open(schema: Any) -> Any:
    """A schema that lets unknown fields pass, in all its parts; those named `additionalProperties: {…}` stay."""
    if isinstance(schema, dict):
        return {
            key: _open(value) for key, value in schema.items() if not (key == "additionalProperties" and value is False)
        }
    return [_open(value) for value in schema] if isinstance(schema, list) else schema
