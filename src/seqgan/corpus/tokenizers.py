"""How a line of text becomes tokens, and tokens a line."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

# A word with its inner apostrophes and hyphens, a number with its points, or one other sign.
WORD = re.compile(r"\w+(?:['’\-.,]\w+)*|[^\w\s]")
CLOSING = set(".,;:!?)]}%…»”’") | {"'"}
OPENING = set("([{«“‘$€£#@")


@final
@dataclass(frozen=True)
class WordTokenizer:
    """Words, numbers and punctuation marks of any script, in Unicode's composed form (NFC)."""

    lowercase: bool = True

    def split(self, line: str) -> list[str]:
        """Return the tokens of a line."""
        text = unicodedata.normalize("NFC", line)
        return WORD.findall(text.lower() if self.lowercase else text)

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
