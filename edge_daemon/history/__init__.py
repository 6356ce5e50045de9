"""The history: what a device has found and told, kept on the board whatever became of its delivery.

    DetectionReporter, TallyReporter, health ─▶ History ─▶ history.db ─▶ `edge-daemon detections`

May import: `storage`, and the layers below.
"""
