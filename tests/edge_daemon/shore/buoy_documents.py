"""Documents of made-up devices, of the size and form that real ones send."""

from __future__ import annotations

import base64
import io
import json
import random
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import soundfile

from edge_daemon.clock.utc import utc_text

NAMESPACE = UUID("9d3c1a52-3b0e-4c55-9d0e-111111111111")
SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS


def identity(device: str, number: int) -> str:
    """The id of a device's detection by number."""
    return str(uuid5(NAMESPACE, f"{device} {number}"))


def detection(device: str, number: int, at_ns: int, *, score: float = 0.9, **more: Any) -> dict[str, Any]:
    """A detection with its contour, a position beside Cape Cod."""
    rng = random.Random(number)
    begin_s = 1000.0 + number
    low = 80 + rng.random() * 40
    hz = [round(low + 110 * (n / 24) ** 1.7) for n in range(25)]
    place = random.Random(device)
    position = {"latitude": 41.9 + place.random() * 0.6, "longitude": -70.4 + place.random() * 0.8}
    return {
        "schema": "edge_daemon.detection/1",
        "id": identity(device, number),
        "device": device,
        "label": "right_whale_upcall",
        "begin_utc": utc_text(at_ns),
        "end_utc": utc_text(at_ns + 2 * SECOND_NS),
        "clock": "synchronised",
        "begin_s": begin_s,
        "end_s": begin_s + 2.0,
        "peak_score": score,
        "mean_score": 0.8 * score,
        "windows": 4,
        "threshold": 0.5,
        "low_hz": low - 5,
        "high_hz": 215.0,
        "model": {"name": "right_whale", "version": "0.3.0", "digest": "ab" * 32},
        "backend": "onnx",
        "position": position,
        "call": {
            "begin_s": begin_s + 0.6, "end_s": begin_s + 1.4, "start_hz": hz[0], "end_hz": hz[-1], "low_hz": low,
            "high_hz": hz[-1], "peak_hz": 150.0, "slope_hz_s": 130.0, "above_background_db": 13.0,
        },
        "contour": {"begin_s": begin_s + 0.6, "step_s": 0.032, "hz": hz},
        "clip": f"2026-01-01/{device}_{number}.flac",
    } | more  # fmt: skip


def thumbnail(found: dict[str, Any]) -> dict[str, Any]:
    """The thumbnail of a detection: its contour in noise."""
    rows, columns, step_s, step_hz, low = 14, 44, 0.064, 15.625, 46.875
    rng = np.random.default_rng(7)
    levels = rng.integers(0, 4, (rows, columns))
    contour = found["contour"]
    for n, hz in enumerate(contour["hz"]):
        column = round((contour["begin_s"] + n * contour["step_s"] - found["begin_s"] + 0.4) / step_s)
        levels[min(rows - 1, round((hz - low) / step_hz)), column] = 14
    flat = [int(level) for level in levels.ravel()]
    packed = bytes(a << 4 | b for a, b in zip(flat[::2], flat[1::2], strict=True))
    return {
        "schema": "edge_daemon.thumbnail/1", "id": found["id"], "device": found["device"],
        "begin_s": found["begin_s"] - 0.4, "step_s": step_s, "low_hz": low, "step_hz": step_hz, "rows": rows,
        "cells": base64.b64encode(packed).decode(),
    }  # fmt: skip


def excerpt(found: dict[str, Any], at_ns: int, form: str = "flac") -> dict[str, Any]:
    """Two seconds of sound with a sweep."""
    rate = 2000
    seconds = np.arange(2 * rate) / rate
    sweep = 0.3 * np.sin(2 * np.pi * (90 * seconds + 25 * seconds**2)) * np.hanning(len(seconds))
    sound = io.BytesIO()
    soundfile.write(sound, sweep.astype("float32"), rate, format=form.upper())
    return {
        "schema": "edge_daemon.excerpt/1", "id": found["id"], "device": found["device"], "clip": found["clip"],
        "begin_utc": utc_text(at_ns), "seconds": 2.0, "format": form,
        "sound": base64.b64encode(sound.getvalue()).decode(),
    }  # fmt: skip


def effort(device: str, begin_ns: int, listened_s: float = 3590.0, cause: str = "device_absent") -> dict[str, Any]:
    """An hour's effort."""
    lost = 3600.0 - listened_s
    gaps = [] if lost <= 0 else [{"cause": cause, "count": 1, "seconds": lost, "samples": round(lost * 2000)}]
    return {
        "schema": "edge_daemon.effort/1", "device": device, "begin_utc": utc_text(begin_ns),
        "end_utc": utc_text(begin_ns + HOUR_NS), "period_s": 3600.0, "listened_s": listened_s,
        "listened_samples": round(listened_s * 2000), "lost_s": lost, "clock_correction_s": 0.0, "unaccounted_s": 0.0,
        "gaps": gaps, "clock": "synchronised", "sessions": 1,
    }  # fmt: skip


def health(device: str, at_ns: int, *reasons: str, state: str | None = None, **more: Any) -> dict[str, Any]:
    """How a device is."""
    latency = {"count": 100, "p50_ms": 3.0, "p99_ms": 9.0, "largest_ms": 20.0}
    wave = np.sin(at_ns / HOUR_NS)
    return {
        "schema": "edge_daemon.health/1", "device": device, "utc": utc_text(at_ns), "version": "0.1.0",
        "uptime_s": 90_000.0, "state": state or ("warning" if reasons else "ok"), "reasons": list(reasons),
        "detections": 3, "windows": {"scored": 100, "unusable": 0, "last_scored_s": 0.4}, "latency": latency,
        "gaps": {},
        "input": {"phase": "listening", "device": "hydrophone", "sound": {"state": "ok", "level_dbfs": -38 + 4 * wave}},
        "clock": {"state": "synchronised"}, "ambient_db": 98.0 + 3 * wave,
        "board": {
            "cpu_percent": 4.0, "memory_mb": 101.0, "disk_free_mb": 18_000.0, "inodes_free": 100_000,
            "temperature_c": 41.0, "throttling": [], "throttled_since_boot": [], "load_1min": 0.2,
        },
    } | more  # fmt: skip


def order_reply(device: str, at_ns: int, order: int | None, **more: Any) -> dict[str, Any]:
    """What became of an order."""
    return {
        "schema": "edge_daemon.order_reply/1", "device": device, "utc": utc_text(at_ns), "key": "0123456789ab",
        "order": order, "kind": "health", "outcome": "done",
    } | more  # fmt: skip


def message(document: dict[str, Any], prefix: str = "edge_daemon") -> tuple[str, bytes]:
    """Topic and payload of a document."""
    name = document["schema"].removeprefix("edge_daemon.").partition("/")[0]
    subject = {"detection": "detections", "thumbnail": "thumbnails", "excerpt": "excerpts", "lost_clip": "lost_clips",
               "tally": "presence", "order_reply": "orders/reply"}.get(name, name)  # fmt: skip
    return f"{prefix}/{document['device']}/{subject}", json.dumps(document).encode()
