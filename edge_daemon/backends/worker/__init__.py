"""A backend in another process: for chips whose software needs a Python of its own.

`client` starts it and survives it, `wire` is what the two say to each other, `main` is the other side.

May import what `backends` may.
"""
