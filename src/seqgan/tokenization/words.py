"""Words, and whatever stands between spaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from seqgan.tokenization.scripts import ASCII_WORD, CLOSING, OPENING, WORD, composed
from seqgan.tokenization.tokenizer import Tokenizer


@final
@dataclass(frozen=True)
class WordTokenizer(Tokenizer):
    """Words, numbers and punctuation marks of any script, in Unicode's composed form (NFC).

    Spaces are lost; a line gets them back where English has them.
    """

    unit: ClassVar[str] = "words"
    exact: ClassVar[bool] = False
    lowercase: bool = True

    def split(self, line: str) -> list[str]:
        text = line.lower() if self.lowercase else line
        if text.isascii():
            return ASCII_WORD.findall(text)
        return WORD.findall(composed(text))

    def join(self, words: Sequence[str]) -> str:
        """Return a line, without spaces before closing or after opening marks."""
        parts: list[str] = []
        glue = True
        for word in words:
            if not glue and word not in CLOSING:
                parts.append(" ")
            parts.append(word)
            glue = word in OPENING
        return "".join(parts)

    def settings(self) -> dict[str, Any]:
        return {"kind": "word", "lowercase": self.lowercase}

    def signature(self) -> str:
        return f"word,lowercase={str(self.lowercase).lower()}"


@final
@dataclass(frozen=True)
class WhitespaceTokenizer(Tokenizer):
    """Whatever stands between spaces: for texts that somebody has split already.

    Letters stay as they are. Of the spaces themselves only their places are kept.
    """

    unit: ClassVar[str] = "tokens"
    exact: ClassVar[bool] = False

    def split(self, line: str) -> list[str]:
        return line.split()

    def join(self, words: Sequence[str]) -> str:
        return " ".join(words)

    def settings(self) -> dict[str, Any]:
        return {"kind": "whitespace"}

    def signature(self) -> str:
        return "whitespace"
