"""Logical lines of Python, from the standard library of the interpreter that runs."""

import ast
import hashlib
import platform
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgan.corpus.sources.cleaning import Rows, Settings
from seqgan.errors import UserError

LEFT_OUT = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
# Python 3.12 cuts formatted strings into pieces; before, there are no such tokens.
BEGIN = getattr(tokenize, "FSTRING_START", -1)
END = getattr(tokenize, "FSTRING_END", -1)


def standard_library() -> Path:
    """Return the folder of the standard library."""
    return Path(sysconfig.get_paths()["stdlib"])


def read_programs(path: Path | None, settings: Settings) -> Rows:
    """Yield logical lines, one space between two tokens; modules are groups.

    Strings and numbers are replaced by ``STR`` and ``NUM``, or kept; one over several lines is then
    written on one, and a line with one for which there is no such spelling is left out.
    """
    for module in _modules(path or standard_library()):
        try:
            with tokenize.open(module) as file:
                for tokens in _logical_lines(file.readlines(), settings["literals"] == "replace"):
                    if all(tokens):
                        yield {"text": " ".join(map(str, tokens)), "group": module.stem}
        except (tokenize.TokenError, SyntaxError, UnicodeDecodeError) as error:
            raise UserError(f"{module} is not Python that can be read: {error}") from None


def library_facts(path: Path | None = None) -> dict[str, Any]:
    """Return the version of Python, and the hash and size of the modules that are read."""
    digest, size = hashlib.sha256(), 0
    for module in _modules(path or standard_library()):
        content = module.read_bytes()
        digest.update(f"{module.name} {len(content)}\n".encode() + content)
        size += len(content)
    return {"version": platform.python_version(), "sha256": digest.hexdigest(), "bytes": size}


def _modules(folder: Path) -> list[Path]:
    if not (found := sorted(folder.glob("*.py"))):
        raise UserError(
            f"{folder} has no modules of Python; is its standard library in a zip file?"
        )
    return found


def _logical_lines(lines: list[str], replaced: bool) -> Iterator[list[str | None]]:
    line: list[str | None] = []
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(iter([*lines, ""]).__next__):
        if token.type == BEGIN:
            start = token.start if depth == 0 else start
            depth += 1
        elif token.type == END:
            depth -= 1
            if depth == 0:
                line.append("STR" if replaced else _on_one_line(_slice(lines, start, token.end)))
        elif depth or token.type in LEFT_OUT:
            continue
        elif token.type == tokenize.NEWLINE:
            if line:
                yield line
            line = []
        elif token.type == tokenize.STRING:
            line.append("STR" if replaced else _on_one_line(token.string))
        elif token.type == tokenize.NUMBER:
            line.append("NUM" if replaced else token.string)
        else:
            line.append(token.string)


def _slice(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return "".join([lines[start[0] - 1][start[1] :], *middle, lines[end[0] - 1][: end[1]]])


def _on_one_line(literal: str) -> str | None:
    """Return a string literal of the same value without line breaks, or nothing."""
    if literal.isprintable():
        return literal
    try:
        value = ascii(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return None
    return value
