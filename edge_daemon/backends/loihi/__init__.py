"""A simulator of Intel's Loihi: the same network on that chip's fixed-point neurons and weights.

`mapping` brings a network to the chip's numbers and says what that changes, `backend` runs it.

May import what `backends` may.
"""
