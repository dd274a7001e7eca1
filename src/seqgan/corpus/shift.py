"""Whether two splits are random parts of one corpus: words and lengths, tested."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special, stats

from seqgan.corpus.rows import Rows
from seqgan.tokens import PAD

ALPHA = 0.01
"""Probability that splits made at random are said to differ, at most."""
LEAST_SENTENCES = 10
"""A word in fewer sentences of both splits together is not tested: it could hardly be found."""
LARGE = 50
"""Where each of the four numbers is expected to be as large, the G-test is accurate far out."""
SHOWN = 20
ALIKE, DIFFER = "splits look alike", "splits differ"


@dataclass(frozen=True)
class Profile:
    """How many distinct sentences there are, and hold each token, and have each length."""

    sentences: int
    holding: Int[np.ndarray, " vocab"]
    lengths: Int[np.ndarray, " lengths"]

    @classmethod
    def of(cls, rows: Rows, first: Bool[np.ndarray, " sentences"], vocab_size: int) -> "Profile":
        """Return the profile of a split, given where each distinct sentence stands first."""
        holding = np.zeros(vocab_size, np.int64)
        lengths = np.zeros(rows.tokens.shape[1] + 1, np.int64)
        for start, block in rows.blocks():
            kept = np.sort(block[first[start : start + len(block)]], axis=1)
            new = kept != PAD
            new[:, 1:] &= kept[:, 1:] != kept[:, :-1]
            holding += np.bincount(kept[new], minlength=vocab_size)
            lengths += np.bincount((kept != PAD).sum(axis=1), minlength=len(lengths))
        return cls(int(first.sum()), holding, lengths)


def two_proportions(
    one: Int[np.ndarray, " words"],
    one_of: int,
    other: Int[np.ndarray, " words"],
    other_of: int,
) -> Float[np.ndarray, " words"]:
    """Return the two-sided p of equal shares, ``one / one_of`` and ``other / other_of``.

    The G-test where all numbers are large. Elsewhere the total of a word is fixed, and each
    sentence that holds it belongs to either split in proportion to their sizes; the smaller tail
    counts twice. That binomial has longer tails than the hypergeometric that it stands for
    (Hoeffding, 1963), so it rather calls too little. Sokal & Rohlf (1981), section 17.
    """
    total, size = one + other, one_of + other_of
    share = one_of / size
    # Of a word in most sentences, those without it are counted: they are fewer.
    common = total > size / 2
    fewer, fewer_one = np.where(common, size - total, total), np.where(common, one_of - one, one)
    low, high = (
        stats.binom.cdf(fewer_one, fewer, share),
        stats.binom.sf(fewer_one - 1, fewer, share),
    )
    exact = np.minimum(1.0, 2 * np.minimum(low, high))
    expected = np.stack([total * share, total * (1 - share)])
    expected = np.concatenate([expected, np.array([[one_of], [other_of]]) - expected])
    seen = np.stack([one, other, one_of - one, other_of - other])
    g = 2 * special.rel_entr(seen, expected).sum(axis=0)
    return np.where(expected.min(axis=0) >= LARGE, stats.chi2.sf(np.maximum(g, 0), 1), exact)


def smirnov(
    one: Int[np.ndarray, " lengths"], other: Int[np.ndarray, " lengths"]
) -> tuple[float, float]:
    """Return the statistic and the p of the two-sample Kolmogorov-Smirnov test of two histograms.

    The p is that of the limit for large samples; equal lengths make it too large, never too small.
    """
    sizes = one.sum(), other.sum()
    distance = float(np.abs(one.cumsum() / sizes[0] - other.cumsum() / sizes[1]).max())
    return distance, float(special.kolmogorov(distance * np.sqrt(sizes[0] * sizes[1] / sum(sizes))))


def holm(p: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Return p-values adjusted so that their minimum holds for all. Holm (1979)."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    grown = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted[order] = np.minimum(1.0, grown)
    return adjusted


def shift(
    profiles: dict[str, Profile], *, words: Sequence[str], first_word: int, alpha: float = ALPHA
) -> dict[str, Any]:
    """Return which words and lengths tell the splits apart, and a verdict.

    Every pair of splits is compared by the share of distinct sentences with each word, and by
    lengths. All p-values are adjusted as one family, so random splits are said to differ with a
    probability of at most ``alpha``. With many sentences a difference can be sure and small: read
    the rates beside it.
    """
    names = list(profiles)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    if not pairs:
        return {"alpha": alpha, "verdict": ALIKE, "pairs": []}
    tested, values, distances = [], [], []
    for a, b in pairs:
        one, other = profiles[a], profiles[b]
        chosen = np.flatnonzero(one.holding + other.holding >= LEAST_SENTENCES)
        chosen = chosen[chosen >= first_word]
        p = two_proportions(
            one.holding[chosen], one.sentences, other.holding[chosen], other.sentences
        )
        distance, p_length = smirnov(one.lengths, other.lengths)
        tested.append(chosen)
        distances.append((distance, p_length))
        values.append(np.append(p, p_length))
    adjusted = np.split(holm(np.concatenate(values)), np.cumsum([len(p) for p in values])[:-1])
    compared = []
    for (a, b), chosen, p, (distance, raw) in zip(pairs, tested, adjusted, distances, strict=True):
        one, other = profiles[a], profiles[b]
        # Many are sure to the last digit; rates then decide which is shown first.
        apart = np.abs(one.holding / one.sentences - other.holding / other.sentences)[chosen]
        order = [i for i in np.lexsort((-apart, p[:-1])) if p[i] < alpha]
        compared.append(
            {
                "splits": [a, b],
                "words_tested": len(chosen),
                "words_shifted": len(order),
                "lengths": {"distance": distance, "p": raw, "p_holm": float(p[-1])},
                "words": [
                    {
                        "word": words[chosen[i] - first_word],
                        "id": int(chosen[i]),
                        "rates": [
                            float(one.holding[chosen[i]] / one.sentences),
                            float(other.holding[chosen[i]] / other.sentences),
                        ],
                        "p_holm": float(p[i]),
                    }
                    for i in order[:SHOWN]
                ],
                "differ": bool((p < alpha).any()),
            }
        )
    differ = any(each["differ"] for each in compared)
    return {"alpha": alpha, "verdict": DIFFER if differ else ALIKE, "pairs": compared}
