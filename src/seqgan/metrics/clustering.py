"""k-means: the nearest of a few centres for every row."""

import numpy as np
from jaxtyping import Float, Int

CHUNK = 2048
"""Rows whose distances to all centres are held at a time."""

Rows = Float[np.ndarray, "sentences dim"]
Weights = Int[np.ndarray, " sentences"]
Centres = Float[np.ndarray, "clusters dim"]
Labels = Int[np.ndarray, " sentences"]


def k_means(
    rows: Rows, weights: Weights, num_clusters: int, rng: np.random.Generator, max_steps: int = 100
) -> Labels:
    """Return the cluster of each row after Lloyd's algorithm from k-means++ centres.

    It ends when no row changes its cluster. With fewer rows than clusters some stay empty; the
    labels are always below ``num_clusters``.

    Lloyd (1982); Arthur & Vassilvitskii (2007).

    Args:
        rows: Different values.
        weights: How often each stands in the set, 1 or more. Copies given as one row with a weight
            cannot fall into different clusters.
        num_clusters: Number of centres.
        rng: Draws the first centres.
        max_steps: Bound on the number of times that the centres move.
    """
    centres = first_centres(rows, weights, num_clusters, rng)
    labels = nearest(rows, centres)
    weighted = rows * weights[:, None].astype(rows.dtype)
    for _ in range(max_steps):
        order = np.argsort(labels, kind="stable")
        filled, starts = np.unique(labels[order], return_index=True)
        total = np.add.reduceat(weights[order], starts)[:, None].astype(rows.dtype)
        centres[filled] = np.add.reduceat(weighted[order], starts, axis=0) / total
        previous, labels = labels, nearest(rows, centres)
        if np.array_equal(previous, labels):
            break
    return labels


def first_centres(
    rows: Rows, weights: Weights, num_clusters: int, rng: np.random.Generator
) -> Centres:
    """Return rows drawn with a chance in proportion to weight and squared distance to the others.

    The first is drawn by weight alone. There are fewer than asked for if there are fewer rows.
    """
    squares = np.sum(rows**2, axis=1)
    left = weights.astype(np.float64)
    distances = np.full(len(rows), np.inf, dtype=rows.dtype)
    chosen: list[int] = []
    while len(chosen) < num_clusters:
        cumulative = np.cumsum(left if not chosen else left * distances)
        if not cumulative[-1] > 0:
            break
        drawn = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
        chosen.append(min(drawn, len(rows) - 1))
        found = squares - 2 * (rows @ rows[chosen[-1]]) + squares[chosen[-1]]
        np.minimum(distances, np.maximum(found, 0), out=distances)
        left[chosen[-1]] = 0  # whatever rounding says of its distance to itself
    return rows[chosen]


def nearest(rows: Rows, centres: Centres) -> Labels:
    """Return the number of the nearest centre for each row; of several, the first."""
    half = np.sum(centres**2, axis=1) / 2
    return np.concatenate(
        [
            np.argmax(rows[start : start + CHUNK] @ centres.T - half, axis=1)
            for start in range(0, len(rows), CHUNK)
        ]
    )
