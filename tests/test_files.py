import csv
import gzip
import json
import os
from pathlib import Path

import pytest

from seqgan.corpus import files
from seqgan.corpus.files import LONGEST_LINE, Columns, Files, Record, read_lines
from seqgan.errors import UserError

# --- lines ----------------------------------------------------------------------------------------


def lines(tmp_path: Path, content: bytes) -> list[str]:
    (tmp_path / "t.txt").write_bytes(content)
    return [line for _, line in read_lines(tmp_path / "t.txt")]


def test_lines_of_every_system(tmp_path):
    assert lines(tmp_path, b"\xef\xbb\xbfone\r\n\r\n  two \n\n\t\nthree") == ["one", "two", "three"]
    assert lines(tmp_path, b"") == []
    assert lines(tmp_path, b"\n\n") == []
    assert lines(tmp_path, b"\xef\xbb\xbf") == []
    assert lines(tmp_path, "é\u2028è\n".encode()) == ["é\u2028è"]
    # A mark of byte order is one at the very beginning only.
    assert lines(tmp_path, b"a\n\xef\xbb\xbfb") == ["a", "\ufeffb"]


def test_a_file_in_utf_16_is_told_apart(tmp_path):
    with pytest.raises(UserError, match=r"line 1 is not UTF-8 .* iconv -f UTF-16 -t UTF-8"):
        lines(tmp_path, "text".encode("utf-16"))


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path):
    with pytest.raises(UserError) as caught:
        lines(tmp_path, b"good\nbad \xe9\n")
    assert str(caught.value) == (
        f"{tmp_path}/t.txt, line 2 is not UTF-8 (invalid continuation byte); convert the file, "
        "for example with: iconv -f LATIN1 -t UTF-8 OLD > NEW"
    )
    with pytest.raises(UserError, match="line 1 is not UTF-8"):
        lines(tmp_path, "text".encode("utf-16"))


def test_a_line_longer_than_a_megabyte(tmp_path):
    assert lines(tmp_path, b"x" * LONGEST_LINE) == ["x" * LONGEST_LINE]
    with pytest.raises(UserError, match=r"t\.txt, line 2 is longer than a megabyte; put one"):
        lines(tmp_path, b"short\n" + b"x" * (LONGEST_LINE + 1))


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"^no such file: .*/nothing$"):
        list(read_lines(tmp_path / "nothing"))


def test_lines_tell_how_much_was_read(tmp_path):
    (tmp_path / "t.txt").write_bytes("\nö\n\n  b  \n\n".encode())
    assert list(read_lines(tmp_path / "t.txt")) == [(4, "ö"), (11, "b")]


@pytest.mark.parametrize("change", ["append", "rewrite"])
def test_a_text_that_changes_while_it_is_read(tmp_path, change):
    path = tmp_path / "t.txt"
    path.write_text("a b c\n" * 9)
    os.utime(path, ns=(0, 0))
    found = read_lines(path)
    next(found)
    with open(path, "ab" if change == "append" else "r+b") as file:
        file.write(b"d e f\n")
    lines = 10 if change == "append" else 9
    with pytest.raises(UserError, match=rf"t\.txt changed while it was read, after {lines} li"):
        list(found)


# --- compressed -----------------------------------------------------------------------------------


def test_compressed_lines_are_those_of_the_file(tmp_path):
    path = tmp_path / "t.txt.GZ"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfone\n\n two \n"))
    assert [line for _, line in read_lines(path)] == ["one", "two"]
    assert max(place for place, _ in read_lines(path)) <= path.stat().st_size


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:20], lambda b: b"x" + b])
def test_a_damaged_compressed_file(tmp_path, damage):
    path = tmp_path / "t.gz"
    path.write_bytes(damage(gzip.compress(b"a line of text\n" * 99)))
    with pytest.raises(
        UserError, match=r"t\.gz is not a whole gzip file, after \d+ lines \(.*fetch"
    ):
        list(read_lines(path))


def test_a_bomb_ends_at_its_first_line(tmp_path):
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"x" * 50 * 2**20))
    with pytest.raises(UserError, match=r"t\.gz, line 1 is longer than a megabyte"):
        list(read_lines(tmp_path / "t.gz"))


# --- rows -----------------------------------------------------------------------------------------

