"""Fréchet distance between two sets of embeddings, and its limit for ever larger sets."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from seqgan.metrics.embeddings import (
    Embeddings,
    References,
    canonical_order,
    check_sizes,
    sign_sets,
)
from seqgan.metrics.score import Score

Mean = Float[np.ndarray, " dim"]
Covariance = Float[np.ndarray, "dim dim"]

FRACTIONS = (0.4, 0.5, 0.65, 0.8, 1.0)
"""Sizes of the subsets of :func:`frechet_infinity`, as shares of the smaller set."""


def gaussian_distance(
    mean: Mean, covariance: Covariance, other_mean: Mean, other_covariance: Covariance
) -> float:
    """Return the squared 2-Wasserstein distance between two Gaussians; not negative.

    ``|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁^½ Σ₂ Σ₁^½)^½)``: Dowson & Landau (1982), equation 4. The roots
    are those of symmetric matrices, so that no complex part arises, as it does in a general
    square root of the product of two singular covariances.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = root @ other_covariance @ root
    # eigvalsh reads one triangle only, and rounding leaves the two apart.
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh((inner + inner.T) / 2), 0)).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * overlap
    return max(0.0, float(np.sum((mean - other_mean) ** 2) + spread))


def frechet_distance(samples: Embeddings, references: References, **settings: str) -> Score:
    """Return the Fréchet distance of Gaussians fitted to two sets; 0 or more, lower is closer.

    Its bias falls like one over the number of sentences and is larger than what sets models apart:
    compare sets of equal size only, and read :func:`frechet_infinity` beside it. Below as many
    sentences as dimensions the covariance is singular, and the bias large.

    Heusel et al. (2017), equation 6; on sentence embeddings Semeniuta et al. (2018).

    Raises:
        ValueError: For fewer than two sentences on a side.
    """
    check_sizes("the Fréchet distance", samples, references, at_least=2)
    return Score(
        "frechet",
        _distance_of_sets(samples, references),
        sign_sets(samples, references, **settings),
    )


def frechet_infinity(
    samples: Embeddings,
    references: References,
    rng: np.random.Generator,
    *,
    draws: int = 4,
    **settings: str,
) -> Score:
    """Return the Fréchet distance extrapolated to sets without end; lower is closer.

    The distance of subsets of N sentences, the same N on both sides, is close to ``a + b / N``;
    this is ``a`` of a straight line through five sizes, fitted by least squares. Around 0, and
    sometimes a little below, for two sets from one distribution.

    Chong & Forsyth (2020), section 3, who hold the reference set fixed; here both sides shrink, so
    that the bias of both is removed.

    Args:
        samples: Embeddings of the generated sentences.
        references: Embeddings of real sentences.
        rng: Draws the subsets, without replacement. The order of rows plays no part.
        draws: Subsets of each size but the largest, whose distances are averaged.
        settings: More of the signature, such as that of the encoder.

    Raises:
        ValueError: For fewer than twice as many sentences as dimensions on a side: the covariances
            of the subsets would be singular and the distance no straight line in 1 / N.
    """
    check_sizes("FD-infinity", samples, references, at_least=max(5, 2 * samples.shape[1]))
    largest = min(len(samples), len(references))
    sizes = [round(fraction * largest) for fraction in FRACTIONS]
    samples = samples[canonical_order(samples)]
    references = references[canonical_order(references)]
    equal = len(samples) == len(references)
    distances = []
    for size in sizes:
        times = 1 if equal and size == largest else draws
        distances.append(
            np.mean(
                [
                    _distance_of_sets(
                        rng.choice(samples, size, replace=False, shuffle=False),
                        rng.choice(references, size, replace=False, shuffle=False),
                    )
                    for _ in range(times)
                ]
            )
        )
    signature = sign_sets(
        samples, references, sizes=",".join(map(str, sizes)), draws=draws, **settings
    )
    return Score("frechet_infinity", intercept(sizes, distances), signature)


def intercept(sizes: Sequence[int], distances: Sequence[float]) -> float:
    """Return ``a`` of the least-squares line ``a + b / N`` through distances of sets of size N."""
    design = np.stack([np.ones(len(sizes)), 1 / np.asarray(sizes, dtype=np.float64)], axis=1)
    solution, *_ = np.linalg.lstsq(design, np.asarray(distances, dtype=np.float64), rcond=None)
    return float(solution[0])


def _distance_of_sets(samples: Embeddings, references: References) -> float:
    left, right = samples.astype(np.float64), references.astype(np.float64)
    return gaussian_distance(*_moments(left), *_moments(right))


def _moments(rows: Embeddings) -> tuple[Mean, Covariance]:
    mean = rows.mean(axis=0)
    centred = rows - mean
    return mean, centred.T @ centred / (len(rows) - 1)
