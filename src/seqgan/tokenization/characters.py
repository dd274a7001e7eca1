"""Single characters and single bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from seqgan.tokenization.encoding import BYTES, decode_bytes, encode_text
from seqgan.tokenization.scripts import composed
from seqgan.tokenization.tokenizer import Tokenizer


@final
@dataclass(frozen=True)
class CharacterTokenizer(Tokenizer):
    """Code points of the composed form (NFC), spaces too; exact for lines in that form.

    Code points and not what a reader sees as one sign: of those there is no end (an emoji of a
    family is seven code points), their bounds change with the version of Unicode, and a generator
    could then never write a sign that the training set lacks. The composed form makes the letters
    of most scripts one code point each. In lines of more than 4,096 signs, no more than 30 marks
    of one letter are kept.
    """

    unit: ClassVar[str] = "characters"
    exact: ClassVar[bool] = True
    lowercase: bool = False

    def split(self, line: str) -> list[str]:
        return list(composed(line.lower() if self.lowercase else line))

    def join(self, words: Sequence[str]) -> str:
        return "".join(words)

    def settings(self) -> dict[str, Any]:
        return {"kind": "character", "lowercase": self.lowercase}

    def signature(self) -> str:
        return f"character,lowercase={str(self.lowercase).lower()}"


@final
@dataclass(frozen=True)
class ByteTokenizer(Tokenizer):
    """Bytes of UTF-8, named ``<0x00>`` to ``<0xFF>``; exact for any text."""

    unit: ClassVar[str] = "bytes"
    exact: ClassVar[bool] = True

    @property
    def closed(self) -> tuple[str, ...]:
        return BYTES

    def split(self, line: str) -> list[str]:
        return encode_text(line)

    def join(self, words: Sequence[str]) -> str:
        return decode_bytes(words)

    def settings(self) -> dict[str, Any]:
        return {"kind": "byte"}

    def signature(self) -> str:
        return "byte"
