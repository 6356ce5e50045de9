"""Section `deployment`: facts of a deployment that no program can know, for tables that go to others."""

from __future__ import annotations

from edge_daemon.config.section import Section, key


class DeploymentSection(Section):
    """What `edge-daemon presence --pars` writes of the deployment; what is empty here stays empty there."""

    organization_code: str = key("", "Code of the organisation that deploys and analyses")
    code: str = key("", "Code of the deployment")
    project_name: str = key("", "Name of the project")
    project_funding: str = key("", "Who pays for it")
    site_code: str = key("", "Code of the site")
    points_of_contact: str = key("", "Whom to ask, with address")
    url: str = key("", "Where more can be read")
    platform_type_code: str = key("", "Code of the kind of platform, such as BOTTOM_MOUNTED_MOORING")
    platform_id: str = key("", "Identity of the platform")
    dynamic_management: bool | None = key(None, "Whether ships are slowed by what it hears")
    water_depth_m: float | None = key(None, "Depth of the water", unit="m", ge=0, le=12_000)
    device_code: str = key("", "Identity of the recorder")
    device_type_code: str = key("", "Code of the kind of recorder")
    device_depth_m: float | None = key(None, "Depth of the hydrophone", unit="m", ge=0, le=12_000)
    recording_duration_s: float | None = key(None, "Length of each recording", unit="s", ge=0, le=31_536_000)
    recording_interval_s: float | None = key(
        None, "From the begin of a recording to the next one's", unit="s", ge=0, le=31_536_000
    )
    recording_bit_depth: int | None = key(None, "Bits of a sample", ge=1, le=64)
    recording_channels: int | None = key(None, "Channels recorded", ge=1, le=64)
    detector_code: str = key("", "Code of the detector")
    protocol_reference: str = key("", "Where the protocol of the analysis is written down")
    citations: str = key("", "What to cite")
    sound_source_code: str = key("RIWH", "Code of the species")
    scientific_name_id: str = key("", "Identity of the species in a register, for Darwin Core")
    call_type_code: str = key("RW_UPCALL", "Code of the call")
