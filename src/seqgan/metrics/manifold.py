"""Precision, recall, density and coverage: how two sets of embeddings lie among each other."""

import numpy as np
from jaxtyping import Float

from seqgan.metrics.embeddings import Embeddings, References, check_sizes, sign_sets
from seqgan.metrics.score import Score

CHUNK = 1024
"""Rows whose distances are held at a time."""
SAME = 1e-10
"""Squared distance, in units of squared lengths, below which two embeddings are the same.

Encoders compute in 32 bits, so a sentence met in two batches differs in its last digits, and a
ball of radius 0, which duplicates have, would miss its own centre.
"""


def squared_distances(
    rows: Float[np.ndarray, "sentences dim"], columns: Float[np.ndarray, "references dim"]
) -> Float[np.ndarray, "sentences references"]:
    """Return squared Euclidean distances; exactly 0 between what counts as the same embedding."""
    lengths = np.sum(rows**2, axis=1)[:, None] + np.sum(columns**2, axis=1)
    found = lengths - 2 * (rows @ columns.T)
    return np.where(found <= SAME * lengths, 0.0, found)


def neighbour_radii(
    rows: Float[np.ndarray, "sentences dim"], k: int
) -> Float[np.ndarray, " sentences"]:
    """Return for each row the squared distance to its k-th nearest other row.

    The row itself is left out by its place, so a duplicate counts as a neighbour.
    """
    radii = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        found = squared_distances(rows[start : start + CHUNK], rows)
        place = np.arange(len(found))
        found[place, start + place] = np.inf
        radii[start : start + CHUNK] = np.partition(found, k - 1, axis=1)[:, k - 1]
    return radii


def manifold_scores(
    samples: Embeddings, references: References, *, k: int = 5, **settings: str
) -> list[Score]:
    """Return precision, recall, density and coverage by balls around k nearest neighbours.

    A ball around each sentence reaches to its k-th nearest neighbour in its own set.

    - ``precision``: share of samples in the ball of any reference; quality, in [0, 1].
    - ``recall``: share of references in the ball of any sample; diversity, in [0, 1]. Duplicates
      make balls of radius 0, so a collapsed generator is near 0.
    - ``density``: mean number of reference balls around a sample, divided by k; quality, 0 or more,
      1 is expected of real sentences. One outlier with a wide ball does less harm than to
      precision.
    - ``coverage``: share of references whose ball holds a sample; diversity, in [0, 1], of real
      sentences 1 - 2^-k is expected with sets of equal size.

    Higher is better. Precision and recall: Kynkäänniemi et al. (2019), equations 1 and 2. Density
    and coverage: Naeem et al. (2020), equations 3 and 5.

    Raises:
        ValueError: For not more than k sentences on a side.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, but is {k}")
    check_sizes(f"precision and recall with k={k}", samples, references, at_least=k + 1)
    x, y = samples.astype(np.float64), references.astype(np.float64)
    radii_x, radii_y = neighbour_radii(x, k), neighbour_radii(y, k)
    balls_around = np.zeros(len(x), dtype=np.int64)
    recalled, covered = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
    for start in range(0, len(x), CHUNK):
        found = squared_distances(x[start : start + CHUNK], y)
        in_reference_ball = found <= radii_y
        balls_around[start : start + CHUNK] = in_reference_ball.sum(axis=1)
        covered |= in_reference_ball.any(axis=0)
        recalled |= (found <= radii_x[start : start + CHUNK, None]).any(axis=0)
    signature = sign_sets(samples, references, k=k, **settings)
    values = {
        "precision": np.mean(balls_around > 0),
        "recall": np.mean(recalled),
        "density": np.mean(balls_around) / k,
        "coverage": np.mean(covered),
    }
    return [Score(name, float(value), signature) for name, value in values.items()]
