"""What every source does with the text of people: one line, no sign that does not show."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

Row = dict[str, Any]
"""A sentence: ``text`` and, where there are, ``prompt``, ``label``, ``group``, ``meta``."""
Rows = Iterator[Row]
Settings = Mapping[str, Any]

JOINERS = "\u200c\u200d"
"""Marks of format that scripts and emoji need."""


def tidy(text: str) -> str:
    """Return a text on one line, in composed form, without signs that are no part of writing.

    Control characters become spaces; marks of format, such as a byte order mark or a zero width
    space, go, but for joiners; so do halves of surrogate pairs and the replacement character.
    """
    kept = []
    for sign in unicodedata.normalize("NFC", text):
        category = unicodedata.category(sign)
        if category == "Cc":
            kept.append(" ")
        elif (category not in ("Cf", "Cs", "Co") or sign in JOINERS) and sign != "\ufffd":
            kept.append(sign)
    return " ".join("".join(kept).split())
