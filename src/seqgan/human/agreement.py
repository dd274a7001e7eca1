"""How far raters agree beyond chance."""

import itertools
from typing import Literal

import numpy as np
from jaxtyping import Float

Level = Literal["nominal", "ordinal", "interval"]
RELIABLE, TENTATIVE = 0.8, 0.667


def krippendorff_alpha(ratings: Float[np.ndarray, "raters items"], level: Level) -> float:
    """Return Krippendorff's alpha: 1 is perfect agreement, 0 what chance gives, below 0 less.

    ``alpha = 1 - D_o / D_e``, observed over expected disagreement. Missing ratings are NaN; items
    with fewer than two ratings say nothing and do not count. NaN where all ratings are the same
    value or nothing can be paired: agreement is then undefined, not perfect.

    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.

    Args:
        ratings: Numbers; for ``nominal`` they only name categories.
        level: What differences mean.
    """
    values, counts = _value_counts(ratings)
    return _alpha(values, _coincidences(counts).sum(axis=0), level)


def bootstrap_alpha(
    ratings: Float[np.ndarray, "raters items"],
    level: Level,
    rng: np.random.Generator,
    resamples: int,
) -> Float[np.ndarray, " resamples"]:
    """Return alpha of samples of the items with replacement; NaN where it is undefined."""
    values, counts = _value_counts(ratings)
    coincidences = _coincidences(counts)
    items = len(coincidences)
    if items == 0:
        return np.full(resamples, np.nan)
    weights = rng.multinomial(items, np.full(items, 1 / items), size=resamples)
    sums = np.tensordot(weights.astype(float), coincidences, axes=1)
    return np.array([_alpha(values, each, level) for each in sums])


def _value_counts(
    ratings: Float[np.ndarray, "raters items"],
) -> tuple[Float[np.ndarray, " values"], Float[np.ndarray, "items values"]]:
    """Return the different values and how often each item was given each."""
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = (ratings[:, :, None] == values).sum(axis=0).astype(float)
    return values, counts


def _coincidences(
    counts: Float[np.ndarray, "items values"],
) -> Float[np.ndarray, "paired values values"]:
    """Return the matrix of paired values of every item that has at least two ratings."""
    counts = counts[counts.sum(axis=1) >= 2]
    pairs = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(counts.shape[1])
    pairs[:, diagonal, diagonal] -= counts
    return pairs / (counts.sum(axis=1) - 1)[:, None, None]


def _alpha(
    values: Float[np.ndarray, " values"],
    coincidences: Float[np.ndarray, "values values"],
    level: Level,
) -> float:
    totals = coincidences.sum(axis=0)
    if level == "nominal":
        distance = 1.0 - np.eye(len(values))
    elif level == "interval":
        distance = np.subtract.outer(values, values) ** 2
    else:
        # All ratings between two values, with half of those at either end.
        middle = np.cumsum(totals) - totals / 2
        distance = np.subtract.outer(middle, middle) ** 2
    expected = (np.outer(totals, totals) * distance).sum()
    if expected == 0:
        return float("nan")
    return float(1 - (totals.sum() - 1) * (coincidences * distance).sum() / expected)


def interpretation(alpha: float) -> str:
    """Return what an alpha allows, by Krippendorff's customary bounds."""
    if np.isnan(alpha):
        return "undefined: too few ratings, or all the same"
    if alpha >= RELIABLE:
        return "reliable"
    return "tentative" if alpha >= TENTATIVE else "do not rank by it"


def cohen_kappa(
    first: Float[np.ndarray, " items"], second: Float[np.ndarray, " items"], *, quadratic: bool
) -> float:
    """Return Cohen's kappa of two raters over the items that both rated; 1 is perfect.

    NaN where no item is shared or chance alone would agree everywhere.

    Cohen (1960), and for weights Cohen (1968).

    Args:
        first: Ratings of one rater; NaN where there is none.
        second: Ratings of the other.
        quadratic: Whether a disagreement weighs by its squared distance, or every one the same.
    """
    both = ~(np.isnan(first) | np.isnan(second))
    one, other = first[both], second[both]
    if not len(one):
        return float("nan")
    difference = np.subtract.outer(one, other)
    distance = difference**2 if quadratic else (difference != 0).astype(float)
    # Every pair of one's and the other's ratings: what independent raters would do.
    expected = distance.mean()
    return float(1 - np.diag(distance).mean() / expected) if expected else float("nan")


def pairwise_kappas(
    ratings: Float[np.ndarray, "raters items"], *, quadratic: bool
) -> list[tuple[int, int, float]]:
    """Return Cohen's kappa of every two raters, with their rows."""
    return [
        (one, other, cohen_kappa(ratings[one], ratings[other], quadratic=quadratic))
        for one, other in itertools.combinations(range(len(ratings)), 2)
    ]


def fleiss_kappa(ratings: Float[np.ndarray, "raters items"]) -> float:
    """Return Fleiss' kappa of categories; NaN unless at least two raters rated every item.

    Fleiss (1971), Measuring nominal scale agreement among many raters.
    """
    raters = len(ratings)
    if raters < 2 or not ratings.size or np.isnan(ratings).any():
        return float("nan")
    _, counts = _value_counts(ratings)
    agreement = ((counts**2).sum(axis=1) - raters).mean() / (raters * (raters - 1))
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((agreement - chance) / (1 - chance)) if chance < 1 else float("nan")
