"""Hours and days in which whales were heard, were not, or nobody can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from edge_daemon.clock.time_source import SECOND_NS

if TYPE_CHECKING:
    from edge_daemon.config.presence import PresenceRuleSection

Result = Literal["DETECTED", "POSSIBLY_DETECTED", "NOT_DETECTED", "NOT_AVAILABLE"]
Verdict = Literal["call", "not a call", "unsure"]
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A detection, and what a person said of it.

    Attributes:
        at_ns: when it began, UTC in ns.
        score: its peak score.
        verdict: a reviewer's; None without one.
    """

    at_ns: int
    score: float
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class PresenceRule:
    """What makes a period one with whales.

    Attributes:
        least_score: detections with a lower score do not count; a reviewer's call always does.
        least_effort: share of a period that must have been listened to; with less, and nothing found, nobody can tell.
        detected_calls: so many calls within `within_ns` make a period detected without a verdict; None: never.
        within_ns: time from the first to the last of them, ns.
    """

    least_score: float = 0.0
    least_effort: float = 0.5
    detected_calls: int | None = None
    within_ns: int = HOUR_NS

    @classmethod
    def from_config(cls, section: PresenceRuleSection) -> Self:
        """The configured rule."""
        return cls(
            section.least_score or 0.0,
            section.least_effort,
            section.detected_calls,
            round(section.detected_within_min * 60 * SECOND_NS),
        )


@dataclass(frozen=True, slots=True)
class PresencePeriod:
    """One hour or day.

    Attributes:
        begin_ns, end_ns: UTC in ns.
        effort_s: seconds listened to.
        calls: detections that count.
        validated: those that a reviewer called a call.
        result: what can be said.
    """

    begin_ns: int
    end_ns: int
    effort_s: float
    calls: int
    validated: int
    result: Result


@dataclass(frozen=True, slots=True)
class PeriodCalls:
    """What the result of one period follows from, beside its effort.

    Attributes:
        calls: detections that count.
        validated: those that a reviewer called a call.
        dense: whether as many as are asked for lie within the time that is asked for.
    """

    calls: int
    validated: int
    dense: bool


def judge(
    calls: Iterable[JudgedCall], heard: Iterable[tuple[int, int]], length_ns: int, rule: PresenceRule
) -> list[PresencePeriod]:
    """Every period from the first moment listened to or call to the last, in order, those without effort too.

    Args:
        calls: all detections.
        heard: begins and ends of what was listened to, UTC in ns, in any order; what is there twice counts once.
        length_ns: of a period, which begins at a multiple of it since 1970.
        rule: what counts.
    """
    own: dict[int, list[JudgedCall]] = defaultdict(list)
    for call in calls:
        if call.verdict == "call" or _counts(call, rule):
            own[call.at_ns // length_ns].append(call)
    return judge_counted({number: _counted(found, rule) for number, found in own.items()}, heard, length_ns, rule)


def judge_counted(
    counted: Mapping[int, PeriodCalls], heard: Iterable[tuple[int, int]], length_ns: int, rule: PresenceRule
) -> list[PresencePeriod]:
    """As `judge`, where somebody else has counted the calls.

    Args:
        counted: by number of the period since 1970, where any call counts.
        heard, length_ns, rule: as for `judge`.
    """
    spans = list(joined(sorted(span for span in heard if span[1] > span[0])))
    numbers = [*(moment // length_ns for span in spans for moment in (span[0], span[1] - 1)), *counted]
    if not numbers:
        return []
    periods = []
    place = 0
    for number in range(min(numbers), max(numbers) + 1):
        begin, end = number * length_ns, (number + 1) * length_ns
        while place < len(spans) and spans[place][1] <= begin:
            place += 1
        effort_ns, following = 0, place
        while following < len(spans) and spans[following][0] < end:
            effort_ns += min(spans[following][1], end) - max(spans[following][0], begin)
            following += 1
        periods.append(_period(begin, end, effort_ns, counted.get(number, _NO_CALLS), rule))
    return periods


_NO_CALLS = PeriodCalls(0, 0, dense=False)


def _counts(call: JudgedCall, rule: PresenceRule) -> bool:
    return call.verdict != "not a call" and call.score >= rule.least_score


def _counted(calls: Sequence[JudgedCall], rule: PresenceRule) -> PeriodCalls:
    validated = sum(call.verdict == "call" for call in calls)
    return PeriodCalls(len(calls), validated, dense=_dense(sorted(call.at_ns for call in calls), rule))


def _dense(times: Sequence[int], rule: PresenceRule) -> bool:
    if rule.detected_calls is None:
        return False
    pairs = zip(times, times[rule.detected_calls - 1 :], strict=False)
    return any(last - first <= rule.within_ns for first, last in pairs)


def _period(begin: int, end: int, effort_ns: int, own: PeriodCalls, rule: PresenceRule) -> PresencePeriod:
    result: Result = "NOT_DETECTED"
    if own.validated or own.dense:
        result = "DETECTED"
    elif own.calls:
        result = "POSSIBLY_DETECTED"
    elif effort_ns < rule.least_effort * (end - begin) or not effort_ns:
        result = "NOT_AVAILABLE"
    return PresencePeriod(begin, end, effort_ns / SECOND_NS, own.calls, own.validated, result)


def joined(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that follow on from each other as one: a year has sixty million windows."""
    last: tuple[int, int] | None = None
    for begin, end in spans:
        if last is not None and last[0] <= begin <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (begin, end)
    if last is not None:
        yield last
