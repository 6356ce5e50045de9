"""The rules by which scores become events: the model's recommendation, with the user's choices on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge_daemon.detection.call_context import LEAST_S, MOST_S, is_memory
from edge_daemon.errors import ConfigValueError, ModelError

if TYPE_CHECKING:
    from edge_daemon.model.model_file import OperatingPoint


class EventRules(BaseModel):
    """How scores become events; durations are in seconds of sound."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Score that a window must reach to make an event (probability)."
    )
    threshold_low: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="Score that a window must reach to belong to an event (probability, at most threshold).",
    )
    min_windows: int = Field(
        default=1, ge=1, le=1000, description="Fewest windows at or above threshold_low in an event (windows)."
    )
    min_rise_hz: float = Field(
        default=0.0,
        ge=0.0,
        le=10_000.0,
        description="How far the contour of a call must rise for its event to count; 0 does not ask (Hz).",
    )
    context_s: float = Field(
        default=0.0,
        ge=0.0,
        le=MOST_S,
        description="How far back calls make others likelier, from 30; 0 judges each window by itself (s).",
    )
    merge_gap_s: float = Field(
        default=0.5, ge=0.0, le=3600.0, description="Longest pause below threshold_low inside one event (s)."
    )
    max_length_s: float = Field(
        default=60.0, gt=0.0, le=86400.0, description="Longest event; a longer one is split into several (s)."
    )
    refractory_s: float = Field(
        default=0.0, ge=0.0, le=86400.0, description="Time after an event in which no new one starts (s)."
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.threshold_low > self.threshold:
            raise ValueError(f"threshold_low ({self.threshold_low}) must not be above threshold ({self.threshold})")
        return self

    @field_validator("context_s")
    @classmethod
    def _long_enough(cls, context_s: float) -> float:
        if not is_memory(context_s):
            raise ValueError(f"it is 0, or from {LEAST_S:g} to {MOST_S:g} s")
        return context_s

    @classmethod
    def for_model(cls, point: OperatingPoint, **chosen: float | None) -> EventRules:
        """The model's operating point, with the user's choices on top.

        Args:
            point: what the model's makers recommend.
            chosen: fields of these rules; None leaves the model's value or the default. Without a choice of its own,
                threshold_low follows a threshold chosen below it.

        Raises:
            ConfigValueError: a chosen value is out of range, or the two thresholds are in the wrong order.
            ModelError: one of the model's is out of range.
        """
        model = point.model_dump(include={"threshold", "threshold_low", "min_windows", "min_rise_hz", "context_s"})
        wanted = {name: value for name, value in chosen.items() if value is not None}
        merged = {**model, **wanted}
        low, high = merged["threshold_low"], merged["threshold"]
        if "threshold_low" not in wanted:
            merged["threshold_low"] = min(low, high)
        elif low > high:
            wrong, hint = f"is {low:g}, above threshold ({high:g})", "Lower it, or raise `threshold`."
            if "threshold" not in wanted:
                wrong = f"is {low:g}, above the model's threshold ({high:g})"
                hint = "Lower it, or set `threshold` too."
            raise ConfigValueError("detection.threshold_low", wrong, hint)
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            names = [str(part) for part in first["loc"]]
            key = ".".join(["detection", *names])
            if names and names[0] not in wanted:
                raise ModelError(
                    f"The model asks for {names[0]} {merged[names[0]]}, which cannot be used: {first['msg']}.",
                    f"Set `{key}`, or take another model.",
                ) from error
            raise ConfigValueError(key, f"cannot be used: {first['msg']}", "Choose another value.") from error
