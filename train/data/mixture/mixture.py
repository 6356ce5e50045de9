"""The file that says what a mixture is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from train.data.dataset import DataError
from train.data.whole_recordings import CALLS

SUFFIXES = (".yaml", ".yml")


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the first number must not be above the second")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_rising)]
_Fold = Annotated[tuple[str, ...], Field(min_length=1)]


def _band(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 < value[0] < value[1]:
        raise ValueError("a band begins above 0 Hz and ends above its begin")
    return value


Band = Annotated[tuple[float, float], AfterValidator(_band)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClipSet(_Part):
    """A data set of any other kind, whole."""

    data: str = Field(description="As for --data: an archive, a folder of clips, verdicts …")
    weight: float = Field(1.0, gt=0, description="Of each window in the loss.")


class Marked(_Part):
    """Recordings in which every call is marked."""

    calls: Path = Field(description="Folder with Raven selection tables, or a CSV file (file,begin_s,end_s).")
    recordings: tuple[Path, ...] = Field((), description="More folders in which the recordings may lie.")
    doubtful: Path | None = Field(
        None, description="CSV file (file,begin_s,end_s) of what may be calls or not: no window of it teaches."
    )
    call_labels: tuple[str, ...] = Field((), description="Annotations that mean a call; empty takes the known ones.")
    weight: float = Field(1.0, gt=0, description="Of each window in the loss.")


class Quiet(_Part):
    """Recordings without a call."""

    kind: str = Field(min_length=1, description="What sounds there: song, knocks, ship …")
    folders: tuple[Path, ...] = Field(min_length=1, description="Folders or sound files.")
    weight: float = Field(1.0, gt=0, description="Of each window in the loss.")
    hop_s: float | None = Field(None, gt=0, description="In place of the mixture's hop.")
    laid: bool = Field(False, description="Its sounds are laid into other noise, too, as windows without a call.")


class LaidCalls(_Part):
    """Calls, cut out of their recordings or synthetic, and laid into other recordings' sound."""

    count: int = Field(0, ge=0, description="Windows with a laid call.")
    others: int = Field(0, ge=0, description="Windows with a laid sound of the kinds marked `laid`.")
    synthetic_calls: int = Field(0, ge=0, description="Windows with a laid call of the synthetic ocean.")
    synthetic_others: int = Field(0, ge=0, description="Windows with a laid sound of its that is no up-call.")
    clips: int = Field(0, ge=0, description="Windows with the picture of a clip laid in, half of them with a call.")
    clips_db: Range = Field((-6.0, 10.0), description="Level of the clip's own noise over the sound around it, dB.")
    snr_db: Range = Field((-4.0, 12.0), description="Power of the call over the sound around it in the band, dB.")
    least_snr_db: float = Field(0.0, description="Calls that are fainter where they were recorded are not laid.")
    speed: Range = Field((0.94, 1.06), description="Calls are played so many times faster: other pitches, lengths.")
    band_hz: Band = Field((45.0, 420.0), description="Band that is cut out.")
    weight: float = Field(1.0, gt=0, description="Of each window in the loss.")


class Mixture(_Part):
    """What a network learns from; paths are relative to the file."""

    name: str = Field(min_length=1)
    credit: str = Field("", description="Whom to name where the network is shown.")
    hop_s: float = Field(0.25, gt=0, description="From window to window through whole recordings.")
    share: float = Field(0.6, gt=0, le=1, description="Least share of a call within a window that has a call.")
    seed: int = Field(0, ge=0)
    clips: tuple[ClipSet, ...] = ()
    marked: tuple[Marked, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    laid: LaidCalls = LaidCalls()
    folds: tuple[_Fold, ...] = Field(
        (), description="What each fold keeps aside: patterns of recordings, `folder/file`, * for any letters."
    )
    prevalence: dict[str, float] = Field(
        {}, description="Share of each kind of recording in the sea that scores are calibrated for; `calls` is one."
    )

    @model_validator(mode="after")
    def _prevalent_kinds_are_there(self) -> Self:
        there = {quiet.kind for quiet in self.quiet} | ({CALLS} if self.marked else set())
        unknown = [kind for kind in self.prevalence if kind not in there]
        if unknown:
            raise ValueError(f"prevalence speaks of {', '.join(unknown)}, of which there are no recordings")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            DataError: it cannot be read, or says something that cannot be.
        """
        try:
            found = cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DataError(f"{path} cannot be read: {error}", "A mixture is a YAML file.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise DataError(
                f"{path}: {place}: {first['msg']}.", "The keys are those of train/data/mixture/mixture.py."
            ) from error
        return found._below(path.parent)

    def _below(self, folder: Path) -> Self:
        """The mixture with paths that do not depend on where the program was called."""
        return self.model_copy(
            update={
                "marked": tuple(
                    part.model_copy(
                        update={
                            "calls": folder / part.calls,
                            "recordings": tuple(folder / path for path in part.recordings),
                            "doubtful": None if part.doubtful is None else folder / part.doubtful,
                        }
                    )
                    for part in self.marked
                ),
                "quiet": tuple(
                    part.model_copy(update={"folders": tuple(folder / path for path in part.folders)})
                    for part in self.quiet
                ),
                "clips": tuple(
                    part.model_copy(update={"data": str(folder / part.data)}) if (folder / part.data).exists() else part
                    for part in self.clips
                ),
            }
        )
