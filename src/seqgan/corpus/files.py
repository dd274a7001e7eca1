"""Sentences in files of the user: lines of text, JSON lines and tables, plain or compressed."""

import csv
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from seqgan.errors import UserError

LONGEST_LINE = MEGABYTE = 2**20
FORMATS: Mapping[str, str] = {
    "": "txt", ".txt": "txt", ".text": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv",
    ".tsv": "csv",
}  # fmt: skip
"""How files are read, by the end of their name without `.gz`; any other end is plain text."""
MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Record(NamedTuple):
    """A sentence and what is known of it.

    Attributes:
        text: The sentence.
        prompt: What it answers.
        label: Name of its class.
        group: What it belongs to, such as a conversation.
        split: Set that its source puts it into.
    """

    text: str
    prompt: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


class Columns(NamedTuple):
    """Names of the fields of JSON lines, or of the columns of a table."""

    text: str = "text"
    prompt: str | None = None
    label: str | None = None
    group: str | None = None


ONLY_TEXT = Columns()


@dataclass(frozen=True)
class Files:
    """Files of sentences and how they are read.

    Attributes:
        paths: The files by the set they are for; those under the empty name are for all.
        format: ``txt``, ``jsonl`` or ``csv``; with ``automatic`` the end of a name decides.
        columns: What holds the sentence and what is known of it.
        lenient: Whether all but the sentence may be missing.
    """

    paths: Mapping[str, Sequence[Path]]
    format: str = "automatic"
    columns: Columns = ONLY_TEXT
    lenient: bool = False

    @property
    def name(self) -> str:
        """Return what to call them in messages."""
        first = self.paths[""][0]
        return str(first if len(self.paths[""]) == 1 else f"{first.parent} and its files")

    @property
    def megabytes(self) -> int:
        """What there is to read; a file that is missing or empty has one too."""
        every = (path for paths in self.paths.values() for path in paths)
        return max(1, -(-sum(path.stat().st_size for path in every if path.is_file()) // MEGABYTE))

    def records(self) -> Iterator[tuple[int, Record]]:
        """Yield every record that has text, each after the bytes read so far.

        Raises :class:`UserError` for what :func:`read_lines` refuses, and for a line or a row
        that has not what ``columns`` names.
        """
        before = 0
        for split, paths in self.paths.items():
            for path in paths:
                place = 0
                for place, record in self._read(path):
                    more = {"split": split} if split else {}
                    if record.group is None and len(paths) > 1:
                        more["group"] = str(path)
                    yield before + place, record._replace(**more) if more else record
                before += path.stat().st_size

    def _read(self, path: Path) -> Iterator[tuple[int, Record]]:
        form = self.format
        if form == "automatic":
            form = FORMATS.get(_ending(path), "txt")
        return READERS[form](path, self.columns, self.lenient)


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 text file that are not blank, each after the bytes read so far.

    A file whose name ends in ``.gz`` is read through gzip.

    Raises :class:`UserError` for a file that is missing, not UTF-8, damaged, has a line that is
    too long to be a sentence, or changes meanwhile.
    """
    for place, _, line in _numbered(path):
        if text := line.strip():
            yield place, text


def _numbered(path: Path) -> Iterator[tuple[int, int, str]]:
    """Yield bytes read so far, number and text of every line."""
    number = place = 0
    line = b""
    try:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            packed = path.name.lower().endswith(".gz")
            lines = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
            while line := lines.readline(LONGEST_LINE + 1):
                number += 1
                place = file.tell() if packed else place + len(line)
                if len(line) > LONGEST_LINE:
                    raise UserError(
                        f"{path}, line {number} is longer than a megabyte; put one sentence a line"
                    )
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if "\0" in text:
                    raise UserError(
                        f"{path}, line {number} holds a null byte, as UTF-16 and binary files do; "
                        "convert it, for example with: iconv -f UTF-16LE -t UTF-8 OLD > NEW"
                    )
                yield place, number, text
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise UserError(
                    f"{path} changed while it was read, after {number} lines; start again once "
                    "nobody writes to it"
                )
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        known = "UTF-16" if number == 1 and line.startswith(MARKS_OF_UTF_16) else "LATIN1"
        raise UserError(
            f"{path}, line {number} is not UTF-8 ({error.reason}); convert the file, for example "
            f"with: iconv -f {known} -t UTF-8 OLD > NEW"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} is not a whole gzip file, after {number} lines ({error}); fetch it again"
        ) from None


# --- formats --------------------------------------------------------------------------------------


def _of_text(path: Path, columns: Columns, _: bool) -> Iterator[tuple[int, Record]]:
    if wanted := [name for name in columns[1:] if name is not None]:
        raise UserError(
            f"{path} is plain text and has no {wanted[0]!r}; give JSON lines or a table, whose "
            "name ends in .jsonl or .csv"
        )
    for place, line in read_lines(path):
        yield place, Record(line)


def _of_json_lines(path: Path, columns: Columns, lenient: bool) -> Iterator[tuple[int, Record]]:
    for place, number, line in _numbered(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {number} must be a JSON object, but is {line[:60]!r}")
        if record := _record(row, columns, lenient, f"{path}, line {number}"):
            yield place, record


def _of_table(path: Path, columns: Columns, lenient: bool) -> Iterator[tuple[int, Record]]:
    place = number = 0

    def lines() -> Iterator[str]:
        nonlocal place, number
        for place, number, line in _numbered(path):  # noqa: B007
            yield line

    delimiter = "\t" if _ending(path) == ".tsv" else ","
    rows = csv.DictReader(lines(), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            if record := _record(row, columns, lenient, f"{path}, line {number}"):
                yield place, record
    except csv.Error as error:
        raise UserError(f"{path}, line {number} is not a row of a table: {error}") from None


READERS: Mapping[str, Callable[[Path, Columns, bool], Iterator[tuple[int, Record]]]] = {
    "txt": _of_text,
    "jsonl": _of_json_lines,
    "csv": _of_table,
}


def _record(row: Mapping[Any, Any], columns: Columns, lenient: bool, where: str) -> Record | None:
    """Return what a row says; nothing if its text is blank."""
    if None in row:
        raise UserError(f"{where} has more cells than the header; quote cells that hold a comma")
    found: dict[str, str] = {}
    for role, name in columns._asdict().items():
        if name is None:
            continue
        if name not in row:
            if lenient and role != "text":
                continue
            there = ", ".join(map(repr, row)) or "nothing"
            raise UserError(
                f"{where} has no {name!r}, but {there}; name the column that holds the {role} in "
                f"`corpus.source.{role}`"
            )
        value = row[name]
        if value is None and role != "text":
            continue
        if role in ("label", "group") and isinstance(value, int):
            value = str(value)  # classes are often numbered
        if not isinstance(value, str):
            raise UserError(f"{where}: {name!r} must be a text, but is {repr(value)[:60]}")
        text = _on_one_line(value, where)
        if text or role in ("text", "prompt"):  # an empty label is none
            found[role] = " ".join(text.split()) if role in ("label", "group") else text
    if not found["text"] or found.get("prompt") == "":
        return None
    return Record(**found)


def _on_one_line(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where} holds half of a pair of surrogates, which is no text") from None
    return " ".join(value.split("\n")).replace("\r", " ").strip()
