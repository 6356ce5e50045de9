"""Users and their sessions. Passwords are kept as Argon2 makes them, sessions as a digest of what the browser holds."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update

from edge_daemon.clock.time_source import SECOND_NS
from edge_daemon.errors import UsageError
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.tables import SESSIONS, USERS

Role = Literal["look", "judge", "order"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: look at everything, judge calls, order (try alerts, send signed orders)."""
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
_NAME = re.compile(r"[\w][\w .@-]{0,63}")
_RENEW_NS = 60 * SECOND_NS
"""A session's last use is written down at most so often."""


@dataclass(frozen=True, slots=True)
class UserSession:
    """Somebody who has logged in.

    Attributes:
        user: the name.
        role: what he or she may do.
        csrf: what the page sends back with each change.
    """

    user: str
    role: Role
    csrf: str

    def may(self, role: Role) -> bool:
        """Whether the user has this role or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Accounts:
    """Users and sessions in the database.

    Args:
        database: brought to its present form.
        session_s: a session ends so long after its last use.
        hasher: Argon2 with its library's costs if None.
    """

    def __init__(self, database: StationDatabase, session_s: float, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._session_ns = round(session_s * SECOND_NS)
        self._hasher = hasher or PasswordHasher()
        self._one_at_a_time = threading.Lock()  # a hash takes 64 MB

    def put(self, name: str, role: Role, password: str) -> None:
        """Make a user, or give one another role and password; its sessions end.

        Raises:
            UsageError: name or password will not do.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a user's name.", "Use letters, digits, dot, dash, @; at most 64.")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise UsageError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
        kept = {"role": role, "password": self._hasher.hash(password)}
        with self._database.writing() as connection:
            insert = self._database.insert(USERS).values(name=name, **kept)
            connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=kept))
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))

    def remove(self, name: str) -> bool:
        """Remove a user, whose verdicts stay; false if there is none."""
        with self._database.writing() as connection:
            return connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount == 1

    def all(self) -> list[tuple[str, str]]:
        """Names and roles."""
        with self._database.reading() as connection:
            rows = connection.execute(select(USERS.c.name, USERS.c.role).order_by(USERS.c.name))
            return [(row.name, row.role) for row in rows]

    def log_in(self, name: str, password: str, now_ns: int) -> str | None:
        """The token of a new session; None if name or password is wrong, which takes as long."""
        with self._database.reading() as connection:
            kept = connection.scalar(select(USERS.c.password).where(USERS.c.name == name[:64]))
        with self._one_at_a_time:
            try:
                self._hasher.verify(kept or self._nobody(), password[:LONGEST_PASSWORD])
            except (VerificationError, InvalidHashError):
                return None
        if kept is None:
            return None
        token = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.seen_ns < now_ns - self._session_ns))
            values = {"token": _digest(token), "user": name, "csrf": secrets.token_urlsafe(32), "seen_ns": now_ns}
            connection.execute(SESSIONS.insert().values(**values))
        return token

    @cache  # noqa: B019 - one for the program's life
    def _nobody(self) -> str:
        """A password that is nobody's, so that a wrong name takes as long as a wrong password."""
        return self._hasher.hash(secrets.token_hex())

    def session(self, token: str, now_ns: int) -> UserSession | None:
        """Whose session that is; None if it has ended, or never was."""
        if not token:
            return None
        wanted = (
            select(SESSIONS.c.user, SESSIONS.c.csrf, SESSIONS.c.seen_ns, USERS.c.role)
            .join(USERS, USERS.c.name == SESSIONS.c.user)
            .where(SESSIONS.c.token == _digest(token))
        )
        with self._database.reading() as connection:
            row = connection.execute(wanted).first()
        if row is None or row.role not in ROLES or row.seen_ns < now_ns - self._session_ns:
            return None
        if row.seen_ns < now_ns - _RENEW_NS:
            with self._database.writing() as connection:
                renewed = update(SESSIONS).where(SESSIONS.c.token == _digest(token)).values(seen_ns=now_ns)
                connection.execute(renewed)
        return UserSession(row.user, row.role, row.csrf)

    def log_out(self, token: str) -> None:
        """End a session."""
        with self._database.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
