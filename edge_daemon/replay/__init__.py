"""Recordings in, results out: the same pipeline as live, on one core, many, or a cluster.

`run` shares out the work, `task` hears one recording, `processes` and `cluster` are where tasks run; `recordings` finds
files, `settings` says how they are heard, `result` what is found, `resume` what was found before, `output` the tables,
`received_levels` the levels.

May import: `levels`, `tables`, and the layers below.
"""
