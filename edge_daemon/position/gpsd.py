"""What gpsd says: JSON objects, one a line, of which those of class TPV hold a fix (`man gpsd_json`).

Objects of other classes, such as the sky with its satellites, are passed over unread, but for the two that tell of
receivers that come and go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from edge_daemon.clock.utc import nanoseconds
from edge_daemon.position.fix import Fix, NoFix, Reading, Refusal
from edge_daemon.position.position import FixType

PORT = 2947
LONGEST_LINE = 16_384
"""gpsd's own bound on an answer is 10,240."""
_CLASS = re.compile(rb'\{\s*"class"\s*:\s*"(TPV|DEVICES?|ERROR)"')
_BY_STATUS: dict[object, FixType] = {2: "differential", 3: "rtk", 4: "rtk"}
_BY_MODE: dict[object, FixType] = {2: "2d", 3: "3d"}
_GUESSED = {5: "dead reckoning", 6: "dead reckoning", 8: "a simulation"}
_MALFORMED = Refusal("malformed", "gpsd sends what cannot be read")


def request(device: str | None) -> bytes:
    """What asks gpsd to tell from now on.

    Args:
        device: path of the receiver that is meant; None for all.
    """
    wanted = {"enable": True, "json": True} | ({} if device is None else {"device": device})
    return f"?WATCH={json.dumps(wanted)};\n".encode()


def reader(device: str | None = None) -> Callable[[bytes], Reading | None]:
    """What reads gpsd's lines; None for a line that says nothing of the position.

    Args:
        device: path of the receiver that is meant; None for all.
    """

    def read(line: bytes) -> Reading | None:
        if _CLASS.match(line) is None:
            return None if line.startswith(b'{"class"') else _MALFORMED
        try:
            said = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):  # also a number of a thousand digits, and text that is no UTF-8
            return _MALFORMED
        if said["class"] == "TPV":
            return None if device is not None and said.get("device") != device else _fix(said)
        return _lack(said, device)

    return read


def _refuse(constant: str) -> float:
    raise ValueError(constant)  # NaN and Infinity are not JSON


def _lack(said: dict[str, Any], device: str | None) -> Reading | None:
    if said["class"] == "ERROR":
        return Refusal("malformed", "gpsd does not understand what it is asked")
    if said["class"] == "DEVICES":
        return NoFix("unplugged", "gpsd has no receiver") if said.get("devices") == [] else None
    gone = said.get("activated") == 0 and device in (None, said.get("path"))
    return NoFix("unplugged", "the receiver was unplugged from gpsd") if gone else None


def _fix(said: dict[str, Any]) -> Reading:
    mode, status = said.get("mode"), said.get("status", 1)
    if mode in (0, 1):
        return NoFix("no_fix", "the receiver has no fix")
    if isinstance(status, int) and status in _GUESSED:
        return Refusal("guessed", f"the receiver's position is {_GUESSED[status]}")
    if "time" not in said:
        return Refusal("date", "the receiver knows no time yet")
    error = said.get("eph", said.get("epx"))
    try:
        return Fix(
            latitude=_number(said.get("lat")),
            longitude=_number(said.get("lon")),
            utc_ns=nanoseconds(datetime.fromisoformat(said["time"])),
            type=_BY_STATUS.get(status, _BY_MODE[mode]),
            accuracy_m=None if error is None else _number(error),
        )
    except (KeyError, ValueError, TypeError, OverflowError):  # a time without zone, a list as mode, 400 digits
        return _MALFORMED


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(value)
    return float(value)
