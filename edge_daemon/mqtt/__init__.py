"""Publishing over MQTT: what is in the outbox reaches the broker, once it can, and is known to have reached it.

Reading order: `topics` · `packing` (the form of documents) · `connection` (when to try) · `rate_limits` (how much to
send) · `broker_limits` · `topic_aliases` · `link` (what
is needed of a client; `edge_daemon.outbox.mailbox` of the outbox) · `wire` (where packets leave) · `delivery` (of the
outbox's messages: `in_flight`, and `gate`, which asks `refusals`, `proven_topics`, `resting_priorities`, `set_aside`,
`read_back`) · `presence` (birth, last will, `announcements`) · `courier` (the logic) · `publisher` (the thread) ·
`paho_link` and `tls` (the network) · `report` and `link_history`. `home_assistant` announces the device there,
`subscriber` is for `edge-daemon watch`; `edge_daemon.testing.broker` is a broker in memory.

May import: `outbox`, and the layers below.
"""
