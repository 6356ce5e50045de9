"""The card's part on continuous sound: recall and false alarms an hour of event rules, as far as they were measured."""

from __future__ import annotations

from typing import Any

FEW = 10
"""Counts below this are uncertain by a third and more."""


def continuous(found: list[dict[str, Any]] | None) -> list[str]:
    """Lines of Markdown.

    Args:
        found: `ContinuousSound`s of `export.evidence` as JSON values; earlier versions wrote fewer fields.
    """
    lines = ["## Continuous sound", ""]
    if not found:
        return [*lines, "Recall at a given number of false alarms an hour was not measured.", ""]
    for sound in found:
        about = f"{sound['data']} ({sound['hours']:,.3g} h, {sound['calls']:,} calls)"
        told = [sound[key].rstrip(".") for key in ("counted", "chosen") if sound.get(key)]
        lines += [f"{': '.join([about, '. '.join(told)] if told else [about])}.", ""]
        lines += [*_rules(sound), *_by_snr(sound["figures"])]
        alone = [figure for figure in sound["figures"] if not figure.get("false_alarms_interval")]
        if any(sound["hours"] * figure["false_alarms_per_hour"] < FEW for figure in alone):
            lines += [f"Rates that rest on fewer than {FEW} false alarms in the hours listened to are rough.", ""]
    return lines


def _rules(sound: dict[str, Any]) -> list[str]:
    figures = sound["figures"]
    kinds = list(dict.fromkeys(place["kind"] for figure in figures for place in figure.get("elsewhere", ())))
    heads = ["rules", "threshold, lower, windows, rise, context", "recall", "one to one", "false alarms an hour"]
    rows = []
    for figure in figures:
        rules = (figure.get(key) for key in ("threshold", "threshold_low", "min_windows", "min_rise_hz", "context_s"))
        one_to_one = figure.get("recall_one_to_one")
        rates = {place["kind"]: _rate(place) for place in figure.get("elsewhere", ())}
        rows.append(
            [
                figure.get("rules", ""),
                ", ".join(f"{value:.3g}" for value in rules if value is not None),
                _recall(figure),
                "" if one_to_one is None else f"{one_to_one:.2f}",
                _rate(figure),
                *(rates.get(kind, "") for kind in kinds),
            ]
        )
    return _table([*heads, *(f"in {kind}" for kind in kinds)], rows)


def _by_snr(figures: list[dict[str, Any]]) -> list[str]:
    rows = [figure for figure in figures if figure.get("by_snr")]
    if not rows:
        return []
    heads = [f"{_decibels(found)}, {found['calls']} calls" for found in rows[0]["by_snr"]]
    cells = [[figure["rules"], *map(_recall, figure["by_snr"])] for figure in rows]
    return ["Recall by signal-to-noise ratio of the call:", "", *_table(["rules", *heads], cells)]


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)] + [""]


def _recall(figure: dict[str, Any]) -> str:
    ends = " to ".join(f"{end:.2f}" for end in figure.get("recall_interval") or ())
    return f"{figure['recall']:.2f}" + (f" ({ends})" if ends else "")


def _rate(figure: dict[str, Any]) -> str:
    interval = figure.get("false_alarms_interval") or ()
    ends = " to ".join(f"{end:.0f}" if end >= 10 else f"{end:.2g}" for end in interval)
    return f"{figure['false_alarms_per_hour']:.3g}" + (f" ({ends})" if ends else "")


def _decibels(found: dict[str, Any]) -> str:
    low, high = found.get("low_db"), found.get("high_db")
    if low is None:
        return f"below {high:g} dB"
    return f"{low:g} dB and more" if high is None else f"{low:g} to {high:g} dB"
