"""The report page: figures, the chart, and pictures of mistakes, in one HTML file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from train.evaluation.mistakes import Mistake
from train.evaluation.model_result import Question
from train.evaluation.parts import MEANING
from train.evaluation.table import Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
td, th { border-bottom: 1px solid #ddd; padding: .2rem .8rem .2rem 0; text-align: left; font-weight: normal }
th { color: #666 }
figure { display: inline-block; margin: 0 1rem 1rem 0; width: 480px; vertical-align: top }
figcaption { font-size: 13px; color: #444; overflow-wrap: anywhere }
img { max-width: 100% }
summary { font-size: 1.1rem; cursor: pointer; margin: 1rem 0 }
"""


@dataclass(frozen=True)
class Gallery:
    """Mistakes of one model under some rules.

    Attributes:
        title: what they are.
        total: how many there are in all.
        pictures: those shown, each with its PNG.
    """

    title: str
    total: int
    pictures: Sequence[tuple[Mistake, bytes]]


def page(
    tables: Sequence[tuple[str, Table]], chart: bytes, galleries: Sequence[Gallery], asked: Question, command: str
) -> str:
    """The page's HTML.

    Args:
        tables: headings and tables.
        chart: the PNG of recall over false events an hour.
        galleries: mistakes to look at.
        asked: recordings.
        command: that made the page.
    """
    names = [recording.name for recording in asked.corpus.recordings]
    parts = "".join(f"<li>{escape(part)}: {escape(MEANING[part])}</li>" for part in asked.parts)
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
            f"<style>{_STYLE}</style></head><body><h1>Calls found and false events an hour</h1>",
            f"<p>{escape(asked.rule)}</p><ul>{parts}</ul><p><code>{escape(command)}</code></p>",
            _image(chart, "Recall over false events an hour"),
            *(f"<h2>{escape(heading)}</h2>{_table(table)}" for heading, table in tables),
            "<h2>Mistakes</h2><p>Green: marked calls. Blue: events. Below: the score of each window, with threshold"
            " (line) and lower threshold (dots).</p>",
            *(_gallery(gallery, names) for gallery in galleries),
            "</body></html>",
        ]
    )


def _gallery(gallery: Gallery, names: Sequence[str]) -> str:
    shown = len(gallery.pictures)
    count = f"{gallery.total}" if shown == gallery.total else f"{shown} of {gallery.total}"
    figures = "".join(
        f"<figure>{_image(picture, mistake.what)}<figcaption>{escape(_caption(mistake, names))}</figcaption></figure>"
        for mistake, picture in gallery.pictures
    )
    return f"<details><summary>{escape(gallery.title)} ({count})</summary>{figures}</details>"


def _caption(mistake: Mistake, names: Sequence[str]) -> str:
    minutes, seconds = divmod(mistake.begin_s, 60)
    snr = "" if mistake.snr_db != mistake.snr_db else f", {mistake.snr_db:.1f} dB"
    return f"{names[mistake.recording]} at {minutes:.0f}:{seconds:04.1f}, highest score {mistake.score:.2f}{snr}"


def _image(png: bytes, words: str) -> str:
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{b64encode(png).decode("ascii")}">'


def _table(table: Table) -> str:
    heading, *rows = (f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table)
    return f"<table>{heading.replace('td>', 'th>')}{''.join(rows)}</table>"