NAMED = Columns("sentence", prompt="question", label="class", group="talk")
ROWS = [
    {"sentence": " yes,\n it is ", "question": "is it?", "class": 1, "talk": "a", "more": [1]},
    {"sentence": "", "question": "well?", "class": 0, "talk": "a"},
    {"sentence": "no \u2028", "question": "so?", "class": "0", "talk": "b"},
]
RECORDS = [Record("yes,  it is", "is it?", "1", "a"), Record("no", "so?", "0", "b")]


def records(path: Path, columns: Columns = NAMED, **settings) -> list[Record]:
    return [record for _, record in Files({"": [path]}, columns=columns, **settings).records()]


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n\n" for row in rows), encoding="utf-8")
    return path


def test_json_lines(tmp_path):
    assert records(write_rows(tmp_path / "t.jsonl", ROWS)) == RECORDS
    assert records(write_rows(tmp_path / "t", ROWS), format="jsonl") == RECORDS


@pytest.mark.parametrize(
    ("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t"), ("t.csv.gz", ",")]
)
def test_tables(tmp_path, name, delimiter):
    path = tmp_path / "table"
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, list(NAMED), delimiter=delimiter, extrasaction="ignore")
        table.writeheader()
        table.writerows(ROWS)
    content = path.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert records(tmp_path / name) == RECORDS


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.jsonl", '{"sentence": "a"}', "line 1 has no 'question', but 'sentence'; name the col"),
        ("t.jsonl", "\n[1]", r"line 2 must be a JSON object, but is '\[1\]'"),
        ("t.jsonl", "{", "line 1 is not JSON: Expecting"),
        ("t.jsonl", "[" * 10**5, "line 1 is not JSON: "),
        ("t.jsonl", '{"sentence": 3}', "line 1: 'sentence' must be a text, but is 3"),
        ("t.jsonl", '{"sentence": null}', "line 1: 'sentence' must be a text, but is None"),
        ("t.jsonl", '{"sentence": "\\ud800"}', "line 1 holds half of a pair of surrogates"),
        ("t.csv", "a,b\n1,2\n", "line 2 has no 'sentence', but 'a', 'b'; name the col"),
        ("t.csv", "sentence\na, b\n", "line 2 has more cells than the header; quote cells"),
        ("t.csv", "sentence\na\0\n", "line 2 holds a null byte, as UTF-16 and binary files do"),
        ("t.csv", 'sentence\n"a" b\n', "line 2 is not a row of a table: "),
        ("t.csv", f'sentence\n"{"x" * 200_000}"\n', "line 2 is not a row of a table: field larger"),
        ("t.txt", "a", "is plain text and has no 'question'; give JSON lines or a table"),
    ],
)  # fmt: skip
def test_rows_that_are_none(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=reason) as caught:
        records(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}")
    assert "\n" not in str(caught.value)


def test_what_is_not_asked_for_may_be_missing(tmp_path):
    path = write_rows(tmp_path / "t.jsonl", [{"text": "a"}, {"text": "b", "label": "x"}])
    assert records(path, Columns()) == [Record("a"), Record("b")]
    every = Columns("text", "prompt", "label", "group")
    assert records(path, every, lenient=True) == [Record("a"), Record("b", label="x")]
    path = write_rows(path, [{"text": "a", "label": None}, {"text": "b", "label": None}])
    assert records(path, Columns(label="label")) == [Record("a"), Record("b")]


# --- several files --------------------------------------------------------------------------------


def test_files_of_sets_and_documents(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(f"one {name}\ntwo {name}\n")
    paths = [tmp_path / name for name in "abc"]
    some = Files({"": paths[:2], "test": paths[2:]})
    assert [record for _, record in some.records()] == [
        *(Record(f"{i} {n}", group=str(tmp_path / n)) for n in "ab" for i in ("one", "two")),
        Record("one c", split="test"),
        Record("two c", split="test"),
    ]
    places = [place for place, _ in some.records()]
    assert places == sorted(places)
    assert places[-1] == sum(path.stat().st_size for path in paths)
    assert some.megabytes == 1
    assert some.name == f"{tmp_path} and its files"
    assert Files({"": paths[:1]}).name == str(paths[0])


def test_megabytes_are_those_of_all_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MEGABYTE", 100)
    for name in "ab":
        (tmp_path / name).write_text("x" * 150)
    assert Files({"": [tmp_path / "a"], "test": [tmp_path / "b", tmp_path / "c"]}).megabytes == 3
