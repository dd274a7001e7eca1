"""What raters sent back: checked cell by cell, joined with the key, without the inattentive."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgan.errors import UserError, one_line
from seqgan.human.key import Key, Sheet
from seqgan.human.scales import AUTHOR, BETTER, QUESTIONS, SCALES, TEXTS, Question
from seqgan.human.sheets import Row, disarm, read_sheet, rearm, same_text
from seqgan.records import write_atomically

RATING_COLUMNS = (
    "rater", "item_id", "purpose", "of", "system", "seed", "bin",
    *(question.column for question in (*SCALES, AUTHOR)), "comment",
)  # fmt: skip
PREFERENCE_COLUMNS = (
    "rater", "item_id", "purpose", "of", "first", "second", "winner", "first_shown", "comment",
)  # fmt: skip
RATER_COLUMNS = ("rater", "checks", "passed", "kept")
COLUMNS = {"ratings": RATING_COLUMNS, "preferences": PREFERENCE_COLUMNS, "raters": RATER_COLUMNS}
"""Of each table, by its name."""
NUMBERS = ("seed", "bin", "checks", "passed")
ANYTHING = re.compile(r".*", re.DOTALL)
ALLOWED = {
    **{question.column: re.compile(r"[1-5]?") for question in SCALES},
    **{name: re.compile(r"\d{1,10}") for name in NUMBERS},
    AUTHOR.column: re.compile(r"(human|machine)?"),
    "purpose": re.compile(r"item|repeat|check"),
    "winner": re.compile(r"(first|second|tie)?"),
    "first_shown": re.compile(r"left|right"),
    "kept": re.compile(r"True|False"),
}
"""What may stand in the columns that are not free text."""
TIE = "tie"
Table = list[dict[str, Any]]
BROKEN = 2
"""An attentive rater finds a sentence whose words are out of order at most this fluent."""


@dataclass
class Answers:
    """The valid answers of one sheet: what was answered, by item and column."""

    sheet: Sheet
    source: Path
    by_item: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Collected:
    """All ratings, joined with the key.

    Attributes:
        ratings: A row for every rater and sentence (:data:`RATING_COLUMNS`); an answer that was
            not given is empty.
        preferences: A row for every rater and pair (:data:`PREFERENCE_COLUMNS`).
        raters: A row for every rater who sent anything (:data:`RATER_COLUMNS`); only those
            ``kept`` are in the other two.
    """

    ratings: Table
    preferences: Table
    raters: Table


def problems_and_answers(
    paths: Sequence[Path], key: Key, *, allow_missing: bool
) -> tuple[list[str], list[Answers]]:
    """Return every problem of the files as one line with file and row, and the answers."""
    problems: list[str] = []
    every: list[Answers] = []
    for path in paths:
        try:
            task, rows = read_sheet(path)
        except UserError as error:
            problems.append(str(error))
            continue
        found = _find_sheet(path, task, rows, key)
        if isinstance(found, str):
            problems.append(found)
            continue
        if earlier := [each.source for each in every if each.sheet is found]:
            problems.append(
                f"{path}: the {task} of {found.rater} are in {earlier[0]} too; keep one of them"
            )
            continue
        answers = Answers(found, path)
        problems.extend(_read(answers, rows, key, allow_missing=allow_missing))
        every.append(answers)
    return [one_line(problem) for problem in problems], every


def _find_sheet(path: Path, task: str, rows: list[tuple[int, Row]], key: Key) -> Sheet | str:
    """Return the sheet that a file fills in, or what is wrong with what it says of itself."""
    if not rows:
        return f"{path}: no row under the header; was the right file sent?"
    first, start = rows[0]
    sheet = key.sheets.get(start["sheet"])
    if sheet is None or sheet.task != task:
        return (
            f"{path}: row {first}: sheet {start['sheet']!r} is none of this export; "
            "was it sent for another one?"
        )
    for number, row in rows:
        if row["sheet"] != start["sheet"]:
            return (
                f"{path}: row {number}: sheet {row['sheet']!r}, but the rows above are of "
                f"{start['sheet']!r}; give each sheet its own file"
            )
        if row["rater"] != sheet.rater:
            return (
                f"{path}: row {number}: rater {row['rater']!r}, but this sheet is that of "
                f"{sheet.rater}; each rater has a sheet of their own"
            )
    return sheet


def _read(
    answers: Answers, rows: list[tuple[int, Row]], key: Key, *, allow_missing: bool
) -> Iterator[str]:
    path, sheet = answers.source, answers.sheet
    seen: dict[str, int] = {}
    expected = set(sheet.order)
    for number, row in rows:
        own = row["item_id"]
        where = f"{path}: row {number}:"
        if own not in expected:
            yield f"{where} item {own!r} is not on this sheet; was the cell changed?"
            continue
        if own in seen:
            yield f"{where} item {own} is in row {seen[own]} already; delete one of the two"
            continue
        seen[own] = number
        for name, shown in zip(TEXTS[sheet.task], key.shown(sheet, own), strict=True):
            if row.get(name) and not same_text(row[name], shown):
                yield (
                    f"{where} {name} is not the sentence of item {own}; were columns sorted apart?"
                )
        answers.by_item[own] = {"comment": row.get("comment", "")}
        for question in QUESTIONS[sheet.task]:
            given = row[question.column]
            value = parse(question, given)
            if value is None:
                allowed = ", ".join(answer.value for answer in question.answers)
                yield f"{where} {question.column} must be one of {allowed}, but is {given!r}"
            elif not value and not allow_missing:
                yield (
                    f"{where} {question.column} is empty (item {own}); "
                    "ask the rater, or give --allow-missing"
                )
            answers.by_item[own][question.column] = value or ""
    lacking = [own for own in sheet.order if own not in seen]
    if lacking and not allow_missing:
        yield (
            f"{path}: {len(lacking)} of {len(sheet.order)} rows are not there (first: item "
            f"{lacking[0]}); ask the rater, or give --allow-missing"
        )


def parse(question: Question, given: str) -> str | None:
    """Return the answer that a cell gives, ``""`` for none, or ``None`` if it gives no valid one.

    Case and spaces do not count; the key of an answer stands for it, and ``4.0`` or ``4,0`` for 4.
    """
    plain = given.strip().casefold()
    if not plain:
        return ""
    head, point, zeros = plain.replace(",", ".").partition(".")
    if point and zeros and not zeros.strip("0"):
        plain = head
    for answer in question.answers:
        if plain in (answer.value, answer.key):
            return answer.value
    return None


def collect(every: Iterable[Answers], key: Key, *, attention: float) -> Collected:
    """Join answers with the key, without raters who passed fewer checks than they should.

    Args:
        every: Valid answers.
        key: Of the export.
        attention: The share of attention checks that a rater must pass, 0 … 1. Checks without an
            answer count as failed.
    """
    ratings: Table = []
    preferences: Table = []
    checks: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    raters: dict[str, None] = {}
    for answers in every:
        rater = answers.sheet.rater
        raters[rater] = None
        for own in answers.sheet.order:
            row = answers.by_item.get(own)
            if answers.sheet.task == "sentences":
                item = key.items[own]
                if item.purpose == "check":
                    checks[rater] += 1
                    fluency = row[SCALES[0].column] if row else ""
                    passed[rater] += fluency != "" and int(fluency) <= BROKEN
                elif row is not None:
                    ratings.append(
                        {"rater": rater, "item_id": own, "purpose": item.purpose, "of": item.of}
                        | {"system": item.system, "seed": item.seed, "bin": item.bin}
                        | row
                    )
                continue
            pair = key.pairs[own]
            on_left = "second" if own in answers.sheet.swapped else "first"
            winner = _winner(row[BETTER.column] if row else "", on_left)
            if pair.purpose == "check":
                checks[rater] += 1
                passed[rater] += winner == "first"
            elif row is not None:
                preferences.append(
                    {"rater": rater, "item_id": own, "purpose": pair.purpose, "of": pair.of}
                    | {"first": pair.first, "second": pair.second, "winner": winner}
                    | {"first_shown": "left" if on_left == "first" else "right"}
                    | {"comment": row["comment"]}
                )
    kept = {rater for rater in raters if passed[rater] >= attention * checks[rater] - 1e-9}
    table = [
        {"rater": rater, "checks": checks[rater], "passed": passed[rater], "kept": rater in kept}
        for rater in sorted(raters, key=lambda name: (len(name), name))
    ]
    return Collected(
        [row for row in ratings if row["rater"] in kept],
        [row for row in preferences if row["rater"] in kept],
        table,
    )


def _winner(answer: str, on_left: str) -> str:
    if answer in ("", TIE):
        return answer
    other = "second" if on_left == "first" else "first"
    return on_left if answer == "left" else other


def write_collected(folder: Path, collected: Collected) -> dict[str, Path]:
    """Write ``ratings.csv``, ``preferences.csv`` and ``raters.csv``, each whole or not at all."""
    paths = {}
    for name, columns in COLUMNS.items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        for row in getattr(collected, name):
            writer.writerow(row | ({"comment": disarm(row["comment"])} if "comment" in row else {}))
        paths[name] = folder / f"{name}.csv"
        write_atomically(paths[name], text.getvalue().encode())
    return paths


def read_collected(folder: Path) -> Collected:
    """Return what :func:`write_collected` wrote; raise :class:`UserError` if it is not there."""
    return Collected(
        **{name: _read_table(folder / f"{name}.csv", columns) for name, columns in COLUMNS.items()}
    )


def _read_table(path: Path, columns: Sequence[str]) -> Table:
    try:
        text = path.read_text(encoding="utf-8")
        rows: Table = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}; run `human_evaluation.py import` first") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is no table of import ({error}); import again") from None
    for number, row in enumerate(rows, start=2):
        for name in columns:
            value = row.get(name)
            if value is None or not ALLOWED.get(name, ANYTHING).fullmatch(value):
                raise UserError(f"{path}: row {number}: {name} is {value!r}; import again")
            if name in NUMBERS:
                row[name] = int(value)
        if "kept" in row:
            row["kept"] = row["kept"] == "True"
        if "comment" in row:
            row["comment"] = rearm(row["comment"])
    return rows
