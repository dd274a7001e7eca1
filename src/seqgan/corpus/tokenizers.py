"""How a line of text becomes tokens, and tokens a line."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

# Vowel signs, accents without a composed form, joiners: parts of words that are no letters.
MARKS = "\u200c\u200d" + "".join(
    sign for sign in map(chr, range(0x300, 0x20000)) if unicodedata.category(sign)[0] == "M"
)
# A word with its inner apostrophes and hyphens, a number with its points, or one other sign.
WORD = re.compile(rf"[\w{MARKS}]+(?:['’\-.,][\w{MARKS}]+)*|[^\w\s{MARKS}][{MARKS}]*")
# The same for a line of ASCII alone, several times faster; \x1c to \x1f are spaces in Unicode.
ASCII_WORD = re.compile(r"\w+(?:['\-.,]\w+)*|[^\w\s\x1c-\x1f]", re.ASCII)
# Putting n marks of one letter into order takes n² steps: a megabyte of them would take minutes.
LONG = 4096
MANY_MARKS = re.compile(rf"([{MARKS}]{{30}})[{MARKS}]+")
CLOSING = set(".,;:!?)]}%…»”’") | {"'"}
OPENING = set("([{«“‘$€£#@")


@final
@dataclass(frozen=True)
class WordTokenizer:
    """Words, numbers and punctuation marks of any script, in Unicode's composed form (NFC)."""

    lowercase: bool = True

    def split(self, line: str) -> list[str]:
        """Return the tokens of a line."""
        text = line.lower() if self.lowercase else line
        if text.isascii():
            return ASCII_WORD.findall(text)
        if len(text) > LONG:
            text = MANY_MARKS.sub(r"\1", text)
        return WORD.findall(unicodedata.normalize("NFC", text))

    def join(self, words: Sequence[str]) -> str:
        """Return a line, without spaces before closing or after opening marks."""
        line = ""
        glue = True
        for word in words:
            line += word if glue or word in CLOSING else f" {word}"
            glue = word in OPENING
        return line

    def settings(self) -> dict[str, Any]:
        """Return what :class:`WordTokenizer` needs to be made again."""
        return {"kind": "word", "lowercase": self.lowercase}

    def signature(self) -> str:
        """Return what a score that counts its tokens must name."""
        return f"word,lowercase={str(self.lowercase).lower()}"
