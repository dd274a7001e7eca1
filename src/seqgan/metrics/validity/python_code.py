"""Whether a line is Python, by the interpreter's own parser."""

import ast
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from seqgan.metrics.score import Score, mean_score, sign

Frame = tuple[str, str]
"""What stands before and behind a line that is a part of something."""

BODY: Frame = ("", "\n pass")
FRAMES: Mapping[str, tuple[Frame, ...]] = MappingProxyType(
    {
        "elif": (("if x:\n pass\n", ""), ("if x:\n pass\n", "\n pass")),
        "else": (("if x:\n pass\n", ""), ("if x:\n pass\n", "\n pass")),
        "try": (("", "\nfinally:\n pass"), ("", "\n pass\nfinally:\n pass")),
        "except": (("try:\n pass\n", ""), ("try:\n pass\n", "\n pass")),
        "finally": (("try:\n pass\n", ""), ("try:\n pass\n", "\n pass")),
        "match": (("", "\n case _:\n  pass"),),
        "case": (("match x:\n ", ""), ("match x:\n ", "\n  pass")),
        "@": (("", "\ndef f():\n pass"),),
    }
)
"""What completes a line, by its first word; all others may open a block."""
# A short string is passed over, so that a placeholder within it stays.
PLACEHOLDER = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<!\w)(?:(STR)|(NUM))(?!\w)""")
FIRST_WORD = re.compile(r"@|\w+")
REFUSALS = (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError)
"""A mistake, a null byte or half a surrogate, and what nests too deeply for the parser."""


def is_python(line: str) -> bool:
    """Return whether a line is one whole logical line of Python, wherever it may stand."""
    return program(line) is not None


def program(line: str) -> str | None:
    """Return a program made of one whole logical line, or nothing if it is no Python.

    Indentation does not count. A line that opens a block gets a body, and one that continues a
    statement (``else:``, ``except``, ``case``, a decorator) gets what it continues. ``STR`` and
    ``NUM`` stand for a string and a number, so ``STR.join(x)`` is Python and ``NUM = 1`` is not.
    Only the form is looked at: ``return`` outside a function and unknown names are accepted.
    Nothing is ever run. A blank line, and one with nothing but a comment, is no Python.
    """
    text = PLACEHOLDER.sub(_literal, line).strip()
    if text.endswith("\\") or "\n" in text or "\r" in text:
        return None  # a half of a line, or several
    first = FIRST_WORD.match(text)
    frames = FRAMES.get(first[0], (BODY,)) if first else ()
    whole = (before + text + behind for before, behind in (("", ""), *frames))
    return next(filter(_parses, whole), None)


def python_validity(texts: Sequence[str], **settings: object) -> list[Score]:
    """Return the share of lines that are Python; ``python_valid``, in [0, 1].

    The signature has the version of the interpreter, whose grammar it is. Raises ``ValueError``
    without a line.
    """
    if not texts:
        raise ValueError("python_valid needs at least one line")
    values = np.array([is_python(text) for text in texts], dtype=np.float64)
    version = ".".join(map(str, sys.version_info[:2]))
    signature = sign(samples=len(texts), python=version, **settings)
    return [mean_score("python_valid", values, signature, "samples")]


def _literal(found: re.Match[str]) -> str:
    # With a space on either side a number may have a method, as in `0 .real`.
    return found[1] or (" '' " if found[2] else " 0 ")


def _parses(program: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape is Python still
        try:
            return bool(ast.parse(program).body)
        except REFUSALS:
            return False
