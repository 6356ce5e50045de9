"""A card made of a document says what the document says."""

from __future__ import annotations

import json

import pytest

from edge_daemon.detection.document import Detection
from edge_daemon.detection.thumbnail import Thumbnail
from edge_daemon.web.detection_card import detection_card, picture_card
from tests.edge_daemon.shore.buoy_documents import HOUR_NS, detection, thumbnail


@pytest.mark.parametrize("call", ["there", "none", "in the recording before"])
def test_its_box_is_the_detections(call: str) -> None:
    document = detection("buoy-1", 3, 400_000 * HOUR_NS)
    if call == "none":
        document |= {"call": None, "contour": None}
    elif call != "there":
        document["call"] |= {"begin_s": -2.0, "end_s": -1.0}
    found = Detection.model_validate_json(json.dumps(document))
    card = detection_card(found.model_dump(mode="json"))
    assert card["box"] == list(found.box)
    assert card == detection_card(document) | {"id": str(found.id)}


def test_a_document_of_something_else_is_refused() -> None:
    with pytest.raises((KeyError, TypeError)):
        detection_card({"schema": "edge_daemon.effort/1"})


def test_a_picture_has_its_columns() -> None:
    document = thumbnail(detection("buoy-1", 3, 400_000 * HOUR_NS))
    levels = Thumbnail.model_validate(document).levels()
    card = picture_card(document, levels)
    assert card["columns"] == len(levels[0])
    assert len(card["levels"]) == document["rows"]
