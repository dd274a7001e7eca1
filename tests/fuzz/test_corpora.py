"""Texts of any bytes, and the datasets and records that are made of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import slow_twins
from seqgan.corpus import text
from seqgan.corpus.dataset import (
    Dataset,
    read_alphabet,
    read_dataset,
    read_tokens,
    write_alphabet,
    write_dataset,
    write_tokens,
)
from seqgan.corpus.files import Files
from seqgan.corpus.text import prepare
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import Vocabulary, read_vocabulary, write_vocabulary
from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.printing import to_text
from seqgan.provenance import check_inputs, read_receipt, receipt, sha256, verify
from seqgan.records import canonical_json, read_json, read_json_lines, readable_json
from seqgan.stage import check_code
from seqgan.tokens import Alphabet

from .promise import changed, damaged, ends_well, fuzz, json_trees

WORDS = (
    b"a", b"b", b"the", b"A", b" ", b" ", b" ", b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\t", b"\0",
    b"\x0b", b"\x0c", b"\x1b[31m", b"\x1c", b"\x7f", b"\xc2\x85", "\u2028".encode(),
    "\ufeff".encode(), "\u202e".encode(), "\u0301".encode(), "e\u0301\u0316".encode(),
    "\u200d".encode(), "ß".encode(), "İ".encode(), "ﬁ".encode(),
    "\U0001f468\u200d\U0001f469".encode(), "가각".encode(), "नमस्ते".encode(), "\ue000".encode(),
    "\U0010ffff".encode(), b"<end>", b"$(id)", b"'", b"...", b"3.14", b"--", b"\xff", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"x" * 9000,
)  # fmt: skip
FINE = WORDS[:27]
texts = (
    st.lists(st.sampled_from(WORDS), max_size=40).map(b"".join)
    | st.lists(st.sampled_from(FINE), min_size=60, max_size=200).map(b"".join)
    | st.binary(max_size=60)
)
SETTINGS = {
    "source": {"kind": "file"}, "condition": "none", "split_by": "sentence",
    "tokenizer": {"kind": "word", "lowercase": True}, "min_length": 1, "max_length": 6,
    "validation_share": 0.3, "test_share": 0.3, "discriminator_share": 0.0, "max_vocabulary": 30,
    "min_count": 1, "max_prompt_length": 9,
}  # fmt: skip
MARKS = "\u0301\u0316".encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def without_card():
    """Datasets without their data card, which takes a hundred times as long."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (text, slow_twins):
            patch.setattr(module, "card", lambda *_, **__: {})
        yield


@fuzz(500)
@given(content=texts, unknown=st.sampled_from(("keep", "drop")), lowercase=st.booleans())
@example(b"a" + MARKS * 260_000, "keep", True)
@example(b"a" + b" \xcc\x81" * 30_000, "keep", True)
@example(b"a b\n" * 5_000, "drop", True)
@example(b"\n" * 50_000, "drop", True)
@example(b"x" * (2**20 + 1), "drop", True)
@example(b"\xef\xbb\xbfa b\n", "drop", True)
def test_a_text_of_anything(folder, without_card, content, unknown, lowercase):
    path = folder / "text.txt"
    path.write_bytes(content)
    settings = SETTINGS | {
        "unknown": unknown,
        "tokenizer": {"kind": "word", "lowercase": lowercase},
    }

    def work() -> None:
        facts = prepare(Files({"": [path]}), folder / "data", settings)
        twin, expected = slow_twins.prepare(path, settings)
        assert facts == expected
        found = read_dataset(folder / "data")
        assert torch.equal(found.train, twin.train.int())
        assert found.vocabulary == twin.vocabulary
        lines = [to_text(row, found.vocabulary) for row in found.test.tolist()]
        assert len("\n".join(lines).split("\n")) == len(lines), "a sentence is one line"

    ends_well(work, "text.txt")


