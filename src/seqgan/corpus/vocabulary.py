"""Words and their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from seqgan.corpus.tokenizers import restore
from seqgan.errors import UserError
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokenization.tokenizer import Tokenizer
from seqgan.tokens import PAD, Alphabet

SPECIAL = ("<start>", "<end>", "<unknown>")
START, END, UNKNOWN = range(len(SPECIAL))
SEPARATOR_NAME, SEPARATOR = "<separator>", len(SPECIAL)
"""Where there are conditions."""
Condition = Literal["none", "label", "prompt"]


@dataclass(frozen=True)
class Vocabulary:
    """The words of a corpus, most frequent first, behind the special ids.

    Special are the three of :data:`SPECIAL` and, where sentences follow a condition, the separator
    and one id for each label.

    Attributes:
        words: Ordinary words; word ``i`` has the id ``first_word + i``.
        tokenizer: How a line becomes words, and words a line.
        emit_unknown: Whether generators may emit the unknown token.
        condition: What sentences follow: nothing, one of the labels, or words of a prompt.
        labels: Names of the classes.
    """

    words: tuple[str, ...]
    tokenizer: Tokenizer
    emit_unknown: bool = False
    condition: Condition = "none"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.labels) != (self.condition == "label"):
            raise ValueError("there are labels where the condition is one, and nowhere else")

    @cached_property
    def special(self) -> tuple[str, ...]:
        """Return the names of the special ids."""
        separator = () if self.condition == "none" else (SEPARATOR_NAME,)
        return (*SPECIAL, *separator, *(f"<{label}>" for label in self.labels))

    @property
    def first_word(self) -> int:
        """Return the id of the most frequent word."""
        return len(self.special)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i + self.first_word for i, word in enumerate(self.words)}

    @cached_property
    def alphabet(self) -> Alphabet:
        """Return the ids: special ones first, then a word each."""
        allowed = {END, UNKNOWN} if self.emit_unknown else {END}
        return Alphabet(
            self.first_word + len(self.words),
            start=START,
            end=END,
            never_emitted=tuple(i for i in range(self.first_word) if i not in allowed),
            separator=None if self.condition == "none" else SEPARATOR,
        )

    def encode(self, words: Sequence[str], condition: Sequence[int] = ()) -> list[int]:
        """Return ids, the end token last; unknown words become the unknown token.

        Args:
            words: The sentence.
            condition: What :meth:`encode_label` or :meth:`encode_prompt` returns.
        """
        return [*condition, *self.ids(words), END]

    def encode_label(self, label: str) -> list[int]:
        """Return the ids of a label and the separator; raise ``ValueError`` for one unknown."""
        return [SEPARATOR + 1 + self.labels.index(label), SEPARATOR]

    def encode_prompt(self, words: Sequence[str]) -> list[int]:
        """Return the ids of the words of a prompt and the separator."""
        return [*self.ids(words), SEPARATOR]

    def ids(self, words: Sequence[str]) -> list[int]:
        """Return the id of each word; unknown words become the unknown token."""
        return [self._ids.get(word, UNKNOWN) for word in words]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return a line of text without its condition; it stops at the end token."""
        return self.tokenizer.join(self.split(tokens)[1])

    def decode_condition(self, tokens: Sequence[int]) -> str:
        """Return the label or the prompt of a row, as text."""
        names = self.split(tokens)[0]
        if self.condition == "label":
            return "".join(names)[1:-1]
        return self.tokenizer.join(names)

    def split(self, tokens: Sequence[int]) -> tuple[list[str], list[str]]:
        """Return the names in a row's condition, and those in its sentence."""
        condition: list[str] = []
        names: list[str] = []
        for token in tokens:
            if token in (END, PAD):
                break
            if token == SEPARATOR and self.condition != "none":
                condition, names = names, []
            else:
                known = token >= self.first_word
                names.append(self.words[token - self.first_word] if known else self.special[token])
        return condition, names


def most_frequent(
    counts: Mapping[str, int], *, max_vocabulary: int, min_count: int
) -> tuple[str, ...]:
    """Return the most frequent words, ties in alphabetical order, so that no hash decides."""
    kept = [word for word, count in counts.items() if count >= min_count]
    return tuple(sorted(kept, key=lambda word: (-counts[word], word))[:max_vocabulary])


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary with its tokenizer as JSON."""
    content = {
        "words": vocabulary.words,
        "tokenizer": vocabulary.tokenizer.settings(),
        "emit_unknown": vocabulary.emit_unknown,
        "condition": vocabulary.condition,
        "labels": vocabulary.labels,
    }
    write_atomically(path, readable_json(content))


def read_vocabulary(path: Path) -> Vocabulary:
    """Return what :func:`write_vocabulary` wrote; raise :class:`UserError` if it is damaged."""
    found = read_json(path)
    try:
        words, emit_unknown = found["words"], found["emit_unknown"]
        condition, labels = found["condition"], found["labels"]
        for names in (words, labels):
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise TypeError("words and labels are lists of texts")
        if not isinstance(emit_unknown, bool):
            raise TypeError("`emit_unknown` is true or false")
        if condition not in get_args(Condition):
            raise TypeError(f"a condition is one of {', '.join(get_args(Condition))}")
        tokenizer = restore(found["tokenizer"])
        return Vocabulary(tuple(words), tokenizer, emit_unknown, condition, tuple(labels))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} does not describe a vocabulary: {error}") from None
