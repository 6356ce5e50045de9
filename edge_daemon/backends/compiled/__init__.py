"""The compiled backend: the event-driven arithmetic as machine code, for ordinary processors.

`kernel.c` is the arithmetic, and `dense.c` that of large dense layers; `layout` lays a network out for them, `trial`
sees whether they compute right, `backend` puts them behind the common contract. It is there where somebody has built
it (`python -m edge_daemon.backends.compiled`), and nothing needs it.

May import what `backends` may.
"""
