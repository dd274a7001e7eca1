"""Chinese by character or by word, other scripts by word."""

import functools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any, ClassVar, Literal, final

from seqgan.errors import UserError
from seqgan.tokenization.scripts import ASCII_WORD, CLOSING, HAN, MARKS, OPENING, WORD, composed
from seqgan.tokenization.tokenizer import Tokenizer

RUN = re.compile(rf"([{HAN}][{HAN}{MARKS}]*+)|[^{HAN}]++")
CHARACTER = re.compile(rf"[{HAN}][{MARKS}]*+")
# Characters and marks that stand without spaces; letters of full width could become one word.
WIDE = re.compile(
    rf"[{HAN}—…"
    + "".join(
        sign
        for sign in map(chr, [*range(0x3000, 0x3040), *range(0xFF00, 0xFFF0)])
        if not sign.isalnum()
    )
    + "]"
)
MARK = re.compile(f"[{MARKS}]")
Segmenter = Literal["character", "jieba"]


@functools.cache
def _jieba() -> Any:
    """Return jieba with its own dictionary; told this way, it writes no cache and no message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package = import_module("jieba")
    except ImportError:
        raise UserError(
            "the tokenizer `chinese` with `segmenter: jieba` needs the package jieba, which is not "
            "installed; install it with: pip install -e '.[chinese]', or set "
            "`segmenter: character`"
        ) from None
    segmenter = package.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def _by_jieba(run: str) -> list[str]:
    return _jieba().lcut(run)


def _version_of_jieba() -> str:
    _jieba()
    return metadata.version("jieba")


SEGMENTERS: Mapping[str, tuple[Callable[[str], list[str]], Callable[[], str]]] = {
    "character": (CHARACTER.findall, str),
    "jieba": (_by_jieba, _version_of_jieba),
}
"""How a run of Chinese characters is parted, and the version of what does it."""


@final
@dataclass(frozen=True)
class ChineseTokenizer(Tokenizer):
    """Chinese characters one by one, or words by jieba; words of other scripts, and marks.

    In the composed form (NFC); letters keep their case. Spaces are lost; a line gets them back
    between words of other scripts alone.

    Attributes:
        segmenter: What parts Chinese text.
        version: That of jieba: its words depend on it.
    """

    unit: ClassVar[str] = "tokens"
    exact: ClassVar[bool] = False
    segmenter: Segmenter = "character"
    version: str = ""

    def split(self, line: str) -> list[str]:
        part = SEGMENTERS[self.segmenter][0]
        words: list[str] = []
        for run in RUN.finditer(composed(line)):
            text = run[0]
            find = part if run[1] else ASCII_WORD.findall if text.isascii() else WORD.findall
            words += find(text)
        return words

    def join(self, words: Sequence[str]) -> str:
        """Return a line, with spaces where two words of other scripts meet."""
        parts: list[str] = []
        left = ""
        for word in words:
            if parts and _is_spaced(left, word):
                parts.append(" ")
            parts.append(word)
            left = word
        return "".join(parts)

    def settings(self) -> dict[str, Any]:
        return {"kind": "chinese", "segmenter": self.segmenter, "version": self.version}

    def signature(self) -> str:
        return f"chinese,segmenter={self.segmenter}{self.version and f' {self.version}'}"


@functools.lru_cache(2**16)
def _is_spaced(left: str, right: str) -> bool:
    if MARK.match(right):  # it would else become a part of what stands before
        return True
    closed = left in OPENING or right in CLOSING
    return not (closed or WIDE.match(left[-1]) or WIDE.match(right))


def fit_chinese(*, segmenter: Segmenter) -> ChineseTokenizer:
    """Return the tokenizer of a config section; raise :class:`UserError` without its package."""
    return ChineseTokenizer(segmenter, SEGMENTERS[segmenter][1]())
