"""What is to be said of the connection to the broker: its moment, and what the moment hides."""

from __future__ import annotations

from edge_daemon.mqtt.report import MqttReport, Unsendable

MOST_LOST = 3
"""Connections that may end within an hour before it is told."""
MUTE_S = 30.0
"""A broker that has answered nothing for so long is told of."""


def link_warnings(mqtt: MqttReport) -> list[str]:
    """A sentence for each thing that should be looked at."""
    found = []
    if mqtt.state != "online":
        found.append(f"no connection to the broker: {mqtt.last_failure or mqtt.state}")
    found += _history(mqtt)
    if mqtt.last_rejection is not None:
        topics = ", ".join(sorted(refused.topic for refused in mqtt.refused))
        found.append(f"the broker refuses messages: {mqtt.last_rejection}{f' ({topics})' if topics else ''}")
    found += [_unsendable(one, mqtt.maximum_packet_size) for one in mqtt.unsendable]
    if mqtt.downgraded:
        found.append("the broker did not answer MQTT 5, so MQTT 3.1.1 is spoken; version 5 is tried again")
    if mqtt.doubt is not None:
        found.append(mqtt.doubt)
    if not mqtt.retain_available:
        found.append("the broker keeps no retained messages: who subscribes later does not see whether we are online")
    return found


def _history(mqtt: MqttReport) -> list[str]:
    found = []
    if mqtt.unanswered_s is not None and mqtt.unanswered_s > MUTE_S:
        found.append(f"the broker has acknowledged nothing for {mqtt.unanswered_s:.0f} s")
    if mqtt.taken_over_last_hour:
        found.append(
            f"another device uses our client identifier: it took over the connection {mqtt.taken_over_last_hour} times "
            "in the last hour"
        )
    elif mqtt.lost_last_hour >= MOST_LOST:
        often = f"the connection to the broker was lost {mqtt.lost_last_hour} times in the last hour"
        brief = mqtt.brief_last_hour >= MOST_LOST
        found.append(f"{often}, soon and without a reason: does another device use our name?" if brief else often)
    return found


def _unsendable(one: Unsendable, most: int | None) -> str:
    plural = "messages" if one.count > 1 else "message"
    fate = "kept in the outbox" if one.kept else "dropped"
    if most is not None and one.largest_bytes > most:
        size = f"up to {one.largest_bytes} bytes, and the broker takes {most}"
        return f"{one.count} {plural} on {one.topic} too long for the broker ({size}): {fate}"
    return f"{one.count} {plural} on {one.topic} cut the connection ({one.largest_bytes} bytes): {fate}"