@fuzz(30)
@given(content=texts)
def test_a_card_of_anything(folder, content):
    path = folder / "text.txt"
    path.write_bytes(content)

    def work() -> None:
        facts = prepare(Files({"": [path]}), folder / "data", SETTINGS | {"unknown": "keep"})
        readable_json(facts["card"])

    ends_well(work, "text.txt")


# --- arrays ---------------------------------------------------------------------------------------

numbers = st.sampled_from((0, 1, 2, 3, 7, -1, 10**6, 10**12, 2**62, 2**70, True, None, 1.5, "3"))
descriptions = st.sampled_from(
    ("<i4", ">i8", "|i1", "<u8", "<f4", "<f8", "<f16", "<c16", "|b1", "|O", "|S0", "|V0", "<U9",
     "<M8[s]", "|V99999999", "i4,i4", [("a", "<i4")], [("a", "|O")], ("<i4", (3, 3)), "x", "",
     None, 3)
)  # fmt: skip
headers = st.fixed_dictionaries(
    {
        "descr": descriptions,
        "fortran_order": st.sampled_from((True, False, None, 1)),
        "shape": st.lists(numbers, max_size=3).map(tuple) | numbers,
    }
)


def with_header(text: str, content: bytes, version: bytes = b"\1\0") -> bytes:
    header = text.encode()
    size = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + header + content


def good_array() -> bytes:
    return with_header("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }\n", bytes(24))


