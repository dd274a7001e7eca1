"""Sheets as CSV: written for spreadsheets, and read back as spreadsheets leave them."""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqgan.errors import UserError
from seqgan.human.scales import QUESTIONS, TEXTS

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
LARGEST = 20_000_000
"""Bytes of the largest sheet that is read."""
Row = dict[str, str]


def columns(task: str) -> list[str]:
    """Return the columns of the sheet of a task."""
    answers = [question.column for question in QUESTIONS[task]]
    return ["item_id", *TEXTS[task], *answers, "comment", "rater", "sheet"]


def disarm(cell: str) -> str:
    """Return a cell that no spreadsheet computes: an apostrophe before what begins a formula.

    What begins with the apostrophe itself gets another, so that :func:`rearm` is exact.
    """
    return f"'{cell}" if cell.startswith((*FORMULA, "'")) else cell


def rearm(cell: str) -> str:
    """Return what :func:`disarm` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def sheet_hash(task: str, rater: str, items: Sequence[Sequence[str]]) -> str:
    """Return the name of a sheet: what it asks, of whom, in which order.

    Args:
        task: ``sentences`` or ``pairs``.
        rater: Who gets it.
        items: For each item its id and the texts as the rater sees them.
    """
    parts = [task, rater, *("\x1f".join(item) for item in items)]
    digest = hashlib.sha256("\x1e".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
    # The letter keeps a spreadsheet from reading digits as a number.
    return f"s{digest[:16]}"


def write_sheet(task: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return a sheet as CSV in UTF-8, with the mark by which Excel knows it."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns(task), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: disarm(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def read_sheet(path: Path) -> tuple[str, list[tuple[int, Row]]]:
    """Return the task of a sheet and its rows, numbered as in a spreadsheet (the header is 1).

    It may have been saved with commas, semicolons or tabs, any line ends, as UTF-8 or UTF-16 with
    or without a mark, or in the Western European encoding of Windows; columns may stand in another
    order, and more columns and empty rows are ignored.

    Raises:
        UserError: If it is not a sheet.
    """
    text = _decode(path)
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{path} is not CSV ({error}); save it again as CSV (UTF-8)") from None
    numbered = [
        (n, record) for n, record in enumerate(records, start=1) if any(map(str.strip, record))
    ]
    if not numbered:
        raise UserError(f"{path} is empty; was the right file sent?")
    names = [name.strip().casefold() for name in numbered[0][1]]
    required = {
        task: {"item_id", "rater", "sheet", *(each.column for each in QUESTIONS[task])}
        for task in QUESTIONS
    }
    tasks = [task for task in required if required[task] <= set(names)]
    if not tasks:
        lacking = min((sorted(need - set(names)) for need in required.values()), key=len)
        raise UserError(
            f"{path}: row {numbered[0][0]}: no column {', '.join(lacking)}; "
            "the first row must be the sheet's own header"
        )
    if doubled := sorted({name for name in names if name and names.count(name) > 1}):
        raise UserError(
            f"{path}: row {numbered[0][0]}: two columns {', '.join(doubled)}; delete one"
        )
    rows = []
    for number, record in numbered[1:]:
        if len(record) > len(names) and any(map(str.strip, record[len(names) :])):
            raise UserError(
                f"{path}: row {number}: {len(record)} cells under {len(names)} headings; "
                "a cell with a separator or line break lost its quotes"
            )
        cells = [*record, *[""] * (len(names) - len(record))]
        rows.append(
            (number, {name: rearm(cell.strip()) for name, cell in zip(names, cells, strict=False)})
        )
    return tasks[0], rows


def _decode(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    if len(content) > LARGEST:
        raise UserError(f"{path} has {len(content)} bytes; that is no sheet of ratings")
    if content.startswith(b"PK\x03\x04"):
        raise UserError(f"{path} is an Excel workbook, not CSV; save it as CSV (UTF-8)")
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = content.decode("utf-16")
        else:
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise UserError(f"{path} is in an unknown encoding; save it as CSV (UTF-8)") from None
    if "\0" in text:
        raise UserError(f"{path} is not a text file; save the sheet as CSV (UTF-8)")
    return text


def same_text(given: str, shown: str) -> bool:
    """Return whether a cell still holds the sentence it was sent with.

    Spaces and composition do not count, and a question mark may stand for any sign: that is what
    an encoding leaves of those it lacks.
    """
    first, second = _plain(given), _plain(shown)
    if "?" not in first:
        return first == second
    return len(first) == len(second) and all(
        one in (other, "?") for one, other in zip(first, second, strict=True)
    )


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", rearm(text)).split())
