"""Python's own tokens."""

import io
import keyword
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from seqgan.tokenization.tokenizer import Tokenizer

SILENT = {tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER, tokenize.NEWLINE}
"""Tokens without a text of their own; a new line counts only at the end."""
# From Python 3.12 on, a string with expressions inside comes in parts.
BEGINNINGS = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")}
ENDINGS = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")}
REPLACED = {tokenize.STRING: "STR", tokenize.NUMBER: "NUM"}
RAW = " "
"""First token of a line that is no Python."""
RAW_PART = re.compile(r"\w+|.", re.DOTALL)
SIGNS = {"+", "-", "~", "*", "**", "@"}
"""Operators that may stand before their only operand."""
OPENING, CLOSING = set("([{"), set(")]}")


@final
@dataclass(frozen=True)
class PythonTokenizer(Tokenizer):
    """Tokens of one logical line of Python, as Python's ``tokenize`` finds them.

    Comments, line breaks inside brackets and the spaces between tokens are lost; joined tokens get
    the same spaces always, are split into the same tokens, and have the syntax tree of the line.
    A line that Python cannot split (an open bracket or quote, a sign that Python does not know,
    more than one logical line) becomes a space, then its words and its other signs one by one,
    spaces too: those are joined as they were.

    Attributes:
        replace_literals: Whether strings become ``STR`` and numbers ``NUM``.
    """

    unit: ClassVar[str] = "tokens"
    exact: ClassVar[bool] = False
    replace_literals: bool = False

    def split(self, line: str) -> list[str]:
        text = line.strip()
        try:
            return list(self._tokens(text))
        except (tokenize.TokenError, SyntaxError, ValueError):
            return [RAW, *RAW_PART.findall(text)]

    def _tokens(self, text: str) -> Iterator[str]:
        lines = io.StringIO(text).readlines()
        ended, inside, start = False, 0, (0, 0)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind, written = token.type, token.string
            if kind in BEGINNINGS:
                start = start if inside else token.start
                inside += 1
            elif kind in ENDINGS:
                inside -= 1
                kind, written = tokenize.STRING, _between(lines, start, token.end)
            if inside:
                continue
            if kind not in SILENT:
                if ended or kind == tokenize.ERRORTOKEN or not written.strip():
                    raise ValueError("no single logical line of Python")
                yield REPLACED.get(kind, written) if self.replace_literals else written
            ended = ended or kind == tokenize.NEWLINE

    def join(self, words: Sequence[str]) -> str:
        if words and words[0] == RAW:
            return "".join(words[1:])
        parts: list[str] = []
        left, sign = "", False
        for right in words:
            if parts and not (_is_glued(left, right) or (sign and _is_sign_of(right))):
                parts.append(" ")
            sign = right in SIGNS and (not parts or _awaits_operand(left))
            parts.append(right)
            left = right
        return "".join(parts)

    def settings(self) -> dict[str, Any]:
        return {"kind": "python", "replace_literals": self.replace_literals}

    def signature(self) -> str:
        return f"python,replace_literals={str(self.replace_literals).lower()}"


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the text between two places, lines counted from 1 and columns from 0."""
    (first, begin), (last, stop) = start, end
    if first == last:
        return lines[first - 1][begin:stop]
    return "".join([lines[first - 1][begin:], *lines[first : last - 1], lines[last - 1][:stop]])


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _is_sign_of(operand: str) -> bool:
    """Return whether a sign stands at its operand; two operators could become one."""
    return operand in OPENING or operand[0].isalnum() or operand[0] in "_\"'"


def _awaits_operand(word: str) -> bool:
    """Return whether an operator after this word has nothing on its left."""
    if keyword.iskeyword(word):
        return word not in ("None", "True", "False")
    return not (word in CLOSING or word == "..." or word[0].isalnum() or word[0] in "_\"'.")


def _is_glued(left: str, right: str) -> bool:
    """Return whether no space stands between two tokens; never where they could become one."""
    if left in OPENING or right in CLOSING or right in (",", ":", ";"):
        return True
    callee = _is_name(left) or left in CLOSING or left[-1] in "\"'"
    if right in ("(", "[", "."):
        return callee
    return left == "." and _is_name(right)
