"""Writes the published schemas of all documents anew: `python -m edge_daemon.documents`."""

from __future__ import annotations

from pkgutil import resolve_name

from edge_daemon.documents.document import Document

PUBLISHED = (
    "edge_daemon.clips.clip_part:ClipPart",
    "edge_daemon.clips.excerpt:Excerpt",
    "edge_daemon.clips.lost_clip:LostClip",
    "edge_daemon.detection.document:Detection",
    "edge_daemon.detection.thumbnail:Thumbnail",
    "edge_daemon.effort.summary:EffortSummary",
    "edge_daemon.effort.tally:PresenceTally",
    "edge_daemon.health.document:HealthDocument",
    "edge_daemon.orders.reply:OrderReply",
)
"""Named, not imported: their rooms lie above this one."""


def main() -> None:
    """Write the files."""
    for place in PUBLISHED:
        document: type[Document] = resolve_name(place)
        document.schema_file().write_text(document.schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
