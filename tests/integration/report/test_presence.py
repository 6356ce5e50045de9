"""Hours judged on the page as the program judges them: the same sets of calls and verdicts through both."""

from __future__ import annotations

import json
import random

import pytest

from edge_daemon.presence.periods import HOUR_NS, JudgedCall, PresenceRule, Verdict, judge
from edge_daemon.web.asset import shared_asset
from tests.integration.browser import Browser

pytestmark = pytest.mark.slow
FIRST = 493_000  # hours since 1970
HOURS = 3
SCORES = (0.0, 0.49, 0.5, 0.51, 1.0)
VERDICTS: tuple[Verdict | None, ...] = (None, "call", "not a call", "unsure")
SECONDS = (0.0, 0.000001, 60.0, 120.0, 120.000001, 3599.999999)
RULES = [
    PresenceRule(least_score, 0.5, calls, round(within_s * 1e9))
    for least_score in (0.0, 0.5)
    for calls, within_s in ((None, 3600.0), (1, 0.001), (2, 120.0), (3, 119.9999995))
]


def drawn(random_: random.Random) -> list[JudgedCall]:
    calls = []
    for _ in range(random_.choice((0, 1, 2, 3, 5, 9))):
        hour, second = random_.randrange(HOURS), random_.choice(SECONDS)
        at_ns = (FIRST + hour) * HOUR_NS + round(second * 1e6) * 1000
        calls.append(JudgedCall(at_ns, random_.choice(SCORES), random_.choice(VERDICTS)))
    return calls


def test_page_and_program_judge_alike(browser: Browser) -> None:
    random_ = random.Random(18)
    cases, expected = [], []
    for number in range(2000):
        rule, calls = RULES[number % len(RULES)], drawn(random_)
        # the page is told what each hour is without calls; effort may be missing where calls are
        heard = [
            ((FIRST + hour) * HOUR_NS, (FIRST + hour) * HOUR_NS + random_.choice((1, HOUR_NS // 2, HOUR_NS)))
            for hour in range(HOURS)
            if random_.random() < 0.7
        ]
        effort = [
            [hour.begin_ns // HOUR_NS, hour.effort_s / 3600, hour.result]
            for hour in judge([], heard, HOUR_NS, rule)
            if hour.effort_s > 0
        ]
        cases.append(
            [
                [{"atUs": call.at_ns // 1000, "score": call.score, "verdict": call.verdict} for call in calls],
                effort,
                {
                    "leastScore": rule.least_score,
                    "detectedCalls": rule.detected_calls,
                    "withinUs": rule.within_ns // 1000,
                },
            ]
        )
        expected.append(
            [
                [hour.begin_ns // HOUR_NS, hour.calls, hour.validated, hour.result]
                for hour in judge(calls, heard, HOUR_NS, rule)
                if hour.calls or hour.effort_s > 0
            ]
        )
    script = shared_asset("presence.js").read_text(encoding="utf-8")
    shown = "([hour, { calls, validated, result }]) => [hour, calls, validated, result]"
    found = browser.value(
        f"(() => {{ {script}; return {json.dumps(cases)}.map((given) => "
        f"[...judgedHours(...given)].sort(([a], [b]) => a - b).map({shown})); }})()"
    )
    differ = [one for one in zip(cases, found, expected, strict=True) if one[1] != one[2]]
    assert differ[:1] == []
    results = [hour[3] for hours in expected for hour in hours]
    assert {result: results.count(result) > 100 for result in set(results)} == dict.fromkeys(
        ("DETECTED", "POSSIBLY_DETECTED", "NOT_DETECTED", "NOT_AVAILABLE"), True
    )
