"""The replay report in a real browser: looked at, listened to, judged, and its verdicts learned from."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import soundfile

import train.data
from edge_daemon.cli.replay_html import PICTURED, html_report
from edge_daemon.detection.call_context import MOST, raised
from edge_daemon.replay.recordings import find_recordings
from edge_daemon.replay.run import replay
from edge_daemon.replay.settings import settings_for
from edge_daemon.replay.task import replay_recording
from edge_daemon.report.document import Facts, document
from edge_daemon.report.gathering import Gathering
from edge_daemon.report.media import MediaMaker
from edge_daemon.report.page import write_page
from train.data import Options

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "edge_daemon" / "assets" / "sample.flac"
PER_SAMPLE = 5  # calls found in the sample
NASTY = "<script>alert(1)</script>.flac"
"""A folder and a file in it: the only way to a slash in a name."""

matplotlib_image = pytest.importorskip(
    "matplotlib.image", reason="the report's pictures need matplotlib: pip install 'edge-daemon[report]'"
)


class Browser(Protocol):
    """What these tests use of the fixture."""

    errors: list[str]
    requests: list[str]

    def command(self, method: str, **parameters: Any) -> dict[str, Any]: ...
    def open(self, page: Path) -> float: ...
    def value(self, expression: str) -> Any: ...
    def until(self, expression: str, seconds: float = 30.0) -> None: ...
    def press(self, key: str) -> None: ...
    def click(self, selector: str) -> None: ...
    def mouse(self, kind: str, x: float, y: float) -> None: ...
    def screen(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None: ...
    def screenshot(self, file: Path, *, whole: bool = False) -> None: ...
    def downloaded(self) -> Path: ...


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's sample twice: under a name that tells the time, and under one that tries to be a script."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / NASTY).parent.mkdir(parents=True)
    shutil.copy(SAMPLE, folder / NASTY)
    shutil.copy(SAMPLE, folder / "5678.200910153045.flac")
    return folder


@pytest.fixture(scope="module")
def report(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on these, with the model that comes with the package; the worst detection has no picture."""
    page = tmp_path_factory.mktemp("report") / "report.html"
    settings = settings_for(None, scores=True)
    with html_report(page, 2 * PER_SAMPLE - 1, settings, None) as gather:
        replay(find_recordings([archive]), settings, each=gather)
    return page


