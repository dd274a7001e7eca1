import re
from dataclasses import replace
from html.parser import HTMLParser

import matplotlib.style
import numpy as np
import pytest

from evidence_cases import FULL, example
from seqgan.corpus.card import card
from seqgan.report.corpus import (
    left_out,
    near,
    percent,
    section,
    shifted,
    shortened,
    source,
    tables,
    verdict,
)
from seqgan.report.drawing import STYLE
from seqgan.report.figures import draw_all
from seqgan.report.frequencies import OF_CORPUS, by_rank, covered, lengths
from seqgan.report.page import render

EVIL = "<script>alert('x')</script> & <b>"
WORDS = [EVIL, "the", "cat", "</svg>", "مرحبا", "sat", "on", "mats"]
END, UNKNOWN, FIRST = 1, 2, 3


def rows(seed, count, low=2, high=9):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(low, high, count)
    tokens = rng.integers(FIRST, FIRST + len(WORDS), (count, 10)).astype(np.int32)
    place = np.arange(10)
    tokens[place == lengths[:, None]] = END
    tokens[place > lengths[:, None]] = -1
    return tokens


def facts_of(splits, **given):
    found = card(splits, words=WORDS, first_word=FIRST, end=END, unknown=UNKNOWN, **given)
    return {
        "kind": "text",
        "unit": "words",
        "vocabulary_size": len(WORDS),
        "sentences": {name: len(each) for name, each in splits.items()},
        "lines": 500,
        "left_out": {"too short": 7, f"without a {EVIL}": 0, "too long": 30},
        "source": {
            "records": 1500, "name": EVIL, "extra": ["a", 2], "licence": "CC BY", "url": None,
        },
        "card": found,
    }  # fmt: skip


def evidence_of(facts):
    return replace(example(FULL, (1, 2), oracle=False), facts=facts)


SPLITS = {"train": rows(0, 300), "validation": rows(1, 60), "test": rows(2, 60)}
LABELS = {name: np.arange(len(each)) % 2 for name, each in SPLITS.items()}
FACTS = facts_of(SPLITS, labels=LABELS, label_names=["good", EVIL, "none of it"])
EVIDENCE = evidence_of(FACTS)


class Page(HTMLParser):
    """Tags that are open, ids, and the text of a page; fails where tags do not match."""

    VOID = ("meta", "link", "br", "img", "path", "use", "rect", "circle")

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.text, self.tags = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page_of(evidence):
    return render(evidence, draw_all(evidence), [])


def test_the_section_shows_the_card_and_escapes_the_corpus():
    html = page_of(EVIDENCE)
    page = Page(html)
    assert "script" not in page.tags
    assert "b" not in page.tags
    text = "".join(page.text)
    for said in (EVIL, "CC BY", "1,500", "a, 2", "too long", "6.0%", "500\nlines", "none of it"):
        assert said in text, said
    assert "url" not in [label for label, _ in section(EVIDENCE)["source"]]
    assert '<a href="#corpus">Corpus</a>' in html
    assert len(page.ids) == len(set(page.ids))
    assert all(warning in text for warning in FACTS["card"]["warnings"])
    assert not re.search(r'(src|href)="(?!#|data:,)', html)


def test_figures_of_the_corpus_stand_in_its_section_alone():
    drawings = draw_all(EVIDENCE)
    assert [each.name for each in drawings][-3:] == list(OF_CORPUS)
    html = page_of(EVIDENCE)
    begins, ends = html.index('<h2 id="corpus"'), html.index('<h2 id="provenance"')
    for name in OF_CORPUS:
        assert html.count(f'<h3 id="{name}">') == 1
        assert begins < html.index(f'<h3 id="{name}">') < ends
    assert [each.svg for each in draw_all(EVIDENCE)] == [each.svg for each in drawings]


def test_without_a_card_there_is_no_section():
    for oracle in (True, False):
        evidence = example(FULL, (1,), oracle=oracle, curves=False)
        assert section(evidence) is None
        assert not {each.name for each in draw_all(evidence)} & set(OF_CORPUS)
        assert 'id="corpus"' not in page_of(evidence)


