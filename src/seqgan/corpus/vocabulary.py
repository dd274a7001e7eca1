"""Words and their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.errors import UserError
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokens import PAD, Alphabet

SPECIAL = ("<start>", "<end>", "<unknown>")
START, END, UNKNOWN = range(len(SPECIAL))


@dataclass(frozen=True)
class Vocabulary:
    """The words of a corpus, most frequent first, behind the three special ids.

    Attributes:
        words: Ordinary words; word ``i`` has the id ``i + 3``.
        tokenizer: How a line becomes words, and words a line.
        emit_unknown: Whether generators may emit the unknown token.
    """

    words: tuple[str, ...]
    tokenizer: WordTokenizer
    emit_unknown: bool = False

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i + len(SPECIAL) for i, word in enumerate(self.words)}

    @property
    def alphabet(self) -> Alphabet:
        """Return the ids: special ones first, then a word each."""
        never = (START,) if self.emit_unknown else (START, UNKNOWN)
        return Alphabet(len(SPECIAL) + len(self.words), start=START, end=END, never_emitted=never)

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return ids, the end token last; unknown words become the unknown token."""
        return [self._ids.get(word, UNKNOWN) for word in words] + [END]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return a line of text; it stops at the end token."""
        names = []
        for token in tokens:
            if token in (END, PAD):
                break
            known = token >= len(SPECIAL)
            names.append(self.words[token - len(SPECIAL)] if known else SPECIAL[token])
        return self.tokenizer.join(names)


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
    }
    write_atomically(path, readable_json(content))


def read_vocabulary(path: Path) -> Vocabulary:
    """Return what :func:`write_vocabulary` wrote; raise :class:`UserError` if it is damaged."""
    found = read_json(path)
    try:
        words, emit_unknown = found["words"], found["emit_unknown"]
        lowercase = found["tokenizer"]["lowercase"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError("words are a list of texts")
        if not isinstance(lowercase, bool) or not isinstance(emit_unknown, bool):
            raise TypeError("`lowercase` and `emit_unknown` are true or false")
        return Vocabulary(tuple(words), WordTokenizer(lowercase=lowercase), emit_unknown)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} does not describe a vocabulary: {error}") from None
