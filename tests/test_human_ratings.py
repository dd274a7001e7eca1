from pathlib import Path

import numpy as np
import pytest

from human_worlds import (
    Command,
    as_text,
    command,
    exported,
    filled,
    save,
    save_all,
    sheet_of,
)
from seqgan.human.key import Key, read_key
from seqgan.human.ratings import parse, read_collected
from seqgan.human.scales import AUTHOR, BETTER, FLUENCY
from seqgan.human.sheets import disarm, rearm, same_text, sheet_hash

__all__ = ["command", "exported"]
Rows = list[dict[str, str]]


@pytest.fixture
def rows(exported: Key) -> Rows:
    """What an attentive first rater sends back."""
    return filled(exported, "rater-1", "sentences", np.random.default_rng(3))


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@x", "\tx", "\rx", "|x", "%x", "'x", "''="])
def test_no_cell_is_a_formula_and_each_can_be_read_back(text: str):
    assert disarm(text) == f"'{text}"
    assert rearm(disarm(text)) == text


def test_harmless_cells_stay_as_they_are():
    for text in ("", "a=b", "one", "1 2", "’tis"):
        assert disarm(text) == text
        assert rearm(text) == text


def test_a_sentence_is_known_again_after_a_spreadsheet():
    assert same_text("  a  b c", "a b c")
    assert same_text("cafe\u0301", "café")
    assert same_text("'=1+1", "=1+1")
    assert same_text("??? ab", "שלו ab")
    assert not same_text("a b c", "a b d")
    assert not same_text("???", "ab")


def test_a_hash_names_what_is_asked_of_whom_in_which_order():
    given = ("sentences", "rater-1", [("a", "x"), ("b", "y")])
    every = {
        sheet_hash(*given),
        sheet_hash("pairs", *given[1:]),
        sheet_hash("sentences", "rater-2", given[2]),
        sheet_hash("sentences", "rater-1", given[2][::-1]),
        sheet_hash("sentences", "rater-1", [("a", "x"), ("b", "z")]),
    }
    assert len(every) == 5
    assert all(each[0] == "s" and len(each) == 17 for each in every)


@pytest.mark.parametrize(
    ("given", "value"),
    [("4", "4"), (" 4 ", "4"), ("4.0", "4"), ("4,00", "4"), ("", ""), ("0", None), ("6", None),
     ("3.5", None), ("four", None), ("4.", None), ("-1", None), ("٣", None), ("1e0", None)],
)  # fmt: skip
def test_points(given: str, value: str | None):
    assert parse(FLUENCY, given) == value


def test_words():
    assert [parse(AUTHOR, each) for each in ("H", "Machine ", "x")] == ["human", "machine", None]
    assert [parse(BETTER, each) for each in ("L", "TIE", "r")] == ["left", "tie", "right"]


# --- what programs make of a file -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r")])
def test_files_of_spreadsheets_are_read(
    tmp_path: Path, command: Command, rows: Rows, encoding: str, delimiter: str, end: str
):
    rows[0]["comment"] = 'naïve; with, all\n"kinds" of signs'
    path = tmp_path / "back.csv"
    path.write_bytes(as_text("sentences", rows, delimiter, end).encode(encoding))
    status, output, errors = command("import", "ratings", path)
    assert (status, errors) == (0, "")
    assert "nothing yet from rater-2, rater-3" in output
    found = read_collected(tmp_path / "ratings")
    by_id = {row["item_id"]: row for row in found.ratings}
    assert len(by_id) == 33
    for row in rows:
        if row["item_id"] in by_id:
            for name in ("fluency_1_5", "sense_1_5", "human_or_machine", "comment"):
                assert by_id[row["item_id"]][name] == row[name]


def test_columns_and_rows_may_be_moved_and_blank_rows_left(
    tmp_path: Path, command: Command, rows: Rows, exported: Key
):
    names = list(rows[0])[::-1]
    lines = [",".join(["notes", *names]), ""]
    lines += [",".join(["", *(row[name] for name in names)]) for row in reversed(rows)]
    (tmp_path / "back.csv").write_text("\n".join([*lines, ",,,", ""]))
    assert command("import", "ratings", "back.csv")[0] == 0
    order = [row["item_id"] for row in read_collected(tmp_path / "ratings").ratings]
    _, sheet = sheet_of(exported, "rater-1", "sentences")
    assert order == [own for own in sheet.order if exported.items[own].purpose != "check"]


