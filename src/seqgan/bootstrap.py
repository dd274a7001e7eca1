"""Intervals by resampling, seeds and then sentences, of scores that are means over sentences."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats

from seqgan.statistics import CONFIDENCE

RESAMPLES = 1000
AT_ONCE = 2**22
"""Draws that are held at once."""
Table = Float[np.ndarray, "sentences scores"]
Means = Float[np.ndarray, "resamples scores"]


def resampled_means(
    values: Table, weights: Table, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Means:
    """Return scores of sentences that are drawn anew with replacement, as many as there are.

    A score is ``sum(values) / sum(weights)``; all scores of a run see the same draws, so that what
    they have in common stays. Never for scores of whole sets: a sentence would match itself.
    """
    size, some = len(values), max(1, AT_ONCE // len(values))
    sums = [np.zeros((0, values.shape[1]))]
    for start in range(0, resamples, some):
        rows = min(some, resamples - start)
        drawn = rng.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
        times = counts.astype(float)
        sums.append((times @ values) / (times @ weights))
    return np.concatenate(sums)


def hierarchical_interval(
    observed: Float[np.ndarray, "seeds scores"],
    resampled: Sequence[Means],
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " scores"], Float[np.ndarray, " scores"]]:
    """Return 95% intervals of means over seeds, by drawing seeds and, in each, sentences.

    The spread of the drawn means is corrected for two faults of the plain method. The deviation of
    few seeds is too small by ``sqrt((n - 1) / n)``, and its quantiles are those of Student's t, not
    of the few values that seeds can take. And what sampling sentences adds is counted twice, once
    in the seeds that are drawn and once in their sentences: it is taken off once (Davison &
    Hinkley, 1997, section 3.8), but not below what the seeds themselves show. With a single seed
    the interval is that of its sentences alone, by percentiles, and says nothing of other seeds.

    Args:
        observed: Scores of each seed.
        resampled: :func:`resampled_means` of each seed.
        rng: What seeds are drawn with.
    """
    seeds = len(observed)
    if seeds == 1:
        low, high = np.quantile(resampled[0], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
        return low, high
    stacked = np.stack(resampled)  # seeds, resamples, scores
    count = stacked.shape[1]
    which = rng.integers(seeds, size=(count, seeds))
    draw = rng.integers(count, size=(count, seeds))
    means = stacked[which, draw].mean(axis=1)
    within = stacked.var(axis=1, ddof=1).mean(axis=0) / seeds
    variance = (means.var(axis=0, ddof=1) - within) * seeds / (seeds - 1)
    # What is left can be nothing, by the noise of drawing, where seeds are close to each other.
    least = observed.var(axis=0, ddof=1) / seeds
    half = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * np.sqrt(np.maximum(variance, least))
    same = (observed == observed[0]).all(axis=0)
    half = np.where(same, math.nan, half)
    centre = observed.mean(axis=0)
    return centre - half, centre + half
