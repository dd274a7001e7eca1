"""Clipped matches of n-grams against a counted set of references, and BLEU from them.

The arithmetic alone, for whoever measures with it (``metrics.bleu``) or learns from it
(``bleu_reward``): each set is counted once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.ngrams import Counts, Ids, Ngrams, Sentences


class ReferenceIndex:
    """The largest count of every n-gram in any one reference, and the lengths of references.

    Raises ``ValueError`` without a reference.
    """

    def __init__(self, references: Sentences, max_order: int) -> None:
        if not len(references.lengths):
            raise ValueError("BLEU needs at least one reference")
        self.max_order, self.num_references = max_order, len(references.lengths)
        self.lengths = np.unique(references.lengths)
        self.ngrams = Ngrams(references, max_order)
        self._largest: list[Ids] = []
        for found in self.ngrams.occurrences:
            counted = Counts(references, found)
            self._largest.append(
                np.maximum.reduceat(counted.counts, counted.groups())
                if len(found.ids)
                else found.ids
            )

    def matches(self, hypotheses: Sentences) -> Int[np.ndarray, "orders sentences"]:
        """Return the clipped matches of every hypothesis, for every order up to the largest."""
        num_sentences = len(hypotheses.lengths)
        matched = np.zeros((self.max_order, num_sentences), dtype=np.int64)
        for i, found in enumerate(self.ngrams.find(hypotheses)):
            counted = Counts(hypotheses, found)
            clipped = np.minimum(counted.counts, self._largest[i][counted.ids])
            matched[i] = np.bincount(counted.owners, weights=clipped, minlength=num_sentences)
        return matched


def closest_lengths(
    lengths: Int[np.ndarray, " sentences"], references: Int[np.ndarray, " lengths"]
) -> Int[np.ndarray, " sentences"]:
    """Return for each length the closest of the sorted reference lengths; of two, the shorter."""
    above = np.searchsorted(references, lengths)
    upper = references[np.minimum(above, len(references) - 1)]
    lower = references[np.maximum(above - 1, 0)]
    return np.where(np.abs(lower - lengths) <= np.abs(upper - lengths), lower, upper)


@dataclass(frozen=True)
class Matches:
    """Everything that BLEU needs to know of hypotheses and their references.

    Attributes:
        clipped: Matches of each hypothesis, by order.
        lengths: Tokens of each hypothesis.
        closest: Length of the reference that is closest in length.
        num_references: How many references each was compared with.
    """

    clipped: Int[np.ndarray, "orders sentences"]
    lengths: Int[np.ndarray, " sentences"]
    closest: Int[np.ndarray, " sentences"]
    num_references: int


def match(hypotheses: Sentences, index: ReferenceIndex) -> Matches:
    """Compare hypotheses with references; raise ``ValueError`` without a hypothesis."""
    if not len(hypotheses.lengths):
        raise ValueError("BLEU needs at least one hypothesis")
    return Matches(
        index.matches(hypotheses),
        hypotheses.lengths,
        closest_lengths(hypotheses.lengths, index.lengths),
        index.num_references,
    )


def sentence_bleu(
    matched: Int[np.ndarray, "orders sentences"],
    lengths: Int[np.ndarray, " sentences"],
    reference_lengths: Int[np.ndarray, " sentences"],
    orders: Sequence[int],
    *,
    smoothing: float,
) -> dict[int, Float[np.ndarray, " sentences"]]:
    """Return the BLEU of every sentence for every order: Papineni et al. (2002), smoothed.

    ``BP · exp(mean_k log p_k)`` with ``p_k = matches / max(1, length - k + 1)``, ``smoothing`` in
    place of zero matches (method 1 of Chen & Cherry, 2014), and zero where not even one word
    matches.
    """
    places = np.arange(len(matched))[:, None]
    totals = np.maximum(1, lengths[None, :] - places)
    precision = np.where(matched == 0, smoothing, matched) / totals
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(
            lengths > reference_lengths, 1.0, np.exp(1 - reference_lengths / lengths)
        )
    cumulative = np.log(precision).cumsum(axis=0)
    nothing = (lengths == 0) | (matched[0] == 0)
    return {
        order: np.where(nothing, 0.0, brevity * np.exp(cumulative[order - 1] / order))
        for order in orders
    }
