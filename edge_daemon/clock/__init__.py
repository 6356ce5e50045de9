"""Time: what the clocks of the machine read, and what that says about when a sample was heard.

`time_source` reads the clocks, `synchronisation` asks the kernel whether to believe them, `sample_clock` anchors the
count of samples to UTC, `clock_proof` tells since when UTC has been right.

May import: `errors` alone.
"""
