"""What a live input is doing, for the daemon, health and people: a picture of one moment."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

InputPhase = Literal["opening", "listening", "waiting", "paused", "closed"]
"""Opening until the first sound arrives, listening while it does, waiting after a failure until sound arrives again,
paused by schedule, closed."""


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
