"""Section `schedule`: when to listen. In between, the sound card is closed and effort knows it."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_daemon.config.section import Section, key, refusal

_RANGE = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class ScheduleSection(Section):
    """Always, minutes on and off, or daily windows."""

    mode: Literal["always", "cycle", "daily"] = key(
        "always", "`always`; `cycle`: on_minutes on, off_minutes off; `daily`: the windows of `daily`", live=True
    )
    on_minutes: float | None = key(None, "Mode `cycle`: time listening", unit="min", ge=0.5, le=10_080, live=True)
    off_minutes: float | None = key(None, "Mode `cycle`: time not listening", unit="min", ge=0.5, le=10_080, live=True)
    daily: list[str] = key(
        None,
        'Mode `daily`: windows in UTC, such as "04:30-07:00"; a window may pass midnight',
        factory=list,
        max_length=48,
        live=True,
    )

    @field_validator("daily")
    @classmethod
    def _readable(cls, value: list[str]) -> list[str]:
        for number, text in enumerate(value):
            match = _RANGE.fullmatch(text)
            if match is None or _minutes(text)[1] > 1440 or _minutes(text)[0] == _minutes(text)[1] % 1440:
                raise refusal(f"{number}", f'must be a window such as "04:30-07:00", not {text!r}')
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.mode == "cycle":
            for name in ("on_minutes", "off_minutes"):
                if getattr(self, name) is None:
                    raise refusal(name, "is required with mode `cycle`")
        elif self.on_minutes is not None or self.off_minutes is not None:
            name = "on_minutes" if self.on_minutes is not None else "off_minutes"
            raise refusal(name, f"has no meaning with mode `{self.mode}`", "Set `mode: cycle` or remove it.")
        if self.mode == "daily" and not self.daily:
            raise refusal("daily", "is required with mode `daily`", 'Add windows, such as ["04:30-07:00"].')
        if self.mode != "daily" and self.daily:
            raise refusal("daily", f"has no meaning with mode `{self.mode}`", "Set `mode: daily` or remove it.")
        return self


def _minutes(text: str) -> tuple[int, int]:
    begin, end = (60 * int(part[:2]) + int(part[3:]) for part in text.split("-"))
    return begin, end
