"""Section `detection`: when a run of scores becomes an event. Keys left empty take the model's own operating point."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from edge_daemon.config.section import Section, key, refusal

LEAST_CONTEXT_S = 30.0
"""A shorter memory says nothing of the sea; as `detection/call_context.py` has it."""


class DetectionSection(Section):
    """Hop between windows and the rules that make events of scores."""

    hop_s: float = key(0.5, "Time from one scored window to the next", unit="s", ge=0.05, le=10)
    threshold: float | None = key(
        None, "Score that starts an event. Empty: the model's", unit="probability", gt=0, le=1, live=True
    )
    threshold_low: float | None = key(
        None,
        "Score that keeps an event going (hysteresis). Empty: the model's",
        unit="probability",
        gt=0,
        le=1,
        live=True,
    )
    min_windows: int | None = key(
        None,
        "Windows at or above the threshold that an event needs. Empty: the model's",
        unit="windows",
        ge=1,
        le=1000,
        live=True,
    )
    min_rise_hz: float | None = key(
        None,
        "How far the call's contour must rise in an event; 0 takes what stays level, too. Empty: the model's",
        unit="Hz",
        ge=0,
        le=10_000,
        live=True,
    )
    context_s: float | None = key(
        None,
        "How far back calls make others likelier, from 30; 0 judges each window by itself. Empty: the model's",
        unit="s",
        ge=0,
        le=600,
        live=True,
    )
    merge_gap_s: float | None = key(
        None, "Events closer together than this become one. Empty: the model's", unit="s", ge=0, le=600, live=True
    )
    max_length_s: float | None = key(None, "Longer events are cut here. Empty: the model's", unit="s", ge=1, le=3600)
    refractory_s: float | None = key(
        None, "No new event begins for this long after an event. Empty: the model's", unit="s", ge=0, le=3600, live=True
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.context_s is not None and 0 < self.context_s < LEAST_CONTEXT_S:
            wrong = f"is {self.context_s:g}, between 0 and {LEAST_CONTEXT_S:g}"
            raise refusal(
                "context_s", wrong, f"Choose {LEAST_CONTEXT_S:g} s or more, or 0 to judge windows by themselves."
            )
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.threshold_low, self.threshold
        if low is not None and high is not None and low > high:
            raise refusal("threshold_low", f"is {low:g}, above threshold ({high:g})", "Lower it, or raise `threshold`.")
        return self
