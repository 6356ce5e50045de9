"""Recordings in, results out: the same pipeline as live, on one core, many, or a cluster.

`run` shares out the work, `hearing` hears one piece of it, `task` one recording, `processes` and `cluster` are where
that is done; `recordings` finds files, `settings` says how they are heard, `result` what is found, `resume` what was
found before, `output` the tables, `received_levels` the levels.

Recordings that follow each other are one stream: `continuity` finds them, `stream` cuts streams into pieces,
`stream_run` and `heard` are a piece while and after it is heard, `stream_events` puts pieces together, and
`finished_pieces` keeps them.

May import: `levels`, `tables`, and the layers below.
"""
