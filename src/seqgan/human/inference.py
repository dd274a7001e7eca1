"""Intervals and tests for ratings, whose items and raters are both samples."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from seqgan.statistics import CONFIDENCE


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95% interval of a share by Wilson (1927); it stays within 0 … 1.

    It takes trials for independent: several ratings of one item by one rater are not.
    """
    if not trials:
        return float("nan"), float("nan")
    found = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def percentile_interval(values: Float[np.ndarray, " resamples"]) -> tuple[float, float]:
    """Return the middle 95% of the values that are numbers; NaN if none is."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def cluster_bootstrap(
    ratings: Mapping[str, Float[np.ndarray, "raters _"]],
    rng: np.random.Generator,
    resamples: int,
) -> dict[str, Float[np.ndarray, " resamples"]]:
    """Return bootstrap means of every system, with raters and items both drawn anew.

    A draw takes the same raters for all systems, so that differences of draws are draws of
    differences, and independent items of each. This is the pigeonhole bootstrap of Owen (2007),
    The pigeonhole bootstrap: its intervals are rather too wide than too narrow. With one rater
    only items vary.

    Args:
        ratings: Ratings of each system's items; NaN where there is none.
        rng: Source of the draws.
        resamples: Number of draws.
    """
    raters = len(next(iter(ratings.values())))
    drawn_raters = rng.multinomial(raters, np.full(raters, 1 / raters), size=resamples)
    means = {}
    for system, matrix in ratings.items():
        items = matrix.shape[1]
        drawn_items = rng.multinomial(items, np.full(items, 1 / items), size=resamples)
        known = ~np.isnan(matrix)
        total = ((drawn_raters @ np.where(known, matrix, 0.0)) * drawn_items).sum(axis=1)
        number = ((drawn_raters @ known.astype(float)) * drawn_items).sum(axis=1)
        means[system] = np.divide(total, number, out=np.full(resamples, np.nan), where=number > 0)
    return means


def permutation_test(
    values: Float[np.ndarray, " items"],
    is_first: Bool[np.ndarray, " items"],
    bins: Int[np.ndarray, " items"],
    rng: np.random.Generator,
    permutations: int,
) -> float:
    """Return the two-sided p-value that two systems' items have one mean.

    The labels of items are exchanged within length bins alone, so that a difference of lengths is
    no difference of systems. The observed labels count as one permutation (Phipson & Smyth, 2010):
    p is never 0.
    """
    order = np.argsort(bins, kind="stable")
    values, is_first, bins = values[order], is_first[order], bins[order]
    observed = abs(values[is_first].mean() - values[~is_first].mean())
    as_extreme = 1
    for _ in range(permutations):
        # One random key for each item, sorted within its bin, permutes the bin.
        shuffled = values[np.lexsort((rng.random(len(values)), bins))]
        difference = abs(shuffled[is_first].mean() - shuffled[~is_first].mean())
        as_extreme += difference >= observed - 1e-12
    return as_extreme / (permutations + 1)
