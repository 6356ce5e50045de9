"""What health tells about the outbox."""

from __future__ import annotations

from pydantic import Field

from edge_daemon.documents.document import DocumentPart


class OutboxHealth(DocumentPart):
    """Messages that the broker has not acknowledged."""

    depth: int = Field(ge=0, description="Messages waiting, on disk and in memory.")
    held: int = Field(default=0, ge=0, description="Those in memory only.")
    dropped: dict[str, int] = Field(default_factory=dict, description="Dropped, by `kind/reason`, ever.")
    available: bool = Field(default=True, description="False while its file cannot be used.")
    reason: str = Field(default="", description="Why not.")
