"""The event-driven backend: integer arithmetic that does work only where a spike is; it counts its operations.

`synapses` deliver spikes, `neurons` integrate and fire, `backend` puts them together behind the common contract.

May import what `backends` may.
"""