def data_of(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    data: dict[str, Any] = json.loads(text)
    return data


def visible(browser: Browser, what: str) -> list[str]:
    """The texts of all elements that a selector finds."""
    found: list[str] = browser.value(f"[...document.querySelectorAll({json.dumps(what)})].map(it => it.innerText)")
    return found


def choose(browser: Browser, field: str, value: str) -> None:
    """Set a field as a user does."""
    browser.value(
        f"(() => {{ const field = document.getElementById({json.dumps(field)}); field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def test_what_goes_wrong_on_a_page_is_seen(browser: Browser, tmp_path: Path) -> None:
    """The fixture itself: without this, a page's silence would prove nothing."""
    (tmp_path / "bad.html").write_text(
        "<html data-ready=yes><script>setTimeout(() => nothing())</script><img src='http://127.0.0.1:9/a.png'>"
    )
    browser.open(tmp_path / "bad.html")
    browser.value("new Promise(done => setTimeout(done, 100))")
    assert any("nothing is not defined" in error for error in browser.errors)
    assert browser.requests == ["http://127.0.0.1:9/a.png"]
    browser.errors.clear()
    browser.requests.clear()


def test_the_page_shows_what_was_found(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert visible(browser, "h1") == ["Detections: right whale upcall"]
    assert visible(browser, "#figures dd:nth-of-type(1)")[:2] == ["10", "400.0"]  # in 90 s
    scores = visible(browser, ".card .score")
    assert len(scores) == 2 * PER_SAMPLE
    assert scores == sorted(scores, reverse=True)
    assert len(visible(browser, ".timeline")) == 2
    # nine pictures, decoded, each with its box inside; one line without
    assert browser.value("[...document.images].map(it => it.decode().then(() => it.naturalWidth))[0]") == 480
    assert browser.value("document.images.length") == 2 * PER_SAMPLE - 1
    assert len(visible(browser, ".card.bare")) == 1
    assert "9 best-scored of 10" in visible(browser, "#notice")[0]
    assert browser.value(
        "[...document.querySelectorAll('.box')].every(box => { const b = box.getBoundingClientRect(),"
        " s = box.parentElement.getBoundingClientRect();"
        " return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom && b.width > 5; })"
    )


def test_the_box_and_the_curve_are_where_the_call_is(browser: Browser, report: Path) -> None:
    browser.open(report)
    row = data_of(report)["rows"][0]
    begin, end = row[2], row[3]
    media = json.loads(re.search(r'id="media-0">(.*?)</script>', report.read_text(encoding="utf-8")).group(1))  # type: ignore[union-attr]
    first, last, low, high = media["box"]
    left, width, bottom, height = browser.value(
        "['left', 'width', 'bottom', 'height'].map(it => parseFloat(document.querySelector('.box').style[it]))"
    )
    span = end - begin + 3.0  # 1.5 s on either side
    assert [left, width] == pytest.approx([100 * (first - begin + 1.5) / span, 100 * (last - first) / span], abs=0.1)
    contour = browser.value("document.querySelector('.contour path').getAttribute('d')")
    pitches = [tuple(map(float, point.split())) for point in contour.replace("M", "L").split("L") if point]
    assert [500 * (1 - y) for _, y in pitches] == pytest.approx(media["contour"][2], abs=0.1)
    assert all(left <= 100 * x <= left + width for x, _ in pitches)
    assert browser.value("getComputedStyle(document.querySelector('.contour')).display") != "none"
    browser.value("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'c', bubbles: true}))")
    assert browser.value("getComputedStyle(document.querySelector('.contour')).display") == "none"
    assert [bottom, height] == pytest.approx([100 * low / 500, 100 * (high - low) / 500], abs=0.1)
    path = browser.value("document.querySelector('.curve').getAttribute('d')")
    points = [tuple(map(float, point.split())) for point in path.replace("M", "L").split("L") if point]
    top = min(y for _, y in points)
    # the network's own scores; calls before this one may have raised the detection's
    assert 1 - top == pytest.approx(max(media["scores"]), abs=1e-4)
    assert max(media["scores"]) - 1e-4 <= row[4] <= raised(max(media["scores"]), MOST) + 1e-4
    highest = [x for x, y in points if y == top]
    assert all(1.5 / span - 1e-3 <= x <= (span - 1.5) / span + 1e-3 for x in highest)


def test_names_of_recordings_are_text(browser: Browser, report: Path, archive: Path) -> None:
    browser.open(report)
    where = browser.value("[...document.querySelectorAll('.where')].map(it => it.title)")
    assert set(where) == {str(archive / NASTY), str(archive / "5678.200910153045.flac")}
    assert "script>.flac" in visible(browser, ".name")


def test_verdicts_by_key_and_by_button_are_kept(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert visible(browser, "#judged") == ["0 of 10 judged"]
    for key in "123":
        browser.press(key)
    given = "[...document.querySelectorAll('.card')].map(it => it.dataset.verdict ?? '')"
    assert browser.value(given)[:4] == ["call", "not a call", "unsure", ""]
    browser.press("0")  # the fourth is the current one and has none
    browser.press("ArrowLeft")
    browser.press("0")
    browser.click(".card:nth-child(5) .verdicts button:nth-child(2)")
    assert browser.value(given)[:5] == ["call", "not a call", "", "", "not a call"]
    assert visible(browser, "#judged") == ["3 of 10 judged"]
    browser.open(report)  # as the reviewer does on the next day
    assert browser.value(given)[:5] == ["call", "not a call", "", "", "not a call"]
    browser.click(".card:nth-child(5) .verdicts button:nth-child(2)")  # once more takes it back
    assert visible(browser, "#judged") == ["2 of 10 judged"]


def test_verdicts_become_labels(
    browser: Browser, report: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    browser.open(report)
    for key in "1231":
        browser.press(key)
    browser.click("#export")
    table = browser.downloaded()
    assert table.name == "verdicts.csv"
    data = data_of(report)
    names = [name for name, *_ in data["recordings"]]
    words = ["call", "not a call", "unsure", "call"]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:4] == ["file", "begin_s", "end_s", "verdict"]
    told = {(file, float(begin), float(end), verdict) for file, begin, end, verdict, *_ in rows[1:]}
    judged = list(zip(data["rows"][:4], words, strict=True))
    assert told == {(names[row[1]], row[2], row[3], word) for row, word in judged}
    learned = train.data.open(str(table), options=Options(recordings=archive))
    expected = {
        f"{Path(names[row[1]]).name}@{(row[2] + row[3]) / 2 - 1:.3f}": int(word == "call")
        for row, word in judged
        if word != "unsure"
    }
    assert dict(zip(learned.names, learned.labels.tolist(), strict=True)) == expected
    assert learned.features is not None
    assert learned.features.shape == (3, 50, 101)
    # what was exported is taken back on another machine
    browser.value("localStorage.clear()")
    browser.open(report)
    assert visible(browser, "#judged") == ["0 of 10 judged"]
    document = browser.command("DOM.getDocument")["root"]["nodeId"]
    field = browser.command("DOM.querySelector", nodeId=document, selector="#import")["nodeId"]
    browser.command("DOM.setFileInputFiles", nodeId=field, files=[str(table)])
    browser.until("document.getElementById('judged').textContent.startsWith('4 of 10')")
    given = browser.value("[...document.querySelectorAll('.card')].slice(0, 4).map(it => it.dataset.verdict)")
    assert given == words


def set_field(browser: Browser, selector: str, value: str) -> None:
    """Type into a field and leave it."""
    browser.value(
        f"(() => {{ const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def exported(browser: Browser) -> list[dict[str, str]]:
    """The table of verdicts, as it is downloaded now."""
    browser.click("#export")
    with browser.downloaded().open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def take(browser: Browser, table: Path) -> None:
    """Load a table of verdicts."""
    document = browser.command("DOM.getDocument")["root"]["nodeId"]
    field = browser.command("DOM.querySelector", nodeId=document, selector="#import")["nodeId"]
    browser.command("DOM.setFileInputFiles", nodeId=field, files=[str(table)])
    browser.until("document.getElementById('judged').textContent.includes('taken from')")


def test_species_and_remarks_stand_beside_the_verdict(browser: Browser, report: Path, tmp_path: Path) -> None:
    browser.open(report)
    rows = data_of(report)["rows"]
    remark = 'song, two units, "loud"'
    browser.press("2")
    set_field(browser, "#reviewer", "Ana")
    set_field(browser, ".card:nth-child(1) [name=species]", "humpback whale")
    set_field(browser, ".card:nth-child(1) [name=remark]", remark)
    set_field(browser, ".card:nth-child(3) [name=remark]", "look again")
    assert visible(browser, "#judged") == ["1 of 10 judged"]
    options = browser.value("[...document.querySelectorAll('#species option')].map(it => it.value)")
    assert options == ["right whale upcall", "humpback whale"]
    table = {row["id"]: row for row in exported(browser)}
    assert set(table) == {rows[0][0], rows[2][0]}
    first, third = table[rows[0][0]], table[rows[2][0]]
    words = [first[name] for name in ("verdict", "species", "remark", "reviewer")]
    assert words == ["not a call", "humpback whale", remark, "Ana"]
    assert [third[name] for name in ("verdict", "species", "remark", "reviewer")] == ["", "", "look again", "Ana"]
    assert float(first["score"]) == rows[0][4]
    for row in (rows[0], rows[2]):
        known = row[1] == 0  # the other recording's name tells no time
        moment = datetime(2020, 9, 10, 15, 30, 45, tzinfo=UTC) + timedelta(seconds=row[2])
        assert table[row[0]]["begin_utc"] == (f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if known else "")
    # on the next day, and on another machine
    browser.open(report)
    kept = "[...document.querySelectorAll('.card:nth-child(1) .notes input')].map(it => it.value)"
    assert browser.value(kept) == ["humpback whale", remark]
    browser.click("#export")
    saved = browser.downloaded()
    browser.value("localStorage.clear()")
    browser.open(report)
    assert browser.value(kept) == ["", ""]
    take(browser, saved)
    assert browser.value(kept) == ["humpback whale", remark]
    assert {row["id"]: row for row in exported(browser)} == table
    # taking the verdict back leaves the remark
    browser.press("ArrowRight")
    browser.press("0")
    assert [row["verdict"] for row in exported(browser)] == ["", ""]


def test_keys_do_not_judge_while_a_remark_is_written(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.value("document.querySelector('.card [name=remark]').focus()")
    for key in "123":
        browser.press(key)
    assert visible(browser, "#judged") == ["0 of 10 judged"]
    browser.press("Enter")
    browser.press("1")
    assert visible(browser, "#judged") == ["1 of 10 judged"]


def test_verdicts_of_earlier_pages_are_taken(browser: Browser, report: Path, tmp_path: Path) -> None:
    data = data_of(report)
    row = data["rows"][0]
    browser.open(report)
    key = f"edge-daemon verdicts {data['report']}"
    browser.value(f"localStorage.setItem({json.dumps(key)}, JSON.stringify({{[{json.dumps(row[0])}]: 'call'}}))")
    browser.open(report)
    assert visible(browser, "#judged") == ["1 of 10 judged"]
    browser.value("localStorage.clear()")
    browser.open(report)
    with (tmp_path / "old.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "begin_s", "end_s", "verdict"])
        table.writerow([data["recordings"][row[1]][0], row[2], row[3], "unsure"])
    take(browser, tmp_path / "old.csv")
    assert browser.value("document.querySelector('.card').dataset.verdict") == "unsure"


def test_precision_by_score(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.value("document.getElementById('precise').textContent") == "Precision: judge some detections first"
    for key in "1121":
        browser.press(key)
    text = browser.value("document.getElementById('precise').textContent")
    # Wilson's interval of 3 in 4
    assert text == "Precision so far: 0.75 (0.30 to 0.95) of 4 judged"
    rows = browser.value(
        "[...document.querySelectorAll('#precision tr')].map(row => [...row.cells].map(it => it.textContent))"
    )
    peaks = [row[4] for row in data_of(report)["rows"]]
    # the cards stand in order of their scores, so the first four are judged
    high, middle = (sum(low <= peak < low + 0.05 for peak in peaks) for low in (0.95, 0.9))
    judged = min(high, 4)
    classes = [("0.95 to 1.00", judged, high), ("0.90 to 0.95", min(4 - judged, middle), middle)]
    told = [[name, f"{own} of {all_of_it}"] for name, own, all_of_it in classes if all_of_it]  # empty ones are left out
    assert [row[:2] for row in rows[: len(told)]] == told
    assert sum(int(row[1].split()[0]) for row in rows) == 4
    assert rows[-1][3] == "0.75 (0.30 to 0.95)"  # of all from the lowest class up


def test_recordings_are_a_table_and_a_filter(browser: Browser, report: Path, archive: Path) -> None:
    browser.open(report)
    browser.value("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    cells = "[...document.querySelectorAll('#recordings tr')].map(row => [...row.cells].map(it => it.textContent))"
    named, script = browser.value(cells)
    assert named == ["5678.200910153045.flac", "(here)", "2020-09-10 15:30:45", "45.0 s", "5", "–", ""]
    assert script[:1] + script[2:] == ["script>.flac", "–", "45.0 s", "5", "–", ""]
    assert browser.value("document.querySelector('#recordings .when').title").endswith(
        "no zone in the name: UTC assumed"
    )
    browser.click("#recordings button")
    assert set(browser.value("[...document.querySelectorAll('.where')].map(it => it.title)")) == {
        str(archive / "5678.200910153045.flac")
    }
    assert len(visible(browser, ".card")) == PER_SAMPLE
    browser.click("#recordings button")
    assert len(visible(browser, ".card")) == 2 * PER_SAMPLE
    choose(browser, "file", "SCRIPT")
    assert len(visible(browser, ".card")) == PER_SAMPLE
    assert browser.value(cells) == [script]
    choose(browser, "file", "")
    folder = str((archive / NASTY).parent)
    choose(browser, "folder", folder)
    assert len(visible(browser, ".card")) == PER_SAMPLE
    assert visible(browser, "#recorded") == ["1 of 2 recordings"]
    choose(browser, "folder", str(archive))  # with the folders in it
    assert len(visible(browser, ".card")) == 2 * PER_SAMPLE


@pytest.fixture
def written(browser: Browser) -> Browser:
    """The browser with all texts that are drawn, as `drawn`."""
    source = (
        "window.drawn = []; const own = CanvasRenderingContext2D.prototype.fillText;"
        " CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {"
        " drawn.push(String(text)); own.call(this, text, ...rest); };"
    )
    browser.command("Page.addScriptToEvaluateOnNewDocument", source=source)
    return browser


@pytest.mark.parametrize(("hours", "days"), [(0.5, []), (50, ["2020-09-11", "2020-09-12"]), (24 * 40, None)])
@pytest.mark.parametrize("width", [1280, 390])
def test_days_stand_on_the_time_axis(
    written: Browser, tmp_path: Path, hours: float, days: list[str] | None, width: int
) -> None:
    settings = settings_for(None)
    (recording,) = find_recordings([SAMPLE])
    result = replay_recording(recording, settings)
    gathering = Gathering(1000)
    start = round(datetime(2020, 9, 10, 15, tzinfo=UTC).timestamp() * 1e9)
    for late in (0.0, hours):
        gathering.add(dataclasses.replace(result, start_utc_ns=start + round(late * 3600e9), clock="given"))
    facts = Facts("call", "tiny 1", "00", "replay", 0.7, 0.4, (50.0, 250.0))
    with (tmp_path / "page.html").open("w", encoding="utf-8") as file:
        write_page(file, "Days", document(gathering, gathering.entries(), facts, pictured=0, top_hz=500, speed=4), [])
    written.screen(width, 844, phone=width < 600)
    written.open(tmp_path / "page.html")
    texts = set(written.value("drawn"))
    drawn = sorted(text for text in texts if len(text) == 10 and text.startswith("2020-"))
    if days is None:
        assert len(drawn) >= 3
        assert drawn[0] >= "2020-09-10"
        assert drawn[-1] <= "2020-10-20"
    else:
        assert set(days) <= set(drawn)
        assert bool(drawn) == bool(days)


def test_no_command_and_no_path_of_the_model_on_the_page(report: Path) -> None:
    data = data_of(report)
    text = json.dumps([data["sections"], data["figures"]])
    assert "Hears the up-call" in text
    assert "--" not in text
    for part in (".onnx", "python -m", str(ROOT), "/assets/"):
        assert part not in text
    script = report.read_text(encoding="utf-8").rpartition("<script>")[2]
    assert "--html" not in script


@pytest.fixture
def listening(browser: Browser) -> Browser:
    """The browser with the page's player within reach, as `sounds[0]`."""
    source = (
        "window.sounds = []; const Own = Audio;"
        " window.Audio = function () { const made = new Own(); sounds.push(made); return made; };"
    )
    browser.command("Page.addScriptToEvaluateOnNewDocument", source=source)
    return browser


def test_the_player(listening: Browser, report: Path) -> None:
    listening.open(report)
    begin, end = data_of(report)["rows"][0][2:4]
    listening.click(".card .play")
    listening.until("!sounds[0].paused && sounds[0].currentTime > 0")
    assert listening.value("[sounds[0].playbackRate, sounds[0].preservesPitch]") == [4, False]  # calls from 50 Hz
    assert listening.value("sounds[0].duration") == pytest.approx(end - begin + 3.0, abs=0.01)
    listening.until("parseFloat(document.querySelector('.cursor').style.left) > 0")
    listening.click(".card [data-speed='1']")
    assert listening.value("sounds[0].playbackRate") == 1
    assert visible(listening, ".card .play")[0] == "❚❚"
    # a click on the spectrogram goes there
    listening.value("sounds[0].pause()")
    listening.click(".card .sound")
    listening.until("sounds[0].currentTime / sounds[0].duration > 0.45")
    assert listening.value("sounds[0].currentTime / sounds[0].duration") < 0.9
    listening.press(" ")
    listening.until("sounds[0].paused")
    link = listening.value(
        "[document.querySelector('.save').download, document.querySelector('.save').href.slice(0, 22)]"
    )
    assert link[0].endswith(".flac")
    assert link[1] == "data:audio/flac;base64"
    listening.click(".save")
    info = soundfile.info(listening.downloaded())
    assert (info.format, info.samplerate) == ("FLAC", 8000)
    # a clicked button does not keep the keys: Space plays, and takes no verdict back
    listening.click(".card .verdicts button")
    listening.press(" ")
    listening.until("!sounds[0].paused")
    assert visible(listening, "#judged") == ["1 of 10 judged"]


def test_order_and_filters(browser: Browser, report: Path) -> None:
    browser.open(report)
    rows = data_of(report)["rows"]
    choose(browser, "order", "time")
    files = browser.value("[...document.querySelectorAll('.where')].map(it => it.title)")
    assert files == [data_of(report)["recordings"][number][0] for number in [0] * PER_SAMPLE + [1] * PER_SAMPLE]
    times = visible(browser, ".card .when")
    assert times[:PER_SAMPLE] == sorted(times[:PER_SAMPLE])
    choose(browser, "least", "0.96")
    assert len(visible(browser, ".card")) == sum(row[4] >= 0.96 for row in rows)
    # what a card shows as 0.980 fits from 0.98 on, also if it is a little less
    shown = [round(row[4], 3) for row in rows]
    for limit in sorted(set(shown)):
        choose(browser, "least", f"{limit:.3f}")
        assert len(visible(browser, ".card")) == sum(score >= limit for score in shown)
    choose(browser, "least", "0.9999")
    assert visible(browser, "#none") == ["No detection matches the selection above."]
    browser.click("#filters [type='reset']")
    browser.until("document.querySelectorAll('.card').length === 10")
    browser.press("1")
    choose(browser, "which", "open")
    assert len(visible(browser, ".card")) == 9
    browser.click("#filters [type='reset']")
    browser.until("document.querySelectorAll('.card').length === 10")


def test_a_time_is_chosen_on_the_timeline(browser: Browser, report: Path) -> None:
    browser.open(report)
    place = browser.value(
        "(() => { const it = document.querySelectorAll('canvas')[0]; it.scrollIntoView({block: 'center'});"
        " const r = it.getBoundingClientRect(); return [r.x + 44, r.width - 56, r.y + 100]; })()"
    )
    left, width, y = place
    browser.mouse("mousePressed", left + 0.2 * width, y)
    browser.mouse("mouseMoved", left + 0.3 * width, y)
    browser.mouse("mouseMoved", left + 0.5 * width, y)
    browser.mouse("mouseReleased", left + 0.5 * width, y)
    rows = [row for row in data_of(report)["rows"] if row[1] == 0]  # the first track: the one with a time of day
    wanted = sorted(row[2] for row in rows if 9.0 <= row[2] <= 22.5)  # of 45 s
    assert len(wanted) == 2
    assert len(visible(browser, ".card")) == len(wanted)
    fields = browser.value("[...document.querySelectorAll('.range input')].slice(0, 2).map(it => it.value)")
    assert fields == ["2020-09-10 15:30:54", "2020-09-10 15:31:08"]
    browser.value(
        "(() => { const it = document.querySelector('.range input'); it.value = '2020-09-10 15:31:00';"
        " it.dispatchEvent(new Event('change')); })()"
    )
    assert len(visible(browser, ".card")) == sum(15.0 <= begin <= 22.5 for begin in wanted)
    # enlarged, the same place of the canvas is another time
    browser.click(".range .enlarge")
    left, width, y = browser.value(
        "(() => { const it = document.querySelectorAll('canvas')[0]; it.scrollIntoView({block: 'center'});"
        " const r = it.getBoundingClientRect(); return [r.x + 44, r.width - 56, r.y + 100]; })()"
    )
    browser.mouse("mousePressed", left, y)
    browser.mouse("mouseMoved", left + 0.4 * width, y)
    browser.mouse("mouseReleased", left + 0.5 * width, y)
    fields = browser.value("[...document.querySelectorAll('.range input')].slice(0, 2).map(it => it.value)")
    assert fields == ["2020-09-10 15:31:00", "2020-09-10 15:31:03"]  # 0.4 of the 7.5 s: where the mouse last moved
    browser.click(".range button:not(.enlarge)")
    assert len(visible(browser, ".card")) == 10


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_reaches_over_the_edge(browser: Browser, report: Path, dark: bool) -> None:
    browser.screen(390, 844, phone=True, dark=dark)
    browser.open(report)
    browser.value("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    assert browser.value("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    assert (
        browser.value(
            "Math.max(...[...document.querySelectorAll('body *')].map(it => it.getBoundingClientRect().right))"
        )
        <= 390
    )
    # thumbs need 40 pixels
    assert (
        browser.value("Math.min(...[...document.querySelectorAll('.verdicts button')].map(it => it.offsetHeight))")
        >= 40
    )
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (max(int(part) for part in paper[4:-1].split(",")) < 60) == dark


@pytest.mark.parametrize(("width", "height", "phone"), [(1280, 800, False), (390, 844, True)])
def test_a_screenshot_shows_pictures(
    browser: Browser, report: Path, tmp_path: Path, width: int, height: int, phone: bool
) -> None:
    browser.screen(width, height, phone=phone)
    browser.open(report)
    browser.value("document.querySelector('.card img').scrollIntoView({block: 'center'})")
    browser.until("document.querySelector('.card img').complete")
    left, top, right, bottom = browser.value(
        "(() => { const r = document.querySelector('.card img').getBoundingClientRect();"
        " return [r.left, r.top, r.right, r.bottom]; })()"
    )
    browser.screenshot(tmp_path / "page.png")
    picture = matplotlib_image.imread(tmp_path / "page.png")[..., :3]
    scale = 2 if phone else 1
    assert picture.shape == (height * scale, width * scale, 3)
    drawn = picture[int(top * scale) : int(bottom * scale), int(left * scale) : int(right * scale)]
    assert drawn.size > 10_000
    # a spectrogram: hundreds of colours, from dark to bright, and the page around it is not of one colour either
    assert len(np.unique((drawn.reshape(-1, 3) * 255).astype(np.uint8), axis=0)) > 100
    assert drawn.max() - drawn.min() > 0.5
    assert picture.std() > 0.02
    assert browser.errors == []


def test_text_stands_out_in_light_and_dark(browser: Browser, report: Path) -> None:
    """Contrast of all texts with what is behind them: 4.5 to 1 at least, as WCAG 2 asks (AA)."""
    script = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
    for dark in (False, True):
        browser.screen(1280, 900, dark=dark)
        browser.open(report)
        for key in "123":
            browser.press(key)
        least, where = browser.value(script)
        assert least >= 4.5, (dark, where)


@pytest.mark.parametrize("case", ["nothing found", "nothing replayed"])
def test_an_empty_page_says_so(browser: Browser, tmp_path: Path, case: str) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF and nothing else")
    recordings = [tmp_path / "broken.wav"] + ([SAMPLE] if case == "nothing found" else [])
    settings = settings_for(None, scores=True, threshold=1.0)
    with html_report(tmp_path / "report.html", PICTURED, settings, None) as gather:
        replay(find_recordings(recordings), settings, each=gather)
    browser.open(tmp_path / "report.html")
    assert visible(browser, "#figures dd")[0] == "0"
    assert visible(browser, "#none") == ["No detection matches the selection above."]
    assert len(visible(browser, ".timeline")) == len(recordings) - 1
    browser.value("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    assert "broken.wav" in visible(browser, "#sections")[0]
    for key in ("1", " ", "ArrowRight"):
        browser.press(key)


def test_a_browser_that_keeps_nothing_says_so(browser: Browser, report: Path) -> None:
    source = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('not here'); } });"
    browser.command("Page.addScriptToEvaluateOnNewDocument", source=source)
    browser.open(report)
    assert "does not save your verdicts: export them before you close the page" in visible(browser, "#notice")[0]
    browser.press("1")
    assert visible(browser, "#judged") == ["1 of 10 judged"]


def test_ten_thousand_detections(browser: Browser, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As many as a season gives, as many of them with pictures as there are by default; times are printed."""
    settings = settings_for(None, scores=True)
    (recording,) = find_recordings([SAMPLE])
    result = replay_recording(recording, settings)
    gathering, rng = Gathering(1000), np.random.default_rng(4)
    for hour in range(10_000 // PER_SAMPLE):
        found = [
            dataclasses.replace(one, event=dataclasses.replace(one.event, peak_score=float(rng.uniform(0.7, 1))))
            for one in result.found
        ]
        named = dataclasses.replace(recording, name=f"{hour:04d}.flac")
        origin = dataclasses.replace(result.origin, stream=named.name, file=named.name)  # type: ignore[type-var]
        gathering.add(
            dataclasses.replace(
                result, recording=named, found=found, origin=origin, start_utc_ns=hour * 3600 * 10**9, clock="given"
            )
        )
    entries = gathering.entries()
    assert len(entries) == 10_000
    facts = Facts("call", "tiny 1", "00", "replay", 0.7, 0.4, (50.0, 250.0))
    data = document(gathering, entries, facts, pictured=PICTURED, top_hz=500, speed=4)
    maker = MediaMaker(2000, 0, (50.0, 250.0))
    begin = time.perf_counter()
    few = [maker.make(entry, gathering.recordings[entry.recording]) for entry in entries[:20]]
    drawn_s = (time.perf_counter() - begin) / len(few)
    file = io.StringIO()
    write_page(file, "Season", data, ((row, few[row % len(few)]) for row in range(PICTURED)))
    page = tmp_path / "season.html"
    page.write_text(file.getvalue(), encoding="utf-8")

    loaded_s = browser.open(page)
    assert len(visible(browser, ".card")) == 24
    assert visible(browser, "nav.pages span")[0] == "1–24 of 10,000"
    times = {}
    set_field = "(it => {{ it.value = '{}'; it.dispatchEvent(new Event('change')); }})(document.getElementById('{}'))"
    for name, action in {
        "order": set_field.format("time", "order"),
        "page": "document.querySelector('nav.pages button:nth-of-type(3)').click()",
        "filter": set_field.format("0.85", "least"),
        "verdict": "document.querySelector('.verdicts button').click()",
    }.items():
        drawn = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin))))"
        times[name] = browser.value(f"(() => {{ const begin = performance.now(); {action}; return {drawn}; }})()")
    fitting = sum(round(entry.peak_score, 3) >= 0.85 for entry in entries)
    assert visible(browser, "nav.pages span")[0] == f"1–24 of {fitting:,}"
    with capsys.disabled():
        print(  # noqa: T201 - figures are told, not asserted
            f"\nreport of 10,000 detections, {PICTURED} with pictures: {page.stat().st_size / 1e6:.1f} MB,"
            f" usable after {loaded_s:.1f} s; "
            + ", ".join(f"{name} {took:.0f} ms" for name, took in times.items())
            + f"; drawing {1000 * drawn_s:.0f} ms each"
        )
