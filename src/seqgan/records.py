"""Files that are either whole or absent: JSON, JSON lines, and atomic replacement."""

import contextlib
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqgan.errors import UserError

DEEPEST = 100
"""Levels of the deepest tree that is read: recursion over it is then safe everywhere."""


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


def readable_json(value: Any) -> bytes:
    """Return JSON for people: sorted keys, indented, one final newline."""
    text = json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return one JSON object a line."""
    return b"".join(
        json.dumps(row, allow_nan=False, ensure_ascii=False).encode() + b"\n" for row in rows
    )


def expand(path: Path) -> list[Path]:
    """Return a file, or all files of a folder by name but hidden ones; nothing if neither."""
    if path.is_file():
        return [path]
    return sorted(
        each
        for each in path.rglob("*")
        if each.is_file() and not any(part[0] == "." for part in each.relative_to(path).parts)
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file such that a reader, or a crash, sees the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
        _settle(path.parent)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def _settle(folder: Path) -> None:
    """Make a new name survive a power cut, where the file system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they wrote a file left beside its place."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if partial.is_file():
            partial.unlink(missing_ok=True)


def put_in_place(partial: Path, path: Path) -> None:
    """Move a finished file or folder to its place, in place of what was there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    partial.replace(path)


def check_tree(tree: Any, *, largest: int | None = None) -> None:
    """Raise ``ValueError`` for nested dicts and lists too deep to be walked by recursion.

    A part that stands in several places counts in each: a few hundred bytes of YAML aliases can
    stand for gigabytes, and a tree that holds itself has no end.

    Args:
        tree: Nested dicts and lists.
        largest: Values that the tree may have, if not any number.
    """
    level, size = [tree], 1
    for _ in range(DEEPEST):
        nodes = [node for node in level if isinstance(node, (dict, list)) and node]
        if not nodes:
            return
        size += sum(map(len, nodes))
        if largest is not None and size > largest:
            raise ValueError(f"it stands for more than {largest} values, or holds itself")
        level = [
            value for node in nodes for value in (node.values() if isinstance(node, dict) else node)
        ]
    raise ValueError(f"it is nested more than {DEEPEST} deep, or holds itself")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raise :class:`UserError` if there is none."""
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}); was it cut short?") from None


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects in a file of JSON lines; raise :class:`UserError` if one is broken."""
    try:
        # Not splitlines(): it also cuts at signs that may stand inside a JSON string.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        rows = [_parse(line) for line in lines if lines != [""]]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("a line is not an object")
        return rows
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON lines ({error}); was it cut short?") from None


def _parse(text: str) -> Any:
    """Return what a JSON text says, if this program could have written it."""
    tree = json.loads(text, parse_constant=_refuse)
    check_tree(tree)
    canonical_json(tree)  # no half of a surrogate pair, which no file can hold
    return tree


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
