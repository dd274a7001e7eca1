"""What of the held-out sentences stands in the training set: whole sentences, and n-grams."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt64

from seqgan.corpus.rows import ORDERS, Rows, evenly_spaced, ngram_hashes

SENTENCES = 5000
"""Sentences of a set whose n-grams are looked for, at most; training is searched as a whole."""
_SIEVE_BITS = 22
HALF = np.uint64(40)
"""Bit of a sentence's fingerprint that says to which half of the training set it belongs."""


class _Sought:
    """Fingerprints that are sought, and which of them were met, anywhere and in one half."""

    def __init__(self, hashes: UInt64[np.ndarray, " any"]) -> None:
        self.keys = np.unique(hashes)
        self.met = np.zeros(len(self.keys), bool)
        self.met_in_half = np.zeros(len(self.keys), bool)
        # Almost all n-grams of a large set are sought by nobody: one look at a table tells.
        self._sieve = np.zeros(2**_SIEVE_BITS, bool)
        self._sieve[self._place(self.keys)] = True

    def _place(self, hashes: UInt64[np.ndarray, " any"]) -> UInt64[np.ndarray, " any"]:
        return hashes >> np.uint64(64 - _SIEVE_BITS)

    def meet(self, hashes: UInt64[np.ndarray, " any"], half: Bool[np.ndarray, " any"]) -> None:
        """Mark what is met."""
        maybe = self._sieve[self._place(hashes)]
        hashes, half = hashes[maybe], half[maybe]
        if not len(hashes):
            return
        places = np.minimum(np.searchsorted(self.keys, hashes), len(self.keys) - 1)
        hit = self.keys[places] == hashes
        self.met[places[hit]] = True
        self.met_in_half[places[hit & half]] = True

    def share(self, hashes: UInt64[np.ndarray, " any"], *, half: bool) -> float | None:
        """Return the share of n-grams that were met, repeated ones as often as they stand."""
        if not len(hashes):
            return None
        marks = self.met_in_half if half else self.met
        return float(marks[np.searchsorted(self.keys, hashes)].mean())


def leaks(
    splits: Mapping[str, Rows],
    hashes: Mapping[str, UInt64[np.ndarray, " _"]],
    *,
    unknown: int,
) -> dict[str, Any]:
    """Return which share of held-out n-grams and sentences the training set has too.

    N-grams repeat in any language, so a share means something beside a yardstick only: the
    training set is halved at random, each distinct sentence in one half, and one half is looked
    for in the other. ``half`` holds it, and ``{split}_in_half`` the share of held-out n-grams in
    the same half, which is therefore comparable. A share is ``None`` where there is no n-gram.

    Args:
        splits: The training set as ``train``, and others.
        hashes: Fingerprints of the sentences of each.
        unknown: Id of unknown words; no n-gram holds it.
    """
    train, others = splits["train"], [name for name in splits if name != "train"]
    in_half = (hashes["train"] >> HALF & np.uint64(1)).astype(bool)
    outside = np.flatnonzero(~in_half)
    samples = {
        name: splits[name].take(evenly_spaced(len(splits[name]), SENTENCES)) for name in others
    }
    samples["half"] = train.take(outside[evenly_spaced(len(outside), SENTENCES)])
    grams = {
        name: [found[known] for found, known in ngram_hashes(block, unknown)]
        for name, block in samples.items()
    }
    sought = [_Sought(np.concatenate(of_order)) for of_order in zip(*grams.values(), strict=True)]
    for start, block in train.blocks():
        halves = in_half[start : start + len(block), None]
        for each, (found, known) in zip(sought, ngram_hashes(block, unknown), strict=True):
            each.meet(found[known], np.broadcast_to(halves, known.shape)[known])

    def shares(name: str, *, half: bool) -> list[float | None]:
        return [
            each.share(found, half=half) for each, found in zip(sought, grams[name], strict=True)
        ]

    whole = {name: float(np.isin(hashes[name], hashes["train"]).mean()) for name in others}
    return {
        "orders": list(ORDERS),
        "sampled": {name: len(block) for name, block in samples.items()},
        "training_sentences": len(train),
        "half_sentences": int(in_half.sum()),
        "ngrams": {name: shares(name, half=False) for name in others}
        | {f"{name}_in_half": shares(name, half=True) for name in others}
        | {"half": shares("half", half=True)},
        "sentences": whole,
    }
