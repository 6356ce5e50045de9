"""The second form: orders to devices, and their replies; presence is judged from an index alone."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Text

revision = "2"
down_revision = "1"
KEY = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the two tables; the index of a device's detections also holds what presence asks for."""
    op.create_table(
        "orders",
        Column("number", KEY, primary_key=True),
        Column("digest", String(64), nullable=False, unique=True),
        Column("addressee", String(65), nullable=False),
        Column("counter", BigInteger, nullable=False),
        Column("expires_s", BigInteger, nullable=False),
        Column("kind", String(32), nullable=False),
        Column("arguments", Text, nullable=False),
        Column("key", String(12)),
        Column("at_ns", BigInteger, nullable=False),
        Column("sender", String(64)),
    )
    op.create_table(
        "replies",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("digest", String(64), primary_key=True),
        Column("at_ns", BigInteger, nullable=False),
        Column("came_ns", BigInteger, nullable=False),
        Column("counter", BigInteger),
        Column("document", Text, nullable=False),
    )
    op.drop_index("detections_of_device", "detections")
    op.create_index("detections_of_device", "detections", ["device", "at_ns", "number", "score", "verdict"])
    op.create_index("orders_for", "orders", ["addressee", "at_ns"])
    op.create_index("orders_by_counter", "orders", ["counter"])
    op.create_index("ix_replies_came_ns", "replies", ["came_ns"])
    op.create_index("replies_of_device", "replies", ["device", "at_ns"])


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for name in ("replies", "orders"):
        op.drop_table(name)
    op.drop_index("detections_of_device", "detections")
    op.create_index("detections_of_device", "detections", ["device", "at_ns", "number"])