def test_a_corpus_may_have_the_only_figures():
    evidence = replace(example(FULL, (1,), oracle=False, curves=False), facts=FACTS)
    drawings = [each for each in draw_all(evidence) if each.name in OF_CORPUS]
    html = render(evidence, drawings, [])
    assert 'id="figures"' not in html
    assert 'id="corpus_lengths"' in html


EDGES = {
    "one sentence each": {name: rows(i, 1) for i, name in enumerate(SPLITS)},
    "one word": dict.fromkeys(SPLITS, np.array([[3, 1], [3, 1]], np.int32)),
    "only unknown words": dict.fromkeys(SPLITS, np.array([[2, 1], [2, 1]], np.int32)),
    "no validation": {"train": rows(0, 20), "test": rows(1, 5)},
    "its own discriminator": {**SPLITS, "discriminator": rows(3, 50)},
    "full rows": {name: np.full((4, 6), 4, np.int32) for name in SPLITS},
    "training alone": {"train": rows(0, 20)},
}


@pytest.mark.parametrize("name", EDGES)
def test_any_corpus_has_a_section(name):
    evidence = evidence_of(facts_of(EDGES[name]))
    with matplotlib.style.context(["default", STYLE]):
        found = [make(evidence) for make in (lengths, by_rank, covered)]
    Page(render(evidence, [each for each in found if each is not None], []))


def test_tables_have_a_cell_for_every_column():
    found = [table for table in tables(FACTS["card"]) if table is not None]
    assert [table["title"] for table in found][:3] == [
        "Counts", "Classes", "N-grams that the training set has too",
    ]  # fmt: skip
    for table in found:
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}
    assert found[0]["columns"] == ["", "train", "validation", "test"]
    assert found[0]["rows"][0] == ["sentences", "300", "60", "60"]
    assert found[1]["rows"][1][1:] == ["150 (50.0%)", "30 (50.0%)", "30 (50.0%)"]
    assert found[1]["rows"][2][1:] == ["0 (0.0%)"] * 3


def test_shares_of_dropped_sentences_have_a_line_where_they_are_known():
    def lines(facts):
        return {row[0]: row[1:] for row in next(tables(facts["card"]))["rows"]}

    dropped = lines(facts_of(SPLITS, dropped={"train": 0.25, "test": 0.5}))
    assert dropped["dropped for an unknown word"] == ["25.0%", "–", "50.0%"]
    assert "dropped for an unknown word" not in lines(FACTS)


def test_shifted_words_are_shown_with_their_rates():
    test = rows(4, 200)
    test[:, 0] = FIRST + 3
    found = facts_of({"train": rows(0, 900), "test": test})["card"]["shift"]
    table = shifted(found)
    assert table["rows"][0][0] == "</svg>"
    assert table["rows"][0][2:] == ["100.0%", "train and test", "< 0.001"]
    assert "the splits differ at a level of 0.01" in verdict(found)
    assert shifted({"pairs": []}) is None
    assert "the splits look alike at a level of 0.01" in verdict(FACTS["card"]["shift"])


def test_lines_left_out_are_told_with_their_reasons():
    assert left_out(FACTS) == {
        "lines": "500", "rows": [["too long", "30", "6.0%"], ["too short", "7", "1.4%"]],
    }  # fmt: skip
    assert left_out({}) == {"lines": "–", "rows": []}
    assert left_out({"left_out": {"too long": 1}})["rows"] == [["too long", "1", "–"]]


def test_a_source_is_told_in_order_and_without_what_is_unknown():
    assert list(source(FACTS)) == [
        ("name", EVIL), ("licence", "CC BY"), ("records", "1,500"), ("extra", "a, 2"),
    ]  # fmt: skip
    assert list(source({})) == []
    assert list(source({"source": {"files": {"a.txt": 2}, "is_open": True}})) == [
        ("files", "a.txt: 2"), ("is open", "True"),
    ]  # fmt: skip


def test_small_shares_are_not_shown_as_nothing():
    shown = [percent(share) for share in (None, 0.0, 0.0004, 0.0005, 0.5, 0.9994, 0.9996, 1.0)]
    assert shown == ["–", "0.0%", "< 0.1%", "0.1%", "50.0%", "99.9%", "> 99.9%", "100.0%"]
    assert shortened("x" * 400) == "x" * 300 + "…"
    assert near({}) is None
