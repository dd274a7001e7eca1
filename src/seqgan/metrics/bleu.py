"""BLEU and Self-BLEU of whole sets by an index of n-grams.

Equal, sentence by sentence, to ``nltk.translate.bleu_score.sentence_bleu`` with smoothing method 1
against all references, but each set is counted once.

Protocol of the published text-GAN tables: all references, uniform weights, method 1, mean of the
sentence scores; Self-BLEU takes each sentence against all others, left out by its place, not by
its text, so that a duplicate still matches.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.matches import Matches, sentence_bleu
from seqgan.metrics.ngrams import Counts, Ngrams
from seqgan.metrics.score import Score, mean_score, sign

EPSILON = 0.1
"""What smoothing method 1 puts in place of zero matches (Chen & Cherry, 2014)."""


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


def match_others(ngrams: Ngrams) -> Matches:
    """Compare each sentence of a set with all others; raise ``ValueError`` if there are none."""
    lengths = ngrams.sentences.lengths
    if len(lengths) < 2:
        raise ValueError("Self-BLEU needs at least two sentences")
    return Matches(
        leave_one_out_matches(ngrams), lengths, closest_other_lengths(lengths), len(lengths) - 1
    )


def _sentence_scores(
    matches: Matches, orders: Sequence[int]
) -> dict[int, Float[np.ndarray, " sentences"]]:
    return sentence_bleu(
        matches.clipped, matches.lengths, matches.closest, orders, smoothing=EPSILON
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
    scores = _sentence_scores(matches, orders)
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
    scores = _sentence_scores(matches, orders)
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
