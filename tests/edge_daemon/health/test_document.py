"""The health document and its published schema."""

from __future__ import annotations

import json

from edge_daemon.health.document import (
    HealthDocument,
)


def test_published_schema_is_that_of_the_code() -> None:
    assert json.loads(HealthDocument.schema_text()) == HealthDocument.model_json_schema(by_alias=True)
