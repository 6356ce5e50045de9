"""The compiled backend: the event-driven arithmetic as machine code, for ordinary processors.

`kernel.c` takes windows through the network: `first_layer.c`, `spike_sums.c` and, for large dense layers, `dense.c`
add weights up, `neuron.c` has the neurons. `layout` lays a network out for them, `trial` sees whether they compute
right, `backend` puts them behind the common contract. It is there where somebody has built it
(`python -m edge_daemon.backends.compiled`), and nothing needs it.

May import what `backends` may.
"""
