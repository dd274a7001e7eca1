"""MAUVE and the frontier integral: the trade-off of two kinds of error between two sets.

Both sets are quantised by k-means on their union; the histograms over clusters stand for the
distributions.
"""

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.clustering import k_means
from seqgan.metrics.embeddings import (
    Embeddings,
    References,
    check_sizes,
    sign_sets,
)
from seqgan.metrics.score import Score

SCALE = 5.0
"""The constant c of Pillutla et al. (2021), equation 2."""
NUM_POINTS = 25
"""Mixture weights on the curve."""
EDGE = 1e-6
"""Smallest mixture weight; at 0 and 1 the divergences may be infinite."""
VARIANCE = 0.9
"""Share of the variance that the principal components keep."""

Counts = Int[np.ndarray, " clusters"]
Histogram = Float[np.ndarray, " clusters"]


def kl_divergence(p: Histogram, q: Histogram) -> float:
    """Return ``sum p log(p / q)`` in nats; infinite where p is somewhere that q is not."""
    some = p > 0
    with np.errstate(divide="ignore"):
        return max(0.0, float(np.sum(p[some] * (np.log(p[some]) - np.log(q[some])))))


def divergence_curve(p: Histogram, q: Histogram) -> Float[np.ndarray, "points 2"]:
    """Return points ``(exp(-c KL(q ‖ r)), exp(-c KL(p ‖ r)))`` with ``r = w p + (1 - w) q``.

    From (1, 0), where r is q, to (0, 1), where it is p. The first falls and the second rises:
    Pillutla et al. (2021), equation 2, with c = 5.
    """
    points = [(1.0, 0.0)]
    for weight in np.linspace(EDGE, 1 - EDGE, NUM_POINTS):
        mixture = weight * p + (1 - weight) * q
        points.append(
            (
                np.exp(-SCALE * kl_divergence(q, mixture)),
                np.exp(-SCALE * kl_divergence(p, mixture)),
            )
        )
    points.append((0.0, 1.0))
    return np.array(points)


def area_under_curve(curve: Float[np.ndarray, "points 2"]) -> float:
    """Return the area between a falling curve and both axes, by trapezoids; in [0, 1].

    The curve ends on the axes, so the area is the same whichever of them it is summed along.
    """
    x, y = curve.T
    return float(np.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:])) / 2)


def frontier_integral(p: Histogram, q: Histogram) -> float:
    """Return the mean divergence along the frontier; 0 for equal histograms, 1 for disjoint ones.

    ``2 ∫ w KL(p ‖ r_w) + (1 - w) KL(q ‖ r_w) dw = sum (p + q) / 2 - p q log(p / q) / (p - q)``:
    Liu et al. (2021), definition 2 and proposition 1.
    """
    total = float(np.sum(p + q)) / 2
    both = (p > 0) & (q > 0)
    p, q = p[both], q[both]
    # log(p / q) / (p - q) = 1 / q · log(1 + t) / t with t = (p - q) / q, and 1 at t = 0.
    t = (p - q) / q
    equal = t == 0
    slope = np.where(equal, 1, np.log1p(t) / np.where(equal, 1, t))
    return max(0.0, total - float(np.sum(p * slope)))


def smoothed(counts: Counts) -> Histogram:
    """Return the histogram with half a count more in every cluster.

    The estimate of Krichevsky & Trofimov (1981), which leaves no cluster empty.
    """
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


def principal_components(
    rows: Embeddings, weights: Int[np.ndarray, " sentences"]
) -> Float[np.ndarray, "sentences components"]:
    """Return unit-length rows along the fewest directions that keep 90% of their variance.

    Args:
        rows: Different embeddings; one of length zero stays as it is.
        weights: How often each stands in the set.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    centred = unit - np.average(unit, axis=0, weights=weights)
    values, vectors = np.linalg.eigh((centred.T * weights) @ centred)
    cumulative = np.cumsum(values[::-1])
    kept = int(np.searchsorted(cumulative, VARIANCE * cumulative[-1])) + 1
    return centred @ vectors[:, ::-1][:, :kept]


def mauve_scores(
    samples: Embeddings,
    references: References,
    rng: np.random.Generator,
    *,
    num_clusters: int | None = None,
    clusterings: int = 5,
    **settings: str,
) -> list[Score]:
    """Return ``mauve``, ``mauve_star``, ``frontier_integral`` and ``frontier_integral_star``.

    MAUVE lies in (0, 1], higher is closer; the frontier integral in [0, 1], lower is closer. The
    ones with a star are of histograms smoothed by half a count, as suits sets of which many
    clusters hold one side alone. All depend on the sizes, on the number of clusters and on the
    encoder: only equal signatures compare, and what real sentences reach belongs beside them.

    Pillutla et al. (2021): rows of unit length, principal components with 90% of the variance,
    k-means on the union, and the area under :func:`divergence_curve`. Liu et al. (2021) and
    Pillutla et al. (2023) for the smoothing.

    Args:
        samples: Embeddings of the generated sentences; the authors advise some thousand.
        references: Embeddings of real sentences.
        rng: Draws the first centres. The order of rows plays no part.
        num_clusters: A tenth of the smaller set, unless given.
        clusterings: Runs of k-means whose values are averaged.
        settings: More of the signature, such as that of the encoder.

    Raises:
        ValueError: For fewer than 20 sentences on a side.
    """
    check_sizes("MAUVE", samples, references, at_least=20)
    if clusterings < 1:
        raise ValueError(f"MAUVE needs at least one clustering, but is asked for {clusterings}")
    if num_clusters is None:
        num_clusters = round(min(len(samples), len(references)) / 10)
    union = np.concatenate([samples, references]).astype(np.float64)
    # Sorted, so that the order of the sets plays no part; once each, so that copies stay together.
    unique, inverse, weights = np.unique(union, axis=0, return_inverse=True, return_counts=True)
    rows = principal_components(unique, weights).astype(np.float32)
    values: dict[str, list[float]] = {
        "mauve": [], "mauve_star": [], "frontier_integral": [], "frontier_integral_star": [],
    }  # fmt: skip
    for stream in rng.spawn(clusterings):
        labels = k_means(rows, weights, num_clusters, stream)[inverse]
        p = np.bincount(labels[: len(samples)], minlength=num_clusters)
        q = np.bincount(labels[len(samples) :], minlength=num_clusters)
        for star, (left, right) in {
            "": (p / p.sum(), q / q.sum()),
            "_star": (smoothed(p), smoothed(q)),
        }.items():
            values[f"mauve{star}"].append(area_under_curve(divergence_curve(left, right)))
            values[f"frontier_integral{star}"].append(frontier_integral(left, right))
    signature = sign_sets(
        samples, references, clusters=num_clusters, c=SCALE, points=NUM_POINTS,
        variance=VARIANCE, clusterings=clusterings, **settings,
    )  # fmt: skip
    # No standard error: clusterings of one set say nothing of how another set would score.
    return [Score(name, float(np.mean(found)), signature) for name, found in values.items()]
