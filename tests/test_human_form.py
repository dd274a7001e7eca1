"""The rating form in a real browser, filled by keyboard alone."""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, program, wait_for
from human_worlds import Command, command, make_experiment, sheet_of
from seqgan.human.form import json_in_html, render_form
from seqgan.human.key import Key, read_key
from seqgan.human.ratings import read_collected
from seqgan.human.scales import QUESTIONS

__all__ = ["command"]

COMMENT = "=1+1; \"quoted\", 'single' é 雨"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A fresh browser; where there is none the test is skipped, unless it was promised."""
    if (executable := program()) is None:
        if os.environ.get("SEQGAN_NEED_BROWSER") == "1":
            pytest.fail("SEQGAN_NEED_BROWSER=1, but there is no Chromium")
        pytest.skip("no Chromium here")
    browser = Browser(executable, tmp_path / "browser")
    yield browser
    browser.close()


@pytest.fixture
def key(tmp_path: Path, command: Command) -> Key:
    """An export of sentences that are easily spoilt."""
    make_experiment(tmp_path, odd=True, seeds=(1,), size=9)
    status, _, errors = command(
        "export", "--experiment", "zz_words", "--output", "ratings", "--num", 7, "--raters", 1,
        "--pairs", 3,
    )  # fmt: skip
    assert (status, errors) == (0, "")
    return read_key(tmp_path / "ratings/key/key.json")


def place(browser: Browser) -> str:
    return browser.read("document.getElementById('place').textContent")


def shown(browser: Browser) -> list[str]:
    return browser.read("[...document.querySelectorAll('.text')].map((each) => each.textContent)")


def assert_well_behaved(browser: Browser) -> None:
    """Nothing was asked of any network, and no script failed or was blocked."""
    addresses = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert all(address.startswith(("file:", "data:", "blob:")) for address in addresses), addresses
    wrong = [
        event
        for event in browser.events
        if event.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        or event.get("method") == "Log.entryAdded"
    ]
    assert wrong == []


def save_by_keyboard(browser: Browser) -> Path:
    assert browser.read("document.activeElement.id") == "end-title"
    browser.press("Tab", "Tab")
    assert browser.read("document.activeElement.id") == "save"
    browser.press("Enter")
    return browser.downloaded()


def test_a_form_filled_by_keyboard_survives_a_reload_and_is_imported(
    browser: Browser, key: Key, command: Command, tmp_path: Path
):
    _, sheet = sheet_of(key, "rater-1", "sentences")
    browser.open((tmp_path / "ratings/rater-1/sentences.html").as_uri())
    assert browser.read("localStorage.length") == 0  # to look at it keeps nothing
    browser.press("Enter")
    typed: dict[str, tuple[str, str, str, str]] = {}
    for number, own in enumerate(sheet.order):
        assert place(browser).startswith(f"Sentence {number + 1} of {len(sheet.order)} ")
        assert shown(browser) == [key.items[own].text]
        spoilt = key.items[own].purpose == "check"
        fluency = "1" if spoilt else str(1 + number % 5)
        sense, author = str(1 + (number * 2 + 1) % 5), "hm"[number % 2]
        browser.press(fluency, sense, author)
        comment = ""
        if number == 1:
            browser.press("c", *COMMENT, "Escape")
            comment = COMMENT
        if number == len(sheet.order) // 2:
            # In the middle of an item, so that a half-answered one is kept too.
            browser.press("Backspace")
            kept = f"Sentence {number + 1} of {len(sheet.order)} · {number} answered"

            def is_kept(kept: str = kept) -> bool:
                # A browser that is short of time may show the page before what was just stored.
                browser.reload()
                return place(browser) == kept

            wait_for(is_kept, kept)
            checked = browser.read("document.querySelectorAll('input:checked').length")
            assert checked == 2
            browser.press(author)
        typed[own] = (fluency, sense, {"h": "human", "m": "machine"}[author], comment)
        browser.press("Enter" if number % 2 else "ArrowRight")
    path = save_by_keyboard(browser)
    assert path.name == "rater-1-sentences.csv"
    assert browser.read("document.title") == "Rating sentences · rater-1"
    assert_well_behaved(browser)
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["item_id"] for row in rows] == list(sheet.order)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]
    status, output, errors = command("import", "ratings", path)
    assert (status, errors) == (0, "")
    assert "0 of 1 raters dropped" in output
    found = {row["item_id"]: row for row in read_collected(tmp_path / "ratings").ratings}
    judged = {own for own in sheet.order if key.items[own].purpose != "check"}
    assert set(found) == judged
    for own in judged:
        row = found[own]
        columns = [question.column for question in QUESTIONS["sentences"]]
        assert (*(row[name] for name in columns), row["comment"]) == typed[own]


def test_pairs_are_compared_by_keyboard(
    browser: Browser, key: Key, command: Command, tmp_path: Path
):
    _, sheet = sheet_of(key, "rater-1", "pairs")
    browser.open((tmp_path / "ratings/rater-1/pairs.html").as_uri())
    browser.press("Enter")
    for own in sheet.order:
        assert shown(browser) == list(key.shown(sheet, own))
        pair = key.pairs[own]
        left = "second" if own in sheet.swapped else "first"
        browser.press("lr"[left == "second"] if pair.purpose == "check" else "t", "Enter")
    path = save_by_keyboard(browser)
    assert_well_behaved(browser)
    status, _, errors = command("import", "ratings", path)
    assert (status, errors) == (0, "")
    found = read_collected(tmp_path / "ratings").preferences
    assert {row["winner"] for row in found} == {"tie"}
    assert len(found) == sum(pair.purpose != "check" for pair in key.pairs.values())


def test_open_questions_are_named_before_saving_and_an_answer_can_be_changed(
    browser: Browser, key: Key, tmp_path: Path
):
    _, sheet = sheet_of(key, "rater-1", "sentences")
    browser.open((tmp_path / "ratings/rater-1/sentences.html").as_uri())
    browser.press("Enter")
    for _ in sheet.order[:-1]:
        browser.press("3", "3", "m", "Enter")
    browser.press("5", "Enter")
    assert browser.read("document.getElementById('end-title').textContent") == "Not finished yet"
    missing = browser.read("document.getElementById('missing').textContent")
    assert missing == str(len(sheet.order))
    assert browser.read("document.getElementById('save').textContent") == "Save unfinished ratings"
    browser.press("ArrowLeft", "2", "h")
    # Native keys of a radio group work as everywhere: down chooses the next answer.
    browser.read("document.querySelector('input[name=fluency_1_5]:checked').focus()")
    browser.press("ArrowUp")
    values = "[...document.querySelectorAll('input:checked')].map((each) => each.value)"
    assert browser.read(values) == ["4", "2", "human"]
    browser.press("ArrowRight")
    assert browser.read("document.getElementById('end-title').textContent") == "Thank you!"
    assert place(browser).endswith(f"{len(sheet.order)} answered")


def test_every_control_has_a_name_and_focus_can_be_seen(browser: Browser, key: Key, tmp_path: Path):
    browser.open((tmp_path / "ratings/rater-1/sentences.html").as_uri())
    browser.press("Enter", "Tab")
    names = browser.read(
        "[...document.querySelectorAll('#item input, #item textarea')]"
        ".map((each) => [...each.labels].map((label) => label.textContent.trim()).join())"
    )
    assert all(names)
    assert "4good: one small slip" in names
    outline = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert browser.read("document.activeElement.type") == "radio"
    assert browser.read(outline) == "solid"
    browser.press("3")
    assert browser.read("document.activeElement.name") == "sense_1_5", "the next question"
    browser.press("3", "h")
    assert browser.read("document.activeElement.id") == "next"
    for width in (390, 1100):
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1,
            mobile=width < 500,
        )  # fmt: skip
        page = "document.documentElement"
        assert browser.read(f"{page}.scrollWidth === {page}.clientWidth"), "nothing stands out"


def test_a_sentence_is_text_whatever_it_holds():
    text = "</script><script>alert(1)</script><!-- & \u2028 \ud800"
    page = render_form("sentences", rater="r", sheet="s1", items=[("ab", [text])])
    page.encode()  # no half of a surrogate pair, which no file can hold
    assert page.count("</script>") == 2
    assert "alert" in page
    assert "<script>alert" not in page
    assert json_in_html("<&>\u2028") == '"\\u003c\\u0026\\u003e\\u2028"'


def test_a_form_loads_nothing_and_lets_no_other_script_run():
    page = render_form("pairs", rater="r", sheet="s1", items=[("ab", ["one", "two"])])
    assert "default-src 'none'" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "http" not in page.replace('http-equiv="', "")
