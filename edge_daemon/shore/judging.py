"""Verdicts: each that is given is a row of its own, so that of several reviewers none loses another one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import select, update

from edge_daemon.presence.periods import HOUR_NS, Verdict
from edge_daemon.shore.cards import opinions
from edge_daemon.shore.database import StationDatabase
from edge_daemon.shore.tables import DETECTIONS, DEVICES, HOURS, VERDICTS
from edge_daemon.system.printable import printable

LONGEST_NOTE = 500
VERDICT_WORDS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reviewer says of a detection, in whole: it takes the place of what he or she said before.

    Attributes:
        verdict: None takes it back.
        species, remark: or empty.
    """

    verdict: Verdict | None
    species: str = ""
    remark: str = ""

    @classmethod
    def read(cls, data: Any) -> Judgement:
        """From a browser's JSON.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(data, dict) or data.keys() - {"verdict", "species", "remark"}:
            raise ValueError("a judgement has verdict, species and remark")
        verdict, species, remark = (
            "" if data.get(name) is None else data[name] for name in ("verdict", "species", "remark")
        )
        if verdict and verdict not in VERDICT_WORDS:
            raise ValueError(f"a verdict is one of: {', '.join(VERDICT_WORDS)}")
        for text in (species, remark):
            if not isinstance(text, str) or len(text) > LONGEST_NOTE:
                raise ValueError(f"species and remark are texts of {LONGEST_NOTE} characters at most")
        return cls(verdict or None, printable(species.strip()), printable(remark.strip()))


def judge(database: StationDatabase, detection: int, reviewer: str, said: Judgement, now_ns: int) -> str | None:
    """Keep a judgement; the device's name if it makes the detection a call, else an empty text; None without detection.

    Args:
        database: to write to.
        detection: number of it.
        reviewer: the user's name.
        said: what is said now.
        now_ns: UTC.
    """
    with database.writing() as connection:
        # one reviewer after the other, for the hour's counts follow from what was said before
        wanted = select(DETECTIONS.c.device, DETECTIONS.c.at_ns, DETECTIONS.c.verdict, DEVICES.c.name)
        joined = wanted.join(DEVICES, DEVICES.c.number == DETECTIONS.c.device)
        row = connection.execute(joined.where(DETECTIONS.c.number == detection).with_for_update()).first()
        if row is None:
            return None
        values = {"verdict": said.verdict, "species": said.species, "remark": said.remark}
        connection.execute(VERDICTS.insert().values(detection=detection, reviewer=reviewer, at_ns=now_ns, **values))
        all_said = select(VERDICTS).where(VERDICTS.c.detection == detection).order_by(VERDICTS.c.number)
        given = [one["verdict"] for one in opinions(connection.execute(all_said).all()) if one["verdict"]]
        last = given[-1] if given else None
        if last != row.verdict:
            connection.execute(update(DETECTIONS).where(DETECTIONS.c.number == detection).values(verdict=last))
            changes = {
                name: HOURS.c[name] + (int(last == word) - int(row.verdict == word))
                for name, word in (("validated", "call"), ("denied", "not a call"))
            }
            hour = update(HOURS).where(HOURS.c.device == row.device, HOURS.c.hour == row.at_ns // HOUR_NS)
            connection.execute(hour.values(**changes))
        return str(row.name) if last == "call" != row.verdict else ""
