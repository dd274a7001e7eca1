"""Kernel distance: the unbiased squared maximum mean discrepancy between two sets."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqgan.metrics.embeddings import Embeddings, References, check_sizes, sign_sets
from seqgan.metrics.score import Score

CHUNK = 1024
"""Rows whose kernel values are held at a time."""


@dataclass(frozen=True)
class KernelSums:
    """Sums over a matrix of kernel values ``k(x_i, y_j) - 1``, without those of a row with itself.

    Attributes:
        by_row: Mean of each row.
        by_column: Mean of each column.
        mean: Mean of all.
        mean_square: Mean of the squares.
    """

    by_row: Float[np.ndarray, " sentences"]
    by_column: Float[np.ndarray, " references"]
    mean: float
    mean_square: float

    @property
    def interaction(self) -> float:
        """Return the variance that neither the row nor the column alone explains."""
        explained = np.mean(self.by_row**2) + np.mean(self.by_column**2) - self.mean**2
        return max(0.0, float(self.mean_square - explained))


def polynomial_kernel(
    rows: Float[np.ndarray, "sentences dim"], columns: Float[np.ndarray, "references dim"]
) -> Float[np.ndarray, "sentences references"]:
    """Return ``(x·y / dim + 1)³ - 1`` for every pair: Bińkowski et al. (2018), section 4.

    The constant plays no part in the distance; without it the small differences between sentences
    keep their digits.
    """
    u = rows @ columns.T / rows.shape[1]
    return u * (3 + u * (3 + u))


def kernel_distance(samples: Embeddings, references: References, **settings: str) -> Score:
    """Return the unbiased squared MMD with its standard error; around 0 for equal distributions.

    ``mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean_{ij} k(x_i, y_j)`` with the kernel of
    :func:`polynomial_kernel`. Unlike the Fréchet distance it has no bias at any size; a value below
    0 is noise. Lower is closer.

    Gretton et al. (2012), equation 3; as "KID" Bińkowski et al. (2018). The standard error is the
    root of the variance of this U-statistic: its first-order part from the means of rows, its
    second-order part, all that is left when the distributions are equal, from the rest. For equal
    distributions it is up to a quarter too large.

    Raises:
        ValueError: For fewer than two sentences on a side.
    """
    check_sizes("the kernel distance", samples, references, at_least=2)
    x, y = samples.astype(np.float64), references.astype(np.float64)
    within_x, within_y, across = _sums(x, x), _sums(y, y), _sums(x, y)
    value = within_x.mean + within_y.mean - 2 * across.mean
    error = _variance(within_x, within_y, across) ** 0.5
    signature = sign_sets(samples, references, kernel="polynomial-3", **settings)
    return Score("kernel_distance", value, signature, error)


def _variance(within_x: KernelSums, within_y: KernelSums, across: KernelSums) -> float:
    n, m = len(within_x.by_row), len(within_y.by_row)
    second_order = (
        2 * within_x.interaction / (n * (n - 1))
        + 2 * within_y.interaction / (m * (m - 1))
        + 4 * across.interaction / (n * m)
    )
    first_order = (
        4 * np.var(within_x.by_row - across.by_row, ddof=1) / n
        + 4 * np.var(within_y.by_row - across.by_column, ddof=1) / m
    )
    # The mean of a row is itself an estimate, and its noise adds twice the second-order part.
    return float(max(0.0, first_order - 2 * second_order) + second_order)


def _sums(x: Embeddings, y: References) -> KernelSums:
    """Return the sums over all pairs; where both sets are one object, over different rows."""
    same = x is y
    by_row, by_column, squares = np.zeros(len(x)), np.zeros(len(y)), 0.0
    for start in range(0, len(x), CHUNK):
        values = polynomial_kernel(x[start : start + CHUNK], y)
        if same:
            place = np.arange(len(values))
            values[place, start + place] = 0.0
        by_row[start : start + CHUNK] = values.sum(axis=1)
        by_column += values.sum(axis=0)
        squares += float(np.sum(values**2))
    pairs = len(x) * (len(y) - same)
    return KernelSums(
        by_row=by_row / (len(y) - same),
        by_column=by_column / (len(x) - same),
        mean=float(by_row.sum() / pairs),
        mean_square=squares / pairs,
    )
