"""Intervals and tests over training seeds, which are the units of replication.

Values of one metric, one a seed. A single trained model can be measured to any precision; only
other seeds say what another run of the same method would give.
"""

import math
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats

CONFIDENCE, ALPHA, POWER = 0.95, 0.05, 0.8
MOST_SEEDS = 1000
"""Seeds that are looked for at most: a difference that needs more is of no interest here."""
MOST_SPLITS = 200_000
"""Arrangements that a test enumerates; beyond, it takes as many at random."""
Values = Sequence[float]


def t_interval(values: Values) -> tuple[float, float, float]:
    """Return the mean and its 95% Student t-interval.

    Not a number for a single value, nor where all are the same to the last bit: they are then one
    measurement, of the same sentences, and their agreement says nothing.
    """
    mean = float(np.mean(values))
    if len(set(values)) < 2:
        return mean, math.nan, math.nan
    half = float(stats.sem(values) * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return mean, mean - half, mean + half


def paired_t_test(differences: Values) -> float:
    """Return the two-sided p of Student's t-test of a mean difference of 0.

    Not a number where :func:`t_interval` has no interval.
    """
    if len(set(differences)) < 2:
        return math.nan
    return _p_of_t(
        float(np.mean(differences) / stats.sem(differences)), float(len(differences) - 1)
    )


def welch_test(one: Values, other: Values) -> float:
    """Return the two-sided p of Welch's t-test, which assumes no equal variances and no pairs.

    Not a number for fewer than two values on a side, or without any spread.
    """
    if min(len(one), len(other)) < 2 or max(len(set(one)), len(set(other))) < 2:
        return math.nan
    errors = [np.var(values, ddof=1) / len(values) for values in (one, other)]
    # Welch (1947) and Satterthwaite (1946).
    parts = sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, (one, other), strict=True)
    )
    t = (np.mean(one) - np.mean(other)) / math.sqrt(sum(errors))
    return _p_of_t(float(t), float(sum(errors) ** 2 / parts))


def _p_of_t(t: float, freedom: float) -> float:
    return float(2 * stats.t.sf(abs(t), freedom))


def sign_flip_test(differences: Values, rng: np.random.Generator | None = None) -> float:
    """Return the exact two-sided p of a mean difference of 0, of pairs that could be exchanged.

    The share of all ways to turn the signs of differences around that give a mean as far from 0.
    With n pairs never below ``2 / 2^n``. Fisher (1935), section 21. More than 200,000 ways are
    sampled from ``rng``, the observed one counted once (Phipson & Smyth, 2010).

    Raises ``ValueError`` if there is no ``rng`` where one is needed.
    """
    given = np.asarray(differences, dtype=float)
    if 2 ** len(given) <= MOST_SPLITS:
        signs = np.array(list(product((1, -1), repeat=len(given))), dtype=float)
        return _share_as_extreme(signs.reshape(-1, len(given)) @ given, given.sum())
    if rng is None:
        raise ValueError(f"{len(given)} pairs are too many to enumerate; give rng")
    signs = rng.choice((-1.0, 1.0), size=(MOST_SPLITS - 1, len(given)))
    return _share_as_extreme(np.r_[given.sum(), signs @ given], given.sum())


def permutation_test(one: Values, other: Values, rng: np.random.Generator | None = None) -> float:
    """Return the exact two-sided p of equal means, of values that any of both could have had.

    The share of all splits of the pooled values that differ as much in their means. Pitman (1937).
    More than 200,000 splits are sampled from ``rng``, the observed one counted once.

    Raises ``ValueError`` if there is no ``rng`` where one is needed.
    """
    pooled, size = np.r_[np.asarray(one, float), np.asarray(other, float)], len(one)
    observed = float(np.mean(one) - np.mean(other))
    if math.comb(len(pooled), size) <= MOST_SPLITS:
        chosen = np.array(list(combinations(range(len(pooled)), size)))
        sums = pooled[chosen].sum(axis=1)
    else:
        if rng is None:
            raise ValueError(f"{len(pooled)} values are too many to enumerate; give rng")
        order = rng.random((MOST_SPLITS - 1, len(pooled))).argsort(axis=1)[:, :size]
        sums = np.r_[pooled[:size].sum(), pooled[order].sum(axis=1)]
    means = sums / size - (pooled.sum() - sums) / (len(pooled) - size)
    return _share_as_extreme(means, observed)


def _share_as_extreme(statistics: Float[np.ndarray, " ways"], observed: float) -> float:
    # What is equal but for rounding counts as equal.
    slack = 1e-9 * max(1e-300, float(np.abs(statistics).max(initial=0.0)))
    return float((np.abs(statistics) >= abs(observed) - slack).mean())


def smallest_p(pairs: int) -> float:
    """Return the smallest p that :func:`sign_flip_test` can give."""
    return min(1.0, 2 / 2**pairs)


