"""Music in ABC notation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from seqgan.tokenization.tokenizer import Tokenizer

LENGTH = r"(?:\d++/*+\d*+|/++\d*+)?+"
NOTE = rf"(?:\^\^?+|__?+|=)?+[A-Ga-g][,']*+{LENGTH}"
# Every part stops at the sign that would begin another of its kind, and never goes back: a line
# of nothing but beginnings is read once.
SYMBOL = re.compile(
    "|".join(
        (
            r"^[A-Za-z]:(?![|:\]])[^\n]*+",  # a line of information, such as a key
            r"\[[A-Za-z]:[^\[\]\n]*\]",  # the same within a line
            r"%[^\n]*+",  # a comment
            rf"\[(?:{NOTE})++\]{LENGTH}",  # a chord
            NOTE,
            rf"[zxyZX]{LENGTH}",  # a rest
            r"\{[^{}\n]*\}",  # grace notes
            r"\(\d(?::\d?(?::\d?)?)?",  # a tuplet
            # Bar lines with repeats and the number of an ending.
            r"(?:\[\|:*+\]?|:*+\|++(?:\]|:*+)|::++)(?:[1-9](?:[,-][1-9])*+)?",
            r"\[[1-9](?:[,-][1-9])*+",  # an ending
            r">{1,3}|<{1,3}",  # broken rhythm
            r'"[^"\n]*"',  # a chord's name or a remark
            r"![^!\s|]+!",  # a decoration
            r".",
        )
    ),
    re.DOTALL | re.MULTILINE,
)


@final
@dataclass(frozen=True)
class AbcTokenizer(Tokenizer):
    """Symbols of ABC notation; exact for any text.

    One token each: a note or rest with its accidental, octave marks and length; a chord; a group
    of grace notes; a bar line with its repeat and ending; the mark of a tuplet or a broken
    rhythm; a decoration; a quoted remark; a field such as ``[K:G]``, or the whole line of one.
    Everything else is a token a sign: ties, slurs, spaces, whatever is not known.

    The ABC standard 2.1: https://abcnotation.com/wiki/abc:standard:v2.1.
    """

    unit: ClassVar[str] = "notes"
    exact: ClassVar[bool] = True

    def split(self, line: str) -> list[str]:
        return SYMBOL.findall(line)

    def join(self, words: Sequence[str]) -> str:
        return "".join(words)

    def settings(self) -> dict[str, Any]:
        return {"kind": "abc"}

    def signature(self) -> str:
        return "abc"
