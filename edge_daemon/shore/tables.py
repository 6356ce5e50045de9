"""The tables of the database, for SQLite and PostgreSQL alike. `migrations` makes them; a test compares the two.

Times are nanoseconds since 1970 UTC. Documents are kept as JSON text, beside the few figures that are searched by.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

KEY = BigInteger().with_variant(Integer, "sqlite")
"""A row's number: SQLite counts up by itself in a column of type INTEGER only."""

METADATA = MetaData()


def _device() -> Column[int]:
    return Column("device", KEY, ForeignKey("devices.number"), nullable=False)


DEVICES = Table(
    "devices",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("seen_ns", BigInteger, nullable=False),  # when something came last
    Column("online", Boolean),
    Column("online_ns", BigInteger),  # since when it is, or is not
    Column("state", String(16)),
    Column("reasons", Text),  # JSON: a list of sentences
    Column("health_ns", BigInteger),
    Column("call_ns", BigInteger),
    Column("latitude", Float),
    Column("longitude", Float),
)
DETECTIONS = Table(
    "detections",
    METADATA,
    Column("number", KEY, primary_key=True),
    _device(),
    Column("id", String(36), nullable=False),
    Column("at_ns", BigInteger, nullable=False),  # when it was heard; never later than it came
    Column("came_ns", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("verdict", String(16)),  # the last one said, by whomever
    Column("latitude", Float),
    Column("longitude", Float),
    Column("document", Text, nullable=False),
    Index("detection_once", "device", "id", unique=True),
    Index("detections_by_time", "at_ns", "number"),
    Index("detections_of_device", "device", "at_ns", "number", "score", "verdict"),  # a year is judged from it alone
    Index("detections_by_verdict", "verdict", "at_ns", "number"),
)
PICTURES = Table(
    "pictures",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("id", String(36), primary_key=True),
    Column("document", Text, nullable=False),
)
SOUNDS = Table(
    "sounds",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("id", String(36), primary_key=True),
    Column("came_ns", BigInteger, nullable=False, index=True),
    Column("begin_ns", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("format", String(8), nullable=False),
    Column("sound", LargeBinary, nullable=False),
)
LOST_CLIPS = Table(
    "lost_clips",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("id", String(36), primary_key=True),
    Column("reason", Text, nullable=False),
)
VERDICTS = Table(
    "verdicts",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("detection", KEY, ForeignKey("detections.number"), nullable=False, index=True),
    Column("reviewer", String(64), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("verdict", String(16)),  # null takes back
    Column("species", Text, nullable=False),
    Column("remark", Text, nullable=False),
)
HEALTH = Table(
    "health",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("at_ns", BigInteger, primary_key=True),
    Column("came_ns", BigInteger, nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("level_dbfs", Float),
    Column("ambient_db", Float),
    Column("document", Text, nullable=False),
)
EFFORT = Table(
    "effort",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("kind", String(8), primary_key=True),  # effort or tally
    Column("begin_ns", BigInteger, primary_key=True),
    Column("end_ns", BigInteger, primary_key=True),
    Column("document", Text, nullable=False),
)
HOURS = Table(
    "hours",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("hour", Integer, primary_key=True),  # since 1970
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("validated", Integer, nullable=False, server_default="0"),  # of these, judged a call
    Column("denied", Integer, nullable=False, server_default="0"),  # judged not a call
    Column("listened_s", Float, nullable=False, server_default="0"),  # by reports of effort
    Column("tallied_s", Float, nullable=False, server_default="0"),  # by tallies, where those do not come
    Index("hours_by_time", "hour"),
)
REFUSALS = Table(
    "refusals",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("topic", String(256), nullable=False),
    Column("reason", String(256), nullable=False),
)
USERS = Table(
    "users",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(8), nullable=False),
    Column("password", String(256), nullable=False),  # argon2's own form, with salt and costs
)
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token", String(64), primary_key=True),  # SHA-256 of what the browser holds
    Column("user", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("seen_ns", BigInteger, nullable=False),
)
ORDERS = Table(
    "orders",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the envelope
    Column("addressee", String(65), nullable=False),  # a device, or @ and a group
    Column("counter", BigInteger, nullable=False),
    Column("expires_s", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    Column("key", String(12)),  # that signed it; null: not checked
    Column("at_ns", BigInteger, nullable=False),  # when it was sent, or seen for the first time
    Column("sender", String(64)),  # user of the page; null: seen at the broker
    Index("orders_for", "addressee", "at_ns"),
    Index("orders_by_counter", "counter"),
)
REPLIES = Table(
    "replies",
    METADATA,
    Column("device", KEY, ForeignKey("devices.number"), primary_key=True),
    Column("digest", String(64), primary_key=True),  # SHA-256 of the document
    Column("at_ns", BigInteger, nullable=False),
    Column("came_ns", BigInteger, nullable=False, index=True),
    Column("counter", BigInteger),  # of the order; null: nobody knows
    Column("document", Text, nullable=False),
    Index("replies_of_device", "device", "at_ns"),
)
ALERTS = Table(
    "alerts",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("device", String(64), nullable=False),  # or empty: several
    Column("at_ns", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # calls, verdict, test, or the trouble
    Index("alerts_by_rule", "rule", "device", "kind", "at_ns"),
)
DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("alert", KEY, ForeignKey("alerts.number"), nullable=False, index=True),
    Column("channel", String(64), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_ns", BigInteger, index=True),  # null: sent, or given up
    Column("done_ns", BigInteger),
    Column("error", Text, nullable=False, server_default=""),
)