arrays = (
    st.builds(
        with_header,
        headers.map(repr) | st.text(max_size=20),
        st.binary(max_size=16) | st.just(bytes(24)),
        st.sampled_from((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\xff\xff")),
    )
    | damaged(good_array())
    | st.binary(max_size=20)
)


@fuzz(700)
@given(arrays)
@example(with_header("{'descr': '<i4', 'fortran_order': False, 'shape': (100000, 10000)}", b""))
@example(with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}", b"\x80\4."))
@example(with_header("{'descr': '<i4', 'fortran_order': False, 'shape': (0, 10**30)}", b""))
@example(with_header(f"{{'descr': '<i4', 'fortran_order': False, 'shape': (0, {2**80})}}", b""))
@example(with_header(f"{{'descr': '<i4', 'fortran_order': False, 'shape': {'-' * 9000}1}}", b""))
@example(with_header("{'descr': '<i4', 'fortran_order': False, 'shape': (1L, 1L)}", bytes(4)))
@example(b"PK\3\4")
@example(b"\x80\4cos\nsystem\n(S'touch pwned'\ntR.")
def test_an_array_of_anything(folder, content):
    path = folder / "tokens.npy"
    path.write_bytes(content)
    ends_well(lambda: read_tokens(path), "tokens.npy")
    assert not Path("pwned").exists()


# --- JSON -----------------------------------------------------------------------------------------

VOCABULARY = Vocabulary(tuple("abcd"), WordTokenizer())
SPEC = {"schema": 1, "stage": "summarise", "settings": {"a": [1]}, "code": {}}
BODY = {"spec": SPEC, "seed": 1, "inputs": {"in": {}}, "outputs": {"results/x/data": {"bytes": 1}},
        "environment": {"threads": 1}}  # fmt: skip


def sealed(body) -> dict:
    """Return a receipt that nobody can tell from a true one by its digest."""
    try:
        digest = sha256(canonical_json(body))
    except (ValueError, RecursionError):
        digest = ""
    return {"schema": 1, "sha256": digest, **(body if isinstance(body, dict) else {})}


def as_text(tree) -> bytes:
    """Return JSON as other programs write it: with NaN, lone surrogates and numbers of any size."""
    try:
        return json.dumps(tree).encode()
    except RecursionError:
        return b"[" * 50_000 + b"]" * 50_000


def all_of_a_receipt(path: Path) -> None:
    read_receipt(path)
    check_inputs([path], [path])
    check_inputs([path], [path], path.parent / "specs")
    job = Job("x", "prepare_corpus", {}, outputs={"data": "results/x/data"})
    place = path.parent / job.receipt
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    for state in verify([job, Job("x", "evaluate", {}, upstream=(job,))], path.parent):
        assert state.verdict in ("ok", "absent", "stale", "damaged", "missing")


def alphabet_of(path: Path) -> None:
    torch.zeros(min(read_alphabet(path).vocab_size, 99))


READERS = {
    "alphabet": (
        alphabet_of,
        {"vocab_size": 9, "start": 2, "end": 1, "never_emitted": [0, 2], "separator": None},
    ),
    "vocabulary": (
        lambda path: read_vocabulary(path).decode([0, 2, 1]),
        {
            "words": ["a", "b"],
            "tokenizer": {"kind": "word", "lowercase": True},
            "emit_unknown": True,
            "condition": "none",
            "labels": [],
        },
    ),
    "receipt": (all_of_a_receipt, sealed(BODY)),
    "spec": (lambda path: check_code("summarise", read_json(path)), SPEC),
    "provenance": (read_json, {"receipt": "00", "machine": {"host": "x"}, "wall_seconds": 0.1}),
    "learning curve": (read_json_lines, {"step": 1, "loss": 0.5}),
}


@pytest.mark.parametrize(("reader", "tree"), READERS.values(), ids=READERS)
def test_json_of_anything(folder, reader, tree):
    path = folder / "file.json"
    path.write_bytes(as_text(tree))
    bad = (b"[" * 50_000, b"1" * 5000, b"NaN", b'"\\ud800"', b"1e999", b"", b"\xff", b'{"a":' * 990)

    @fuzz(250)
    @given(
        json_trees.map(as_text)
        | changed(tree, json_trees).map(as_text)
        | damaged(as_text(tree))
        | st.sampled_from(bad)
    )
    def feed(content: bytes) -> None:
        path.write_bytes(content)
        ends_well(lambda: reader(path), "file.json", "--spec", "the code has changed")

    feed()


@fuzz(300)
@given(changed(BODY, json_trees))
def test_a_receipt_of_anything_under_the_right_digest(folder, body):
    path = folder / "file.json"
    path.write_bytes(as_text(sealed(body)))
    ends_well(lambda: all_of_a_receipt(path), "file.json")


def test_what_is_written_is_read_back(folder):
    write_alphabet(folder / "a.json", VOCABULARY.alphabet)
    write_vocabulary(folder / "v.json", VOCABULARY)
    write_tokens(folder / "t.npy", torch.tensor([[3, 1]]))
    (folder / "r.json").write_bytes(
        readable_json(receipt(SPEC, seed=1, inputs={}, outputs=[], environment={}))
    )
    assert ends_well(lambda: read_alphabet(folder / "a.json"))
    assert ends_well(lambda: read_vocabulary(folder / "v.json"))
    assert ends_well(lambda: read_tokens(folder / "t.npy"))
    assert ends_well(lambda: read_receipt(folder / "r.json"))


def test_parts_of_two_datasets_are_no_dataset(tmp_path):
    tokens = torch.tensor([[3, 4, 1], [3, 1, -1]])
    good = Dataset(tokens, tokens, tokens, VOCABULARY.alphabet, VOCABULARY)
    others = {
        "fit together": {"vocabulary": Vocabulary(("a",), WordTokenizer())},
        "its sets must have sentences": {"validation": tokens[:0]},
        "an id outside the vocabulary": {"alphabet": Alphabet(4, start=0, end=1)},
    }
    write_dataset(tmp_path, good, {})
    read_dataset(tmp_path)
    for message, parts in others.items():
        write_dataset(tmp_path, Dataset(**{**vars(good), **parts}), {})
        with pytest.raises(UserError, match=message):
            read_dataset(tmp_path)
    write_dataset(tmp_path, good, {})
    write_tokens(tmp_path / "test.npy", torch.tensor([[3, 1]]))
    with pytest.raises(UserError, match=r"all of one length, .*test \(1, 2\); make"):
        read_dataset(tmp_path)


def test_large_arrays_are_read_by_their_own_size(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((50, 20), dtype=np.int64, order="F"))
    assert read_tokens(tmp_path / "t.npy").shape == (50, 20)
