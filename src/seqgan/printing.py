"""How sampled sentences are written: plain lines, JSON lines, music and code that programs open."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from seqgan.corpus.abc_files import Note, read_token, to_abc
from seqgan.corpus.vocabulary import Vocabulary
from seqgan.errors import UserError
from seqgan.metrics.validity.python_code import program
from seqgan.tokens import PAD

BREAKS = {ord(sign): " " for sign in "\n\r\t"}
"""Bytes and characters that no line has, but a generator of single ones may write."""


class Format(ABC):
    """Turns rows of tokens into text, one after the other.

    Attributes:
        suffixes: What the names of such files end in.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, vocabulary: Vocabulary | None) -> None:
        self.vocabulary = vocabulary

    def begin(self) -> str:
        """Return what stands before the first sentence."""
        return ""

    @abstractmethod
    def sentence(self, row: Sequence[int], number: int) -> str:
        """Return a sentence with the end of its line; they are numbered from 1."""


def to_text(row: Sequence[int], vocabulary: Vocabulary | None) -> str:
    """Return a sentence as a line of text, or of ids where they stand for no words."""
    if vocabulary is not None:
        return _one_line(vocabulary.decode(row))
    return " ".join(str(token) for token in row if token != PAD)


def _one_line(text: str) -> str:
    """Return a text without what would end its line or its column."""
    return text.translate(BREAKS)


class PlainLines(Format):
    """A sentence a line, after its condition and a tab where there is one."""

    suffixes = (".txt",)

    def sentence(self, row: Sequence[int], number: int) -> str:
        text = to_text(row, self.vocabulary)
        if self.vocabulary is not None and self.vocabulary.condition != "none":
            return f"{_one_line(self.vocabulary.decode_condition(row))}\t{text}\n"
        return f"{text}\n"


class JsonLines(Format):
    """A JSON object a line: text, tokens, and the label or prompt."""

    suffixes = (".jsonl",)

    def sentence(self, row: Sequence[int], number: int) -> str:
        words = self.vocabulary
        text = to_text(row, words) if words is None else words.decode(row)
        found: dict[str, object] = {"text": text}
        if self.vocabulary is not None and self.vocabulary.condition != "none":
            found[self.vocabulary.condition] = self.vocabulary.decode_condition(row)
        found["tokens"] = list(row)
        return json.dumps(found, ensure_ascii=False) + "\n"


class Tunes(Format):
    """An ABC file of numbered tunes, for programs that play or print music."""

    suffixes = (".abc",)

    def __init__(self, vocabulary: Vocabulary | None) -> None:
        super().__init__(vocabulary)
        if vocabulary is None or vocabulary.tokenizer.settings()["kind"] != "abc":
            raise UserError("only a generator of notes (tokenizer `abc`) can write ABC files")

    def sentence(self, row: Sequence[int], number: int) -> str:
        assert self.vocabulary is not None
        notes = [name for name in self.vocabulary.split(row)[1] if not name.isspace()]
        if not any(isinstance(read_token(note), Note) for note in notes):
            return f"% sample {number} has no notes\n\n"
        return to_abc(notes, number, f"Sample {number}") + "\n"


class Code(Format):
    """A Python file: a statement each, and what Python refuses as a comment."""

    suffixes = (".py",)

    def sentence(self, row: Sequence[int], number: int) -> str:
        text = to_text(row, self.vocabulary)
        code = program(text)
        return f"# not Python: {text}\n" if code is None else f"{code}\n"


FORMATS: Mapping[str, type[Format]] = {
    "text": PlainLines,
    "jsonl": JsonLines,
    "abc": Tunes,
    "python": Code,
}


def format_of(name: str) -> str:
    """Return the format that the end of a file's name stands for; plain lines for others."""
    for each, made in FORMATS.items():
        if name.lower().endswith(made.suffixes):
            return each
    return "text"
