"""BLEU and Self-BLEU of whole sets by an index of n-grams.

Equal, sentence by sentence, to ``nltk.translate.bleu_score.sentence_bleu`` with smoothing method 1
against all references, but each set is counted once.

Protocol of the published text-GAN tables: all references, uniform weights, method 1, mean of the
sentence scores; Self-BLEU takes each sentence against all others, left out by its place, not by
its text, so that a duplicate still matches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.ngrams import Counts, Ids, Ngrams, Sentences
from seqgan.metrics.score import Score, mean_score, sign

EPSILON = 0.1
"""What smoothing method 1 puts in place of zero matches (Chen & Cherry, 2014)."""


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


def leave_one_out_matches(ngrams: Ngrams) -> Int[np.ndarray, "orders sentences"]:
    """Return the clipped matches of every sentence of a set against all the others.

    The largest count among the others is the largest of all, or the second largest for the one
    sentence that alone holds it.
    """
    num_sentences = len(ngrams.sentences.lengths)
    matched = np.zeros((ngrams.max_order, num_sentences), dtype=np.int64)
    for i, found in enumerate(ngrams.occurrences):
        if not len(found.ids):
            break
        counted = Counts(ngrams.sentences, found)
        groups = counted.groups()
        largest = np.maximum.reduceat(counted.counts, groups)
        holds_largest = counted.counts == largest[counted.ids]
        below = np.where(holds_largest, 0, counted.counts)
        alone = np.add.reduceat(holds_largest.astype(np.int64), groups) == 1
        second = np.where(alone, np.maximum.reduceat(below, groups), largest)
        others = np.where(holds_largest, second[counted.ids], largest[counted.ids])
        matched[i] = np.bincount(
            counted.owners, weights=np.minimum(counted.counts, others), minlength=num_sentences
        )
    return matched


def closest_lengths(
    lengths: Int[np.ndarray, " sentences"], references: Int[np.ndarray, " lengths"]
) -> Int[np.ndarray, " sentences"]:
    """Return for each length the closest of the sorted reference lengths; of two, the shorter."""
    above = np.searchsorted(references, lengths)
    upper = references[np.minimum(above, len(references) - 1)]
    lower = references[np.maximum(above - 1, 0)]
    return np.where(np.abs(lower - lengths) <= np.abs(upper - lengths), lower, upper)


def closest_other_lengths(
    lengths: Int[np.ndarray, " sentences"],
) -> Int[np.ndarray, " sentences"]:
    """Return for each sentence the closest length among the others; of two, the shorter."""
    unique, inverse, counts = np.unique(lengths, return_inverse=True, return_counts=True)
    closest = unique.copy()
    for i in np.flatnonzero(counts == 1):
        others = np.delete(unique, i)
        closest[i] = others[np.argmin(np.abs(others - unique[i]))]
    return closest[inverse]


def sentence_bleu(
    matched: Int[np.ndarray, "orders sentences"],
    lengths: Int[np.ndarray, " sentences"],
    reference_lengths: Int[np.ndarray, " sentences"],
    orders: Sequence[int],
) -> dict[int, Float[np.ndarray, " sentences"]]:
    """Return the BLEU of every sentence for every order: Papineni et al. (2002), smoothed.

    ``BP · exp(mean_k log p_k)`` with ``p_k = matches / max(1, length - k + 1)``, 0.1 in place of
    zero matches, and zero where not even one word matches.
    """
    places = np.arange(len(matched))[:, None]
    totals = np.maximum(1, lengths[None, :] - places)
    precision = np.where(matched == 0, EPSILON, matched) / totals
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


def match_others(ngrams: Ngrams) -> Matches:
    """Compare each sentence of a set with all others; raise ``ValueError`` if there are none."""
    lengths = ngrams.sentences.lengths
    if len(lengths) < 2:
        raise ValueError("Self-BLEU needs at least two sentences")
    return Matches(
        leave_one_out_matches(ngrams), lengths, closest_other_lengths(lengths), len(lengths) - 1
    )


def bleu(
    matches: Matches,
    orders: Sequence[int],
    *,
    name: str = "bleu",
    of: Literal["samples", "test"] = "samples",
    **settings: str,
) -> list[Score]:
    """Return the mean sentence BLEU for each order, with all references; in [0, 1].

    With test sentences as hypotheses and generated ones as references it is called reverse BLEU,
    and says how much of the truth is covered.
    """
    scores = sentence_bleu(matches.clipped, matches.lengths, matches.closest, orders)
    signature = sign(
        hypotheses=len(matches.lengths),
        references=matches.num_references,
        smoothing="method1",
        aggregate="sentence-mean",
        **settings,
    )
    return [mean_score(f"{name}_{order}", each, signature, of) for order, each in scores.items()]


def self_bleu(ngrams: Ngrams, orders: Sequence[int], **settings: str) -> list[Score]:
    """Return the mean BLEU of each sentence against all others; in [0, 1], high is repetitive.

    It grows with the number of sentences, so only sets of equal size compare. Raises
    ``ValueError`` for fewer than two sentences.
    """
    matches = match_others(ngrams)
    scores = sentence_bleu(matches.clipped, matches.lengths, matches.closest, orders)
    signature = sign(
        sentences=len(matches.lengths),
        self="excluded-by-index",
        smoothing="method1",
        aggregate="sentence-mean",
        **settings,
    )
    # No parts, and no standard error from them: the scores of one set depend on each other.
    return [
        Score(f"self_bleu_{order}", float(values.mean()), signature)
        for order, values in scores.items()
    ]
