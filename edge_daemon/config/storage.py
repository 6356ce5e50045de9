"""Section `storage`: the folder that outlives a restart."""

from __future__ import annotations

from pathlib import Path

from edge_daemon.config.section import ConfigPath, Section, key


class StorageSection(Section):
    """Where the outbox, the effort ledger and the clips are kept."""

    folder: ConfigPath = key(
        Path("/var/lib/edge-daemon"), "Folder for outbox.db, effort.db, history.db, clips/; created if absent"
    )

    @property
    def outbox_path(self) -> Path:
        """Database of detections that wait for the broker's acknowledgement."""
        return self.folder / "outbox.db"

    @property
    def effort_path(self) -> Path:
        """Database of what was listened to and what was lost."""
        return self.folder / "effort.db"

    @property
    def history_path(self) -> Path:
        """Database of what was found and told."""
        return self.folder / "history.db"

    @property
    def reserve_path(self) -> Path:
        """Room that is kept for the end on a full disk."""
        return self.folder / "reserve"

    @property
    def clock_path(self) -> Path:
        """For how long the clock has been right."""
        return self.folder / "clock.json"

    @property
    def clips_folder(self) -> Path:
        """Folder of the events' sound."""
        return self.folder / "clips"

    @property
    def announcements_path(self) -> Path:
        """Record of what Home Assistant was told of, to take it back one day."""
        return self.folder / "home_assistant.json"

    @property
    def orders_path(self) -> Path:
        """What orders have set, and which were obeyed."""
        return self.folder / "orders.json"

    @property
    def models_folder(self) -> Path:
        """Models that came from shore, and pieces of the next one."""
        return self.folder / "models"