# --- mistakes -------------------------------------------------------------------------------------


def change(number: int, **cells: str):
    def changed(rows: Rows) -> Rows:
        return [row | cells if place == number - 2 else row for place, row in enumerate(rows)]

    return changed


MISTAKES = [
    (change(4, fluency_1_5="7"), "row 4: fluency_1_5 must be one of 1, 2, 3, 4, 5, but is '7'"),
    (change(5, human_or_machine="both"), "row 5: human_or_machine must be one of human, machine"),
    (change(6, sense_1_5=""), "row 6: sense_1_5 is empty"),
    (change(7, item_id="0123456789"), "row 7: item '0123456789' is not on this sheet"),
    (lambda rows: [*rows, rows[2]], "is in row 4 already; delete one of the two"),
    (lambda rows: rows[:-2], "2 of 35 rows are not there (first: item "),
    (change(2, sheet="s0000000000000000"), "row 2: sheet 's0000000000000000' is none of this"),
    (change(9, sheet="s0000000000000000"), "row 9: sheet 's0000000000000000', but the rows above"),
    (change(9, rater="rater-2"), "row 9: rater 'rater-2', but this sheet is that of rater-1"),
    (change(9, text="another sentence"), "row 9: text is not the sentence of item"),
    (lambda rows: [], "no row under the header"),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES)
def test_a_mistake_is_one_line_with_file_and_row_and_nothing_is_lost(
    tmp_path: Path, command: Command, exported: Key, rows: Rows, changed, message: str
):
    files = save_all(exported, tmp_path / "back")
    assert command("import", "ratings", *files)[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "ratings").glob("*.csv")}
    bad = save(tmp_path / "bad.csv", "sentences", changed(rows))
    others = [path for path in files if path.name != "rater-1-sentences.csv"]
    status, _, errors = command("import", "ratings", bad, *others)
    assert status == 1
    assert f"{bad}: " in errors
    assert message in errors
    # A foreign id leaves its own item without a row: two lines, each to the point.
    assert errors.count("\n") == (3 if "0123456789" in errors else 1)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04zip", "is an Excel workbook, not CSV"),
        (b"a,b\n1,2\n", "row 1: no column better, item_id, rater, sheet"),
        (b"item_id,rater,sheet,better,better\n1,2,3,4,5\n", "two columns better"),
        (b"item_id,rater,sheet,better\n1,2,3,4,5\n", "row 2: 5 cells under 4 headings"),
        (b"item_id,rater,sheet,better\n\x00\n", "is not a text file"),
        (b"\xff\xfe\x00\xd8\x00", "unknown encoding"),
        (b"\x81\x8d", "unknown encoding"),
        (b'item_id,rater,sheet,better\n"' + b"x" * 200_000, "is not CSV (field larger"),
    ],
)
def test_what_is_no_sheet_is_named(
    tmp_path: Path, command: Command, exported: Key, content: bytes, message: str
):
    (tmp_path / "odd.csv").write_bytes(content)
    status, _, errors = command("import", "ratings", "odd.csv")
    assert status == 1
    assert "odd.csv" in errors
    assert message in errors
    assert errors.count("\n") == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path, command: Command, rows: Rows):
    rows[0]["fluency_1_5"], rows[3]["sense_1_5"] = "9", "x"
    save(tmp_path / "bad.csv", "sentences", rows)
    status, _, errors = command("import", "ratings", "bad.csv", "absent.csv")
    assert status == 1
    lines = errors.rstrip().split("\n")
    assert lines[0].startswith("bad.csv: row 2: ")
    assert lines[1].startswith("bad.csv: row 5: ")
    assert lines[2] == "no such file: absent.csv"
    assert lines[3].endswith("3 problems, of which 3 are shown above; nothing was imported")
    assert not (tmp_path / "ratings/ratings.csv").exists()


def test_a_sheet_sent_twice_is_refused(tmp_path: Path, command: Command, rows: Rows):
    for name in ("one.csv", "two.csv"):
        save(tmp_path / name, "sentences", rows)
    _, _, errors = command("import", "ratings", "one.csv", "two.csv")
    assert "two.csv: the sentences of rater-1 are in one.csv too" in errors


