"""Sentences on their way from a text to arrays: on disk, while the vocabulary is still unknown."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, final

import numpy as np
from jaxtyping import Int

from seqgan.corpus.vocabulary import END, SPECIAL, START, UNKNOWN
from seqgan.tokens import PAD

BUFFER = 2**16
"""Tokens of a split, padding included, that wait in memory until they are written."""
BLOCK = 2**18
"""Tokens, padding included, that are read at once: a megabyte."""


class Numbers(defaultdict[str, int]):
    """The numbers of words in the order in which they came; those of special ids are left free."""

    def __init__(self) -> None:
        super().__init__(count(len(SPECIAL)).__next__)

    def to_ids(self, words: Sequence[str]) -> Int[np.ndarray, " numbers"]:
        """Return the id of every number, given the vocabulary; the last one is that of padding.

        So the table may be indexed by whole rows: padding is -1.
        """
        ids = np.full(len(SPECIAL) + len(self) + 1, UNKNOWN, np.int32)
        ids[[START, END, PAD]] = START, END, PAD
        ids[[self[word] for word in words]] = np.arange(len(words)) + len(SPECIAL)
        return ids

    def count(self, blocks: Iterator[Int[np.ndarray, "_ time"]]) -> Counter[str]:
        """Return how often each word stands in rows of numbers."""
        counts = np.zeros(len(SPECIAL) + len(self), np.int64)
        for rows in blocks:
            counts += np.bincount(rows[rows >= len(SPECIAL)], minlength=len(counts))
        return Counter(dict(zip(self, counts[len(SPECIAL) :].tolist(), strict=True)))


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
