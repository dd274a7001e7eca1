"""Sentences on their way from a text to arrays: on disk, while the vocabulary is still unknown."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, final

import numpy as np
from jaxtyping import Int

from seqgan.corpus.vocabulary import END, SEPARATOR, START, UNKNOWN, Vocabulary
from seqgan.tokens import PAD

FIRST = SEPARATOR + 1
"""Number of the first word: the separator's is kept, whether there is one or not."""
BUFFER = 2**16
"""Tokens of a split, padding included, that wait in memory until they are written."""
BLOCK = 2**18
"""Tokens, padding included, that are read at once: a megabyte."""


class Numbers(defaultdict[str, int]):
    """The numbers of words in the order in which they came; those of special ids are left free."""

    def __init__(self) -> None:
        super().__init__(count(FIRST).__next__)

    def to_ids(
        self, vocabulary: Vocabulary, labels: Sequence[int] = (), num_labels: int = 0
    ) -> Int[np.ndarray, " numbers"]:
        """Return the id of every number, so that the table may be indexed by whole rows.

        Words that the vocabulary has not are unknown. The last entries are those of negative
        numbers: padding, and labels.

        Args:
            vocabulary: What the ids are those of.
            labels: Numbers of its labels, in its order.
            num_labels: How many labels were numbered; those that it has not are unknown.
        """
        ids = np.full(FIRST + len(self) + num_labels + 1, UNKNOWN, np.int32)
        ids[[START, END, SEPARATOR, PAD]] = START, END, SEPARATOR, PAD
        seen = [(self[word], i) for i, word in enumerate(vocabulary.words) if word in self]
        for number, i in seen:
            ids[number] = vocabulary.first_word + i
        for i, number in enumerate(labels):
            ids[to_label(number)] = SEPARATOR + 1 + i
        return ids

    def unknown(self, words: Sequence[str]) -> Int[np.ndarray, " unknown"]:
        """Return the numbers of words that are none of these."""
        known = set(words)
        return np.array([i for word, i in self.items() if word not in known], dtype=np.int32)

    def count(self, blocks: Iterator[Int[np.ndarray, "_ time"]]) -> Counter[str]:
        """Return how often each word stands in rows of numbers."""
        counts = np.zeros(FIRST + len(self), np.int64)
        for rows in blocks:
            counts += np.bincount(rows[rows >= FIRST], minlength=len(counts))
        return Counter(dict(zip(self, counts[FIRST:].tolist(), strict=True)))


def to_label(number: int) -> int:
    """Return how the label of a number stands in a draft; -1 is padding."""
    return -2 - number


@final
class Draft:
    """Sentences of one split in a file without a name, their words as :class:`Numbers`.

    A text is so split into words only once; what is kept of it needs no memory.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115
        self._length, self._rows_of_a_block = length, max(1, BLOCK // length)
        self._waiting: list[list[int]] = []
        self.sentences = 0

    def append(self, row: list[int]) -> None:
        """Add a sentence."""
        self._waiting.append(row)
        self.sentences += 1
        if len(self._waiting) * self._length >= BUFFER:
            self._flush()

    def blocks(self) -> Iterator[Int[np.ndarray, "_ time"]]:
        """Yield all sentences in order, many at once."""
        self._flush()
        self._file.seek(0)
        while content := self._file.read(self._rows_of_a_block * self._length * 4):
            yield np.frombuffer(content, np.int32).reshape(-1, self._length)

    @property
    def num_blocks(self) -> int:
        """How often :meth:`blocks` yields."""
        return -(-self.sentences // self._rows_of_a_block)

    def _flush(self) -> None:
        self._file.write(pad(self._waiting, self._length).data)
        self._waiting.clear()

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()


def pad(rows: Sequence[Sequence[int]], length: int) -> Int[np.ndarray, "sentences time"]:
    """Return sentences of different lengths as one batch, padded at the end."""
    tokens = np.full((len(rows), length), PAD, np.int32)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    tokens[np.arange(length) < lengths[:, None]] = np.fromiter(
        chain.from_iterable(rows), np.int32, lengths.sum()
    )
    return tokens
