"""The first form: documents, verdicts, users, alerts."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Integer, LargeBinary, String, Text

revision = "1"
down_revision: str | None = None
KEY = BigInteger().with_variant(Integer, "sqlite")
TABLES = (
    "devices",
    "detections",
    "pictures",
    "sounds",
    "lost_clips",
    "verdicts",
    "health",
    "effort",
    "hours",
    "refusals",
    "users",
    "sessions",
    "alerts",
    "deliveries",
)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "devices",
        Column("number", KEY, primary_key=True),
        Column("name", String(64), nullable=False, unique=True),
        Column("seen_ns", BigInteger, nullable=False),
        Column("online", Boolean),
        Column("online_ns", BigInteger),
        Column("state", String(16)),
        Column("reasons", Text),
        Column("health_ns", BigInteger),
        Column("call_ns", BigInteger),
        Column("latitude", Float),
        Column("longitude", Float),
    )
    op.create_table(
        "detections",
        Column("number", KEY, primary_key=True),
        Column("device", KEY, ForeignKey("devices.number"), nullable=False),
        Column("id", String(36), nullable=False),
        Column("at_ns", BigInteger, nullable=False),
        Column("came_ns", BigInteger, nullable=False),
        Column("score", Float, nullable=False),
        Column("verdict", String(16)),
        Column("latitude", Float),
        Column("longitude", Float),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "pictures",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("id", String(36), primary_key=True),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "sounds",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("id", String(36), primary_key=True),
        Column("came_ns", BigInteger, nullable=False),
        Column("begin_ns", BigInteger, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("format", String(8), nullable=False),
        Column("sound", LargeBinary, nullable=False),
    )
    op.create_table(
        "lost_clips",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("id", String(36), primary_key=True),
        Column("reason", Text, nullable=False),
    )
    op.create_table(
        "verdicts",
        Column("number", KEY, primary_key=True),
        Column("detection", KEY, ForeignKey("detections.number"), nullable=False),
        Column("reviewer", String(64), nullable=False),
        Column("at_ns", BigInteger, nullable=False),
        Column("verdict", String(16)),
        Column("species", Text, nullable=False),
        Column("remark", Text, nullable=False),
    )
    op.create_table(
        "health",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("at_ns", BigInteger, primary_key=True),
        Column("came_ns", BigInteger, nullable=False),
        Column("state", String(16), nullable=False),
        Column("reasons", Text, nullable=False),
        Column("level_dbfs", Float),
        Column("ambient_db", Float),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "effort",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("kind", String(8), primary_key=True),
        Column("begin_ns", BigInteger, primary_key=True),
        Column("end_ns", BigInteger, primary_key=True),
        Column("document", Text, nullable=False),
    )
    op.create_table(
        "hours",
        Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
        Column("hour", Integer, primary_key=True),
        Column("calls", Integer, nullable=False, server_default="0"),
        Column("validated", Integer, nullable=False, server_default="0"),
        Column("denied", Integer, nullable=False, server_default="0"),
        Column("listened_s", Float, nullable=False, server_default="0"),
        Column("tallied_s", Float, nullable=False, server_default="0"),
    )
    op.create_table(
        "refusals",
        Column("number", KEY, primary_key=True),
        Column("at_ns", BigInteger, nullable=False),
        Column("topic", String(256), nullable=False),
        Column("reason", String(256), nullable=False),
    )
    op.create_table(
        "users",
        Column("name", String(64), primary_key=True),
        Column("role", String(8), nullable=False),
        Column("password", String(256), nullable=False),
    )
    op.create_table(
        "sessions",
        Column("token", String(64), primary_key=True),
        Column("user", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
        Column("csrf", String(64), nullable=False),
        Column("seen_ns", BigInteger, nullable=False),
    )
    op.create_table(
        "alerts",
        Column("number", KEY, primary_key=True),
        Column("rule", String(64), nullable=False),
        Column("device", String(64), nullable=False),
        Column("at_ns", BigInteger, nullable=False),
        Column("text", Text, nullable=False),
        Column("kind", String(16), nullable=False),
    )
    op.create_table(
        "deliveries",
        Column("number", KEY, primary_key=True),
        Column("alert", KEY, ForeignKey("alerts.number"), nullable=False),
        Column("channel", String(64), nullable=False),
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("due_ns", BigInteger),
        Column("done_ns", BigInteger),
        Column("error", Text, nullable=False, server_default=""),
    )
    op.create_index("detection_once", "detections", ["device", "id"], unique=True)
    op.create_index("detections_by_time", "detections", ["at_ns", "number"])
    op.create_index("detections_of_device", "detections", ["device", "at_ns", "number"])
    op.create_index("detections_by_verdict", "detections", ["verdict", "at_ns", "number"])
    op.create_index("ix_sounds_came_ns", "sounds", ["came_ns"])
    op.create_index("ix_verdicts_detection", "verdicts", ["detection"])
    op.create_index("ix_health_came_ns", "health", ["came_ns"])
    op.create_index("hours_by_time", "hours", ["hour"])
    op.create_index("alerts_by_rule", "alerts", ["rule", "device", "kind", "at_ns"])
    op.create_index("ix_deliveries_alert", "deliveries", ["alert"])
    op.create_index("ix_deliveries_due_ns", "deliveries", ["due_ns"])


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for name in reversed(TABLES):
        op.drop_table(name)
