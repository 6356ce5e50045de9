"""The answer to an order: what was done, or why not."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from edge_daemon.documents.document import Document


class OrderReply(Document):
    """What became of an order."""

    schema_: Literal["edge_daemon.order_reply/1"] = Field(
        default="edge_daemon.order_reply/1", alias="schema", description="Name and version of this schema."
    )
    device: str = Field(description="The device's id.")
    utc: str = Field(description="When this was written, ISO 8601.")
    key: str | None = Field(default=None, description="Name of the key that signed the order; null if none did.")
    order: int | None = Field(default=None, description="The order's counter; null if it could not be known.")
    kind: str | None = Field(default=None, description="The order's kind, likewise.")
    outcome: Literal["done", "trial", "confirmed", "rolled_back", "refused", "failed", "incomplete"] = Field(
        description="done; on trial; its trial has ended well; or badly, and the former state is back; refused; "
        "tried in vain; more pieces of the model are to be sent."
    )
    reason: str | None = Field(default=None, description="Of a refused order: a word for the reason.")
    text: str = Field(default="", description="For people.")
    detail: dict[str, Any] = Field(default_factory=dict, description="More for programs, by kind.")
