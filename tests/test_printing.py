"""What sampling by hand writes."""

import ast
import json
import sys

import pytest
import torch

import sample_sentences
from seqgan.assembly import build_generator, save_generator
from seqgan.corpus.tokenizers import fit
from seqgan.corpus.vocabulary import END, Vocabulary
from seqgan.errors import UserError
from seqgan.printing import FORMATS, Code, JsonLines, PlainLines, Tunes, format_of
from seqgan.tokens import PAD
from stage_worlds import GENERATOR, LENGTH, stream


def vocabulary(words, kind="word", **more):
    settings = {"word": {"lowercase": True}, "python": {"replace_literals": False}}.get(kind, {})
    return Vocabulary(tuple(words), fit({"kind": kind, **settings}, []), **more)


WORDS = vocabulary(("a", "b", "."))
PROMPTS = vocabulary(("a", "b", "."), condition="prompt")
LABELS = vocabulary(("a", "b"), condition="label", labels=("bad", "good"))


def test_plain_lines():
    assert PlainLines(WORDS).sentence([3, 4, 5, END, PAD], 1) == "a b.\n"
    assert PlainLines(None).sentence([3, 4, 0, PAD], 1) == "3 4 0\n"
    row = PROMPTS.encode(["b"], PROMPTS.encode_prompt(["a", "."]))
    assert PlainLines(PROMPTS).sentence(row, 1) == "a.\tb\n"


def test_json_lines():
    row = LABELS.encode(["b"], LABELS.encode_label("good"))
    found = json.loads(JsonLines(LABELS).sentence(row, 1))
    assert found == {"text": "b", "label": "good", "tokens": row}
    assert json.loads(JsonLines(WORDS).sentence([3], 1)) == {"text": "a", "tokens": [3]}
    assert JsonLines(vocabulary(("é",))).sentence([3], 1).startswith('{"text": "é"')


def test_tunes():
    notes = vocabulary(("c", "d2", "|", "?"), "abc")
    form = Tunes(notes)
    tune = form.sentence([3, 4, 5, 3, END], 7)
    assert form.begin() == ""
    lines = tune.split("\n")
    assert lines[0] == "%abc-2.1"
    assert "X:7" in lines
    assert "T:Sample 7" in lines
    assert lines[-1] == ""
    assert form.sentence([6, 6, END], 3) == "% sample 3 has no notes\n\n"
    for other in (None, WORDS):
        with pytest.raises(UserError, match="only a generator of notes"):
            Tunes(other)


def test_signs_that_end_lines_are_spaces():
    """Only generators of single characters or bytes can write them."""
    words = vocabulary(("<0x0A>", "<0x09>", "<0x61>"), "byte")
    assert PlainLines(words).sentence([5, 3, 4, 5], 1) == "a  a\n"
    assert json.loads(JsonLines(words).sentence([5, 3, 5], 1))["text"] == "a\na"
    code = Code(vocabulary(("<0x0A>", "<0x28>"), "byte"))
    assert code.sentence([4, 3, 4], 1) == "# not Python: ( (\n"


def test_code_is_a_program():
    words = vocabulary(("if", "x", ":", "return", "("), "python")
    form = Code(words)
    whole = form.begin() + "".join(
        form.sentence(row, 1) for row in ([3, 4, 5, END], [6, 4, END], [3, 7, 5, END])
    )
    ast.parse(whole)
    assert "# not Python: if (:\n" in whole
    assert "if x:\n" in whole


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.txt", "text"), ("A.JSONL", "jsonl"), ("a.abc", "abc"), ("a.py", "python"), ("", "text")],
)
def test_the_end_of_a_name_says_how(name, expected):
    assert format_of(name) == expected
    assert expected in FORMATS


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """Run the command on a generator; return its status and what it printed."""

    def run(words, *arguments):
        generator = build_generator(GENERATOR, words.alphabet, 6, stream(1))
        save_generator(tmp_path / "model", generator, GENERATOR, LENGTH, words)
        command = ["x", "--checkpoint", str(tmp_path / "model"), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        before = torch.are_deterministic_algorithms_enabled()
        try:
            with pytest.raises(SystemExit) as ended:
                sample_sentences.command()
        finally:
            torch.use_deterministic_algorithms(before)
        return ended.value.code, capsys.readouterr()

    return run


def test_all_labels_in_turn_or_one(say):
    status, printed = say(LABELS, "--num", 5)
    assert status == 0
    assert [line.split("\t")[0] for line in printed.out.splitlines()] == [
        "bad", "good", "bad", "good", "bad",
    ]  # fmt: skip
    _, printed = say(LABELS, "--num", 3, "--label", "good")
    assert [line.split("\t")[0] for line in printed.out.splitlines()] == ["good"] * 3


def test_answers_to_a_prompt(say):
    _, printed = say(PROMPTS, "--num", 3, "--prompt", "A zebra", "--format", "jsonl")
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["prompt"] for row in rows] == ["a <unknown>"] * 3
    assert all(row["tokens"][:3] == PROMPTS.encode_prompt(["a", "zebra"]) for row in rows)


