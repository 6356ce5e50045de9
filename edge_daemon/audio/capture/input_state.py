"""What a live input is doing, for the daemon, health and people: a picture of one moment."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

InputPhase = Literal["opening", "listening", "waiting", "paused", "closed"]
"""Opening until the first sound arrives, listening while it does, waiting after a failure until sound arrives again,
paused by schedule, closed."""


class InputVerdict(BaseModel):
    """Whether what comes sounds like a hydrophone, from the last ten seconds, and by what is usual at this place."""

    model_config = ConfigDict(frozen=True)

    state: Literal["unknown", "ok", "doubtful", "broken"] = Field(
        default="unknown", description="unknown: too little was heard; broken: listening is of no use."
    )
    problem: bool = Field(default=False, description="Doubtful or broken.")
    reason: str = Field(default="", description="Why, in sentences; empty for no reason.")
    reasons: dict[str, str] = Field(default_factory=dict, description="The same, each under its name.")
    level_dbfs: float | None = Field(
        default=None, description="Root-mean-square level without the mean, dB re full scale; needs no calibration."
    )
    usual_level_dbfs: float | None = Field(default=None, description="The median level here; null for an hour.")
    peak_dbfs: float | None = Field(default=None, description="Largest sample, dB re full scale.")
    clipped_share: float | None = Field(default=None, description="Share of samples at full scale, 0…1.")
    offset: float | None = Field(default=None, description="Mean of the samples, full scale 1.")
    kurtosis: float | None = Field(
        default=None, description="1 for a square wave, 1.8 for random bytes, 3 for noise, more for knocks."
    )
    flatness: float | None = Field(default=None, description="Spectral flatness, 0…1; 1 for white noise.")
    usual_flatness: float | None = Field(default=None, description="The median flatness here; null for an hour.")
    rate_hz: float | None = Field(
        default=None, description="Samples per second by the computer's clock; null where it cannot be measured."
    )


class InputHealth(BaseModel):
    """The hydrophone's sound card or pipe."""

    model_config = ConfigDict(frozen=True)

    phase: InputPhase = Field(description="What it is doing.")
    device: str = Field(description="Its name.")
    attempts: int = Field(default=0, description="Failed attempts to open it since sound last came.")
    last_error: str = Field(default="", description="The last failure, empty for none.")
    opened: int = Field(default=0, description="How often sound began to come.")
    overflows: int = Field(default=0, description="How often samples were lost (xruns).")
    lost_samples: int = Field(default=0, description="How many, as far as known.")
    stalls: int = Field(default=0, description="How often it stopped giving sound.")
    disconnects: int = Field(default=0, description="How often it went away.")
    dead_input: bool = Field(default=False, description="Samples come, but do not change.")
    dead_inputs: int = Field(default=0, description="How often that began.")
    clipped_blocks: int = Field(default=0, description="Blocks with samples at full scale.")
    sound: InputVerdict = Field(default=InputVerdict(), description="Whether it sounds like a hydrophone.")
