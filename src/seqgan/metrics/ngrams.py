"""The n-grams of whole sets of sentences as dense integer ids, counted once for every metric.

An n-gram's id follows from the id of its first n - 1 tokens and its last token, so no hash can
collide and no number grows with the order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

Ids = Int[np.ndarray, " ids"]


@dataclass(frozen=True)
class Sentences:
    """Sentences of different lengths, end to end.

    Attributes:
        flat: Token ids, not negative.
        lengths: Number of tokens of each sentence.
    """

    flat: Int[np.ndarray, " tokens"]
    lengths: Int[np.ndarray, " sentences"]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> "Sentences":
        """Return sentences given as lists of ids."""
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        flat = np.array([token for row in rows for token in row], dtype=np.int64)
        return cls(flat, lengths)

    @classmethod
    def from_tokens(
        cls, tokens: Int[np.ndarray, "sentences time"], *, padding: int, end: int | None
    ) -> "Sentences":
        """Return the sentences of a padded batch, without padding and end tokens."""
        counted = tokens != padding
        if end is not None:
            counted &= tokens != end
        return cls(tokens[counted].astype(np.int64), counted.sum(axis=1).astype(np.int64))

    def owners(self) -> Int[np.ndarray, " tokens"]:
        """Return the sentence that each token belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def texts(self) -> list[bytes]:
        """Return each sentence as bytes, equal for equal sentences."""
        ends = np.cumsum(self.lengths)
        flat = np.ascontiguousarray(self.flat, dtype=np.int64)
        return [
            flat[end - size : end].tobytes() for size, end in zip(self.lengths, ends, strict=True)
        ]

    def numbered(self) -> Int[np.ndarray, " sentences"]:
        """Return a number for each sentence, the same for equal sentences."""
        numbers: dict[bytes, int] = {}
        return np.array([numbers.setdefault(text, len(numbers)) for text in self.texts()])

    def parts(self, count: int) -> list["Sentences"]:
        """Return disjoint sets of sentences of equal size, as many; the last few may be left out.

        Raises ``ValueError`` if there are fewer sentences than parts.
        """
        size = len(self.lengths) // count
        if not size:
            raise ValueError(f"{len(self.lengths)} sentences cannot be divided into {count} sets")
        ends = np.r_[0, np.cumsum(self.lengths)]
        return [
            Sentences(
                self.flat[ends[i * size] : ends[(i + 1) * size]],
                self.lengths[i * size : (i + 1) * size],
            )
            for i in range(count)
        ]

    def starts(self, order: int) -> Bool[np.ndarray, " tokens"]:
        """Mark the places where an n-gram of this order fits into its sentence."""
        ends = np.repeat(np.cumsum(self.lengths), self.lengths)
        return np.arange(len(self.flat)) + order <= ends


@dataclass(frozen=True)
class Occurrences:
    """Where n-grams of one order stand: ``ids[j]`` begins at token ``places[j]``."""

    places: Ids
    ids: Ids


class Ngrams:
    """The n-grams of a set, of every order up to the largest.

    Args:
        sentences: The set.
        max_order: Largest order.
    """

    def __init__(self, sentences: Sentences, max_order: int) -> None:
        self.sentences, self.max_order = sentences, max_order
        self._vocab = int(sentences.flat.max(initial=0)) + 1
        self._keys: list[Ids] = []
        self.occurrences: list[Occurrences] = []
        prefix = np.zeros(len(sentences.flat), dtype=np.int64)
        for order in range(1, max_order + 1):
            places = np.flatnonzero(sentences.starts(order))
            keys = prefix[places] * self._vocab + sentences.flat[places + order - 1]
            unique, ids = np.unique(keys, return_inverse=True)
            prefix = np.full(len(sentences.flat), -1, dtype=np.int64)
            prefix[places] = ids
            self._keys.append(unique)
            self.occurrences.append(Occurrences(places, ids))

    def distinct(self, order: int) -> int:
        """Return how many different n-grams of an order there are; their ids count up from 0."""
        return len(self._keys[order - 1])

    def contexts(self, order: int) -> Ids:
        """Return the id of the first order - 1 tokens of each n-gram of an order; 0 for none."""
        return self._keys[order - 1] // self._vocab

    def last_tokens(self, order: int) -> Ids:
        """Return the last token of each n-gram of an order."""
        return self._keys[order - 1] % self._vocab

    def counts(self, order: int) -> Ids:
        """Return how often each n-gram of an order stands in the whole set."""
        return np.bincount(self.occurrences[order - 1].ids, minlength=self.distinct(order))

    def find(self, sentences: Sentences) -> Iterator[Occurrences]:
        """Yield, order by order, the n-grams of other sentences that this set has too."""
        prefix = np.zeros(len(sentences.flat), dtype=np.int64)
        for order, known in enumerate(self._keys, 1):
            places = np.flatnonzero(sentences.starts(order) & (prefix >= 0))
            last = sentences.flat[places + order - 1]
            places, last = places[last < self._vocab], last[last < self._vocab]
            keys = prefix[places] * self._vocab + last
            found = np.searchsorted(known, keys)
            hit = known[np.minimum(found, len(known) - 1)] == keys if len(known) else keys < 0
            prefix = np.full(len(sentences.flat), -1, dtype=np.int64)
            prefix[places[hit]] = found[hit]
            yield Occurrences(places[hit], found[hit])


class Counts:
    """How often each sentence holds each n-gram: ``counts[j]`` of ``ids[j]`` in ``owners[j]``.

    Sorted by id, then owner.
    """

    def __init__(self, sentences: Sentences, found: Occurrences) -> None:
        owners = sentences.owners()[found.places]
        num_sentences = len(sentences.lengths)
        keys, self.counts = np.unique(found.ids * num_sentences + owners, return_counts=True)
        self.ids, self.owners = np.divmod(keys, num_sentences)

    def groups(self) -> Ids:
        """Return where each id begins."""
        if not len(self.ids):
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.r_[True, self.ids[1:] != self.ids[:-1]])