def hedges_g(one: Values, other: Values) -> tuple[float, float, float]:
    """Return the difference of means in pooled standard deviations, and its 95% interval.

    Cohen's d times ``1 - 3 / (4 df - 1)`` (Hedges, 1981). The interval is that of two independent
    groups and of the true difference, by inverting the noncentral t distribution (Steiger &
    Fouladi, 1997); for groups that are paired it is too wide rather than too narrow. Not a number
    without spread.
    """
    n, m = len(one), len(other)
    freedom = n + m - 2
    if min(n, m) < 2:
        return math.nan, math.nan, math.nan
    spread = math.sqrt(((n - 1) * np.var(one, ddof=1) + (m - 1) * np.var(other, ddof=1)) / freedom)
    if not spread > 0:
        return math.nan, math.nan, math.nan
    scale, small = math.sqrt(n * m / (n + m)), 1 - 3 / (4 * freedom - 1)
    signed = float(np.mean(one) - np.mean(other)) / spread * scale
    # The library computes the upper tail alone.
    observed, sign = abs(signed), -1 if signed < 0 else 1

    def noncentrality(share: float) -> float:
        def miss(centre: float) -> float:
            found = float(stats.nct.cdf(observed, freedom, centre))
            if math.isnan(found):  # in the tails, where it is all or nothing
                found = float(centre < observed)
            return found - share

        reach = 10.0 + 3 * abs(observed)
        if not miss(observed - reach) > 0 > miss(observed + reach):
            return math.nan  # so far from 0 that the distribution cannot be computed
        root: Any = optimize.brentq(miss, observed - reach, observed + reach)
        return float(root)

    ends = [noncentrality(share) for share in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2)]
    # The ends are exact as they are: the factor corrects the estimate alone.
    low, high = sorted(sign * end / scale for end in ends)
    return small * signed / scale, low, high


def cliffs_delta(one: Values, other: Values) -> float:
    """Return how often a value of one is above a value of the other, less how often below.

    Between -1 and 1. Cliff (1993).
    """
    return float(np.sign(np.subtract.outer(np.asarray(one), np.asarray(other))).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that any false claim among them has the probability of one.

    Holm (1979). What is not a number stays so, and is not counted.
    """
    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(values), math.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors))
    return adjusted.tolist()


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that, of all claims, the expected share of false ones is bounded.

    Benjamini & Hochberg (1995); for sweeps of many settings. What is not a number stays so.
    """
    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(-values[known], kind="stable")]
    factors = len(order) / np.arange(len(order), 0, -1)
    adjusted = np.full(len(values), math.nan)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * factors))
    return adjusted.tolist()


def seeds_needed(differences: Values) -> int | None:
    """Return with how many pairs a paired t-test would find the mean difference, 4 times in 5.

    If the mean and the spread of the differences are what they seem; at least as many as an exact
    test needs for any p below 0.05. ``None`` above 1,000, or where nothing can be said.
    """
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    if not spread > 0:
        return None
    effect = abs(float(np.mean(differences))) / spread
    first = next(n for n in range(2, MOST_SEEDS) if smallest_p(n) <= ALPHA)
    if power(effect, MOST_SEEDS) < POWER:
        return None
    low, high = first, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle) >= POWER else (middle + 1, high)
    return low


def power(effect: float, pairs: int) -> float:
    """Return how often a paired t-test at 0.05 finds a difference of so many deviations."""
    if pairs < 2:
        return 0.0
    centre, freedom = effect * math.sqrt(pairs), pairs - 1
    edge = stats.t.ppf(1 - ALPHA / 2, freedom)
    beyond = stats.nct.sf(edge, freedom, centre) + stats.nct.cdf(-edge, freedom, centre)
    # Far from 0 the library gives up; then it is certain.
    return float(beyond) if math.isfinite(beyond) else 1.0


def contrast(one: Values, other: Values) -> dict[str, float]:
    """Return everything about the difference of two methods, paired by seed, by its column name."""
    differences = [a - b for a, b in zip(one, other, strict=True)]
    mean, low, high = t_interval(differences)
    known = len(set(differences)) > 1
    exact = sign_flip_test(differences, np.random.default_rng(0)) if known else math.nan
    needed = seeds_needed(differences)
    effect = hedges_g(one, other)
    return {
        "difference": mean,
        "difference_low": low,
        "difference_high": high,
        "p_paired": paired_t_test(differences),
        "p_permutation": exact,
        "p_welch": welch_test(one, other),
        "hedges_g": effect[0],
        "hedges_low": effect[1],
        "hedges_high": effect[2],
        "seeds_needed": math.nan if needed is None else needed,
    }


def pooled_error(errors: Sequence[float], *, shared: bool) -> float:
    """Return the standard error of a mean over seeds, from that of each.

    Sentences of their own make errors of seeds independent; ``shared`` ones, as those of the one
    test set, move all seeds alike, and more seeds do not help.
    """
    if shared:
        return math.fsum(errors) / len(errors)
    return math.hypot(*errors) / len(errors)


def independent_sets(values: Values) -> float:
    """Return the standard error of a score of a set, from its values on disjoint parts of the set.

    Their standard deviation divided by the root of their number. The error of a score shrinks with
    the root of the number of sentences, so that of K parts together is the one of the whole set;
    the scores themselves may depend on the size of a set, and are not averaged. Drawing sentences
    with replacement would make them match themselves.
    """
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))
