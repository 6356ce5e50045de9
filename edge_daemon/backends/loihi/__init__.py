"""A simulator of Intel's Loihi: the same network on that chip's fixed-point neurons and weights.

`mapping` brings a network to the chip's numbers and says what that changes, `backend` runs it.

A plug-in like any other: it is found by its entry point in `pyproject.toml`.

May import: what `backends` promises to plug-ins.
"""
