"""The compiled backend: the event-driven arithmetic as machine code, for ordinary processors.

`kernel.c` is the arithmetic, `layout` lays a network out for it, `library` finds and builds it, `backend` puts them
together behind the common contract. It is there where somebody has built it
(`python -m edge_daemon.backends.compiled`), and nothing needs it.

May import what `backends` may.
"""