def test_sentences_that_begin_so(say):
    _, printed = say(WORDS, "--num", 9, "--prompt", "b a")
    assert all(line.startswith("b a") for line in printed.out.splitlines())


def test_more_sentences_than_are_drawn_at_once(say, monkeypatch):
    monkeypatch.setattr(sample_sentences, "PRINTED_AT_ONCE", 3)
    _, printed = say(LABELS, "--num", 8)
    labels = [line.split("\t")[0] for line in printed.out.splitlines()]
    assert labels == ["bad", "good"] * 4


def test_a_file_is_written_whole_or_not(say, tmp_path):
    place = tmp_path / "new/samples.jsonl"
    status, printed = say(WORDS, "--num", 4, "--output", place)
    assert (status, printed.out) == (0, "")
    assert [json.loads(line)["tokens"] for line in place.read_text().splitlines()]
    before = place.read_bytes()
    tune = place.rename(tmp_path / "new/tune.abc")
    status, printed = say(WORDS, "--num", 4, "--output", tune)
    assert status == 1
    assert "only a generator of notes" in printed.err
    assert tune.read_bytes() == before
    assert [path.name for path in tune.parent.iterdir()] == ["tune.abc"]


def test_a_folder_is_never_replaced(say, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("precious")
    status, printed = say(WORDS, "--num", 1, "--output", tmp_path / "kept")
    assert status == 1
    assert "--output must be a file, but " in printed.err
    assert (tmp_path / "kept/file").read_text() == "precious"


def test_a_link_is_followed(say, tmp_path):
    (tmp_path / "target.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "target.txt")
    status, _ = say(WORDS, "--num", 1, "--output", tmp_path / "link.txt")
    assert status == 0
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target.txt").read_text() != "old"


def test_music_goes_into_a_file_that_its_name_asks_for(say, tmp_path):
    status, _ = say(vocabulary(("c", "d2", "|"), "abc"), "--num", 2, "--seed", 3, "--output",
                    tmp_path / "t.abc")  # fmt: skip
    assert status == 0
    assert (tmp_path / "t.abc").read_text().count("\nK:") == 2


@pytest.mark.parametrize(
    ("words", "arguments", "message"),
    [
        (PROMPTS, (), "this generator answers prompts; give one: --prompt"),
        (
            LABELS,
            ("--label", "fine"),
            "--label 'fine' is not one of the generator's labels (bad",
        ),
        (WORDS, ("--label", "fine"), "(none: it was trained without)"),
        (WORDS, ("--prompt", "zebra"), "--prompt has a word that the generator never saw: zebra"),
        (WORDS, ("--prompt", "a " * 9), "--prompt has 9 tokens, but rows have 6 with the sentence"),
        (WORDS, ("--temperature", "1e-9"), "--temperature must be above 0, at least 0.001, but is"),
        (WORDS, ("--top-k", "0"), "--top-k must be at least 1, but is 0"),
        (WORDS, ("--top-p", "1"), "--top-p must be between 0 and 1, but is 1.0"),
    ],
)
def test_what_cannot_be_asked_for(say, words, arguments, message):
    status, printed = say(words, *arguments)
    assert status == 1
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("sample_sentences: error: ")
    assert message in line
