"""The live daemon and its threads: capture, scoring, storage, and the calling one; the publisher has one of its own.

`dependencies` is the world outside, `assembly` makes the components and `daemon` runs them. `capture_loop` puts sound
into the `sound_queue`; `scoring_loop` takes it out, drives the pipeline and tells the observers: levels, `clip_cutter`,
effort periods, `detection_reporter`. `storage_loop` looks after the disk: outbox, ledger, `clip_queue`,
`effort_reporter`, `proven_clock`, `expiry`; what it cannot save, `unsaved_log` prints. The calling thread does the
rest: `schedule`, `watchdog`, `health_reporter` with the `health_collector`, `reload`, `shutdown`.

May import: `effort`, `checks`, and the layers below.
"""
