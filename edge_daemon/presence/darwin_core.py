"""Occurrence rows in Darwin Core, as OBIS and GBIF take them: one for each period in which whales were heard.

A row says when, where and by what, and how far to believe it: a machine's find, checked by a person or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_daemon.presence.pars import AnalysisFacts, time_text
from edge_daemon.presence.periods import PresencePeriod

if TYPE_CHECKING:
    from edge_daemon.config.deployment import DeploymentSection

OCCURRENCE = (
    "occurrenceID",
    "basisOfRecord",
    "occurrenceStatus",
    "eventDate",
    "decimalLatitude",
    "decimalLongitude",
    "geodeticDatum",
    "scientificName",
    "scientificNameID",
    "identificationVerificationStatus",
    "identifiedBy",
    "samplingProtocol",
    "sampleSizeValue",
    "sampleSizeUnit",
    "institutionCode",
)
_SPECIES = {"RIWH": "Eubalaena glacialis"}
"""By the code of the sound source; another species' name stays empty."""


def occurrence_rows(
    told: DeploymentSection, facts: AnalysisFacts, periods: Sequence[PresencePeriod]
) -> list[dict[str, str]]:
    """One row for each period with calls, at the place where the device last was before its end."""
    rows = []
    for period in periods:
        if period.result not in ("DETECTED", "POSSIBLY_DETECTED"):
            continue
        begin, end = time_text(period.begin_ns), time_text(period.end_ns)
        before = [place for place in facts.track if place[0] < period.end_ns] or list(facts.track[:1])
        place = before[-1] if before else None
        rows.append(
            {
                "occurrenceID": ":".join(part for part in (told.organization_code, told.code, begin) if part),
                "basisOfRecord": "MachineObservation",
                "occurrenceStatus": "present",
                "eventDate": f"{begin}/{end}",
                "decimalLatitude": "" if place is None else f"{place[1]:.10g}",
                "decimalLongitude": "" if place is None else f"{place[2]:.10g}",
                "geodeticDatum": "" if place is None else "EPSG:4326",
                "scientificName": _SPECIES.get(told.sound_source_code, ""),
                "scientificNameID": told.scientific_name_id,
                "identificationVerificationStatus": "verified" if period.validated else "unverified",
                "identifiedBy": facts.detector_version,
                "samplingProtocol": told.protocol_reference,
                "sampleSizeValue": str(round(period.effort_s)),
                "sampleSizeUnit": "second",
                "institutionCode": told.organization_code,
            }
        )
    return rows
