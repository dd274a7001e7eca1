"""Rows of tokens in blocks, whatever their number, and 64-bit fingerprints of what they hold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt64

from seqgan.tokens import PAD

BLOCK = 2**20
"""Tokens, padding included, that are looked at once."""
ORDERS = range(2, 9)
"""Orders of the n-grams that are looked for in other sets."""
_FACTOR = np.uint64(0xD1342543DE82EF95)


@dataclass(frozen=True)
class Rows:
    """The sentences of one split, without conditions, end tokens and copies in memory.

    Attributes:
        tokens: What the dataset holds; -1 is padding.
        end: Id that ends a sentence, or ``None`` where none does.
        separator: Id that ends the condition of a row, or ``None`` where there are none.
    """

    tokens: Int[np.ndarray, "sentences time"]
    end: int | None
    separator: int | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def blocks(self) -> Iterator[tuple[int, Int[np.ndarray, "block time"]]]:
        """Yield the place of a first sentence, and it and those behind it."""
        size = max(1, BLOCK // max(1, self.tokens.shape[1]))
        for start in range(0, len(self), size):
            yield start, self._bare(np.asarray(self.tokens[start : start + size]))

    def take(self, places: Int[np.ndarray, " chosen"]) -> Int[np.ndarray, "chosen time"]:
        """Return the sentences in some places."""
        return self._bare(np.asarray(self.tokens[places]))

    def _bare(self, tokens: Int[np.ndarray, "block time"]) -> Int[np.ndarray, "block time"]:
        kept = tokens != PAD
        if self.end is not None:
            kept &= tokens != self.end
        if self.separator is not None:
            separators = tokens == self.separator
            kept &= (separators.cumsum(axis=1) > 0) & ~separators
            order = (~kept).argsort(axis=1, kind="stable")
            tokens = np.take_along_axis(np.where(kept, tokens, PAD), order, axis=1)
            return tokens.astype(np.int64)
        return np.where(kept, tokens, PAD).astype(np.int64)


def evenly_spaced(total: int, count: int) -> Int[np.ndarray, " chosen"]:
    """Return at most ``count`` places of ``total``, at even distances: files may be ordered."""
    wanted = min(total, count)
    return np.arange(wanted, dtype=np.int64) * total // max(1, wanted)


def _scattered(tokens: Int[np.ndarray, "*shape"]) -> UInt64[np.ndarray, "*shape"]:
    """Return 64 bits for each id that look random: the end of splitmix64, a bijection.

    Steele, Lea & Flood (2014): https://doi.org/10.1145/2714064.2660195.
    """
    bits = (tokens.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def sentence_hashes(
    rows: Rows, unknown: int | None = None, split: int = 0
) -> UInt64[np.ndarray, " sentences"]:
    """Return a fingerprint of every sentence: eight bytes each are all that stays in memory.

    A sentence with an unknown word equals no other, in this split or in one of another number:
    unknown words are not the same word.

    Among n different sentences two are taken for equal with a probability near ``n^2 / 2^65``:
    for ten million below one in 300,000.
    """
    found = np.ones(len(rows), np.uint64)
    for start, block in rows.blocks():
        value = np.ones(len(block), np.uint64)
        for column in block.T:
            value = np.where(column != PAD, value * _FACTOR + _scattered(column), value)
        if unknown is not None:
            alone = (block == unknown).any(axis=1).nonzero()[0]
            value[alone] += _scattered(((split + 1) << 40) + start + alone)
        found[start : start + len(block)] = value
    return found


def ngram_hashes(
    block: Int[np.ndarray, "block time"], unknown: int
) -> Iterator[tuple[UInt64[np.ndarray, "block places"], Bool[np.ndarray, "block places"]]]:
    """Yield fingerprints of the n-grams of each of :data:`ORDERS`, and where they are any.

    An n-gram with an unknown word is none: unknown words are not the same word.
    """
    values = _scattered(block)
    usable = (block != PAD) & (block != unknown)
    found, known = values, usable
    for order in range(2, ORDERS.stop):
        places = max(0, block.shape[1] - order + 1)
        found = found[:, :places] * _FACTOR + values[:, order - 1 :]
        known = known[:, :places] & usable[:, order - 1 :]
        yield found, known
