"""Publishing over MQTT: what is in the outbox reaches the broker, once it can, and is known to have reached it.

Reading order: `topics` · `connection` (when to try) · `rate_limits` (how much to send) · `mailbox` and
`link` (what is needed of the outbox and of a client) · `courier` (the logic) · `publisher` (the thread) · `paho_link`
and `tls` (the wire) · `report`; `edge_daemon.testing.broker` is a broker in memory.

May import: `outbox`, and the layers below.
"""