def test_missing_answers_may_be_allowed(tmp_path: Path, command: Command, rows: Rows):
    rows[0]["fluency_1_5"] = rows[0]["human_or_machine"] = ""
    save(tmp_path / "back.csv", "sentences", rows[:-1])
    assert command("import", "ratings", "back.csv")[0] == 1
    status, _, errors = command("import", "ratings", "back.csv", "--allow-missing")
    assert (status, errors) == (0, "")
    assert command("analyse", "ratings", "--bootstrap", 20, "--permutations", 20)[0] == 0


# --- attention and the key ------------------------------------------------------------------------


def test_inattentive_raters_are_dropped_and_counted(
    tmp_path: Path, command: Command, exported: Key
):
    files = save_all(exported, tmp_path / "back")
    rng = np.random.default_rng(0)
    rows = filled(exported, "rater-2", "sentences", rng)
    for row in rows:
        row["fluency_1_5"] = "5"
    save(tmp_path / "back/rater-2-sentences.csv", "sentences", rows)
    status, output, _ = command("import", "ratings", *files)
    assert status == 0
    assert "rater-2: 2 of 4 attention checks: dropped" in output
    assert "rater-1: 4 of 4 attention checks: kept" in output
    assert "1 of 3 raters dropped" in output
    found = read_collected(tmp_path / "ratings")
    assert {row["rater"] for row in found.ratings} == {"rater-1", "rater-3"}
    assert {row["rater"] for row in found.preferences} == {"rater-1", "rater-3"}
    assert [row["kept"] for row in found.raters] == [True, False, True]
    output = command("analyse", "ratings", "--bootstrap", 20, "--permutations", 20)[1]
    assert "2 of 3 raters are analysed" in output
    assert "failed attention checks: rater-2" in output
    assert "0 of 3 raters dropped" in command("import", "ratings", *files, "--attention", 0.5)[1]
    assert "--attention must be in" in command("import", "ratings", *files, "--attention", 2)[2]


def test_winners_are_systems_not_sides(tmp_path: Path, command: Command, exported: Key):
    _, sheet = sheet_of(exported, "rater-1", "pairs")
    rows = filled(exported, "rater-1", "pairs", np.random.default_rng(0))
    for row in rows:
        pair = exported.pairs[row["item_id"]]
        on_left = pair.second_text if row["item_id"] in sheet.swapped else pair.first_text
        assert row["left"] == on_left
        if pair.purpose != "check":
            row["better"] = "left"
    save(tmp_path / "back.csv", "pairs", rows)
    assert command("import", "ratings", "back.csv")[0] == 0
    for row in read_collected(tmp_path / "ratings").preferences:
        swapped = row["item_id"] in sheet.swapped
        assert row["winner"] == ("second" if swapped else "first")
        assert row["first_shown"] == ("right" if swapped else "left")


def test_comments_cannot_become_formulas(tmp_path: Path, command: Command, rows: Rows):
    shown = next(row for row in rows if row["fluency_1_5"] != "1")
    shown["comment"] = "=cmd|' /C calc'!A0"
    save(tmp_path / "back.csv", "sentences", rows)
    assert command("import", "ratings", "back.csv")[0] == 0
    assert ",=cmd" not in (tmp_path / "ratings/ratings.csv").read_text()
    comments = {row["comment"] for row in read_collected(tmp_path / "ratings").ratings}
    assert shown["comment"] in comments


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "is no key of an export (experiment: "),
        (b"{", "is not JSON"),
        (b"[1]", "is no key of an export (the whole: "),
    ],
)
def test_a_broken_key_is_named(
    tmp_path: Path, command: Command, exported: Key, rows: Rows, content: bytes, message: str
):
    save(tmp_path / "back.csv", "sentences", rows)
    path = tmp_path / "ratings/key/key.json"
    whole = path.read_text()
    path.write_bytes(content)
    assert message in command("import", "ratings", "back.csv")[2]
    path.write_text(whole.replace('"order": [', '"order": ["0000000000",', 1))
    assert "0000000000 is on a sheet" in command("import", "ratings", "back.csv")[2]
    path.write_text(whole)
    assert read_key(path) == exported
    path.rename(tmp_path / "elsewhere.json")
    assert "no such file: ratings/key/key.json" in command("import", "ratings", "back.csv")[2]
    assert command("import", "ratings", "back.csv", "--key", "elsewhere.json")[0] == 0
