import itertools
import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from seqgan.metrics import kernel, manifold
from seqgan.metrics.frechet import (
    frechet_distance,
    frechet_infinity,
    gaussian_distance,
    intercept,
)
from seqgan.metrics.kernel import kernel_distance
from seqgan.metrics.manifold import manifold_scores, neighbour_radii
from seqgan.metrics.score import Score

Cloud = np.ndarray


def cloud(seed: int, count: int, dim: int, shift: float = 0.0) -> Cloud:
    return np.random.default_rng(seed).normal(shift, 1, (count, dim))


def of(scores: list[Score]) -> dict[str, float]:
    return {score.name: score.value for score in scores}


# --- Fréchet --------------------------------------------------------------------------------------


def test_the_distance_of_gaussians_by_hand():
    # One dimension: (μ₁ - μ₂)² + (σ₁ - σ₂)². Diagonal covariances: the sum over dimensions.
    first, second = np.array([1.0, 2.0, 0.0]), np.array([4.0, 2.0, 0.0])
    one, other = np.diag([4.0, 1.0, 0.0]), np.diag([9.0, 0.0, 0.0])
    assert gaussian_distance(first, one, second, other) == pytest.approx(9 + 1 + 1, abs=1e-12)
    assert gaussian_distance(first, one, first, one) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 7, 40])
def test_the_distance_of_gaussians_equals_the_root_of_the_product(dim: int):
    rng = np.random.default_rng(dim)
    for _ in range(3):
        means = rng.normal(size=(2, dim))
        one, other = (np.cov(cloud(int(seed), 3 * dim + 2, dim).T).reshape(dim, dim)
                      for seed in rng.integers(1000, size=2))  # fmt: skip
        trusted = (
            np.sum((means[0] - means[1]) ** 2) + np.trace(one + other - 2 * sqrtm(one @ other)).real
        )
        found = gaussian_distance(means[0], one, means[1], other)
        assert found == pytest.approx(trusted, abs=1e-5)
        assert found == pytest.approx(gaussian_distance(means[1], other, means[0], one), abs=1e-9)


def test_singular_covariances_have_a_distance():
    # Both in a plane of their own: no covariance in common, so the spreads add up.
    left, right = np.zeros((4, 6)), np.zeros((4, 6))
    left[:, 0], right[:, 5] = [1, -1, 1, -1], [2, 2, -2, -2]
    found = frechet_distance(left, right)
    assert found.value == pytest.approx(4 / 3 + 16 / 3, abs=1e-9)


def test_frechet_of_sets_is_that_of_their_moments():
    left, right = cloud(1, 50, 5), cloud(2, 80, 5, shift=0.5)
    found = frechet_distance(left, right, encoder="toy")
    moments = [value for rows in (left, right) for value in (rows.mean(axis=0), np.cov(rows.T))]
    assert found.name == "frechet"
    assert found.value == pytest.approx(gaussian_distance(*moments), abs=1e-12)
    assert found.signature == "samples:50|references:80|encoder:toy"
    assert found.standard_error is None
    assert frechet_distance(left[::-1], right[::-1]).value == pytest.approx(found.value, abs=1e-12)
    assert frechet_distance(left, left[::-1]).value == pytest.approx(0, abs=1e-9)


def test_the_line_through_distances_is_read_where_sets_are_endless():
    sizes = [100, 200, 300, 700]
    assert intercept(sizes, [3 + 50 / size for size in sizes]) == pytest.approx(3, abs=1e-9)
    # Least squares by hand: 1/N = 1, 1/2, 1/2 and distances 2, 1, 0 give a slope of 3.
    assert intercept([1, 2, 2], [2.0, 1.0, 0.0]) == pytest.approx(-1, abs=1e-9)


def test_frechet_at_infinity_is_free_of_the_bias_of_its_sets():
    found, plain = [], []
    for seed in range(8):
        left, right = cloud(seed, 400, 16), cloud(100 + seed, 400, 16)
        found.append(frechet_infinity(left, right, np.random.default_rng(seed)).value)
        plain.append(frechet_distance(left, right).value)
    assert np.mean(plain) > 0.3  # the truth is 0
    assert abs(np.mean(found)) < 0.05
    shifted = frechet_infinity(
        cloud(1, 400, 16, shift=0.5), cloud(2, 400, 16), np.random.default_rng(1)
    )
    assert shifted.value == pytest.approx(16 * 0.25, rel=0.1)


def test_frechet_at_infinity_depends_on_sets_and_stream_alone():
    left, right = cloud(1, 60, 4), cloud(2, 90, 4, shift=1)
    found = frechet_infinity(left, right, np.random.default_rng(7), encoder="toy")
    again = frechet_infinity(left[::-1], np.roll(right, 5, axis=0), np.random.default_rng(7))
    assert again.value == found.value
    other = frechet_infinity(left, right, np.random.default_rng(8))
    assert other.value != found.value
    assert found.name == "frechet_infinity"
    assert found.signature == ("samples:60|references:90|sizes:24,30,39,48,60|draws:4|encoder:toy")


def test_frechet_at_infinity_draws_the_same_number_on_both_sides(monkeypatch: pytest.MonkeyPatch):
    """With a reference set left whole, its own bias would stay."""
    seen: list[tuple[int, int]] = []

    def watched(samples: Cloud, references: Cloud) -> float:
        assert len(np.unique(samples, axis=0)) == len(samples)  # no sentence twice
        seen.append((len(samples), len(references)))
        return 0.0

    monkeypatch.setattr("seqgan.metrics.frechet._distance_of_sets", watched)
    frechet_infinity(cloud(1, 20, 2), cloud(2, 30, 2), np.random.default_rng(0), draws=3)
    assert seen == [(size, size) for size in (8, 10, 13, 16, 20) for _ in range(3)]
    seen.clear()
    frechet_infinity(cloud(1, 20, 2), cloud(2, 20, 2), np.random.default_rng(0), draws=3)
    assert seen.count((20, 20)) == 1  # there is one largest subset only


def test_frechet_needs_sentences():
    rows = cloud(1, 31, 16)
    with pytest.raises(ValueError, match=r"^the Fréchet distance needs at least 2 sentences on "
                       r"each side, but the samples are 1$"):  # fmt: skip
        frechet_distance(rows[:1], rows)
    with pytest.raises(ValueError, match=r"^FD-infinity needs at least 32 .* references are 31$"):
        frechet_infinity(cloud(2, 40, 16), rows, np.random.default_rng(0))


def test_an_embedding_that_is_no_number_is_refused():
    rows = cloud(1, 30, 2)
    rows[3, 1] = math.nan
    with pytest.raises(ValueError, match="an embedding of the references is not finite"):
        frechet_distance(cloud(2, 30, 2), rows)


# --- kernel distance ------------------------------------------------------------------------------


def naive_mmd(x: Cloud, y: Cloud) -> float:
    def k(a: Cloud, b: Cloud) -> float:
        return float(a @ b / len(a) + 1) ** 3

    within = [
        sum(k(a, b) for a, b in itertools.permutations(rows, 2)) / (len(rows) * (len(rows) - 1))
        for rows in (x, y)
    ]
    across = sum(k(a, b) for a, b in itertools.product(x, y)) / (len(x) * len(y))
    return within[0] + within[1] - 2 * across


@pytest.mark.parametrize("chunk", [3, 1024])
@pytest.mark.parametrize("sizes", [(2, 2), (9, 9), (7, 12), (12, 7)])
def test_the_kernel_distance_equals_loops_over_pairs(
    sizes: tuple[int, int], chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kernel, "CHUNK", chunk)
    x, y = cloud(1, sizes[0], 4), cloud(2, sizes[1], 4, shift=0.3)
    found = kernel_distance(x, y, encoder="toy")
    assert found.name == "kernel_distance"
    assert found.value == pytest.approx(naive_mmd(x, y), abs=1e-12)
    assert kernel_distance(x[::-1], y[::-1]).value == pytest.approx(found.value, abs=1e-12)
    assert found.signature == (
        f"samples:{sizes[0]}|references:{sizes[1]}|kernel:polynomial-3|encoder:toy"
    )


def test_a_set_has_no_kernel_distance_to_itself_but_its_bias():
    """The same object on both sides is two sets that happen to be equal, not one set."""
    x = cloud(1, 9, 4)
    assert kernel_distance(x, x).value == pytest.approx(naive_mmd(x, x), abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("sizes", [(30, 30), (20, 60)])
def test_the_kernel_distance_is_unbiased_and_knows_its_error(shift: float, sizes: tuple[int, int]):
    scores = [
        kernel_distance(cloud(seed, sizes[0], 3, shift), cloud(5000 + seed, sizes[1], 3))
        for seed in range(400)
    ]
    values = np.array([score.value for score in scores])
    errors = np.array([score.standard_error for score in scores])
    far = [kernel_distance(cloud(1, 3000, 3, shift), cloud(2, 3000, 3)).value]
    truth = 0.0 if not shift else far[0]
    assert abs(values.mean() - truth) < 4 * values.std() / 20 + 0.02 * truth + 0.003 * (shift > 0)
    # On the safe side where the distributions are equal: no variance is estimated below zero.
    assert 0.9 < np.sqrt(np.mean(errors**2)) / values.std(ddof=1) < 1.3


def test_the_variance_of_the_kernel_distance_by_hand():
    def sums(rows: list[float], columns: list[float], mean_square: float) -> kernel.KernelSums:
        return kernel.KernelSums(np.array(rows), np.array(columns), 0.0, float(mean_square))

    flat = [0.0] * 3, [0.0] * 4
    second_order = 2 * 5 / (3 * 2) + 2 * 7 / (4 * 3) + 4 * 11 / (3 * 4)
    only = sums(flat[0], flat[0], 5), sums(flat[1], flat[1], 7), sums(*flat, 11)
    assert kernel._variance(*only) == pytest.approx(second_order)
    # Rows that differ: their variance, 4 · var / n each, less the noise of their own means.
    rows, columns = [-30.0, 0.0, 30.0], [-20.0, 20.0, 20.0, -20.0]
    more = sums(rows, rows, 1205), sums(columns, columns, 807), sums(*flat, 11)
    first_order = 4 * 900 / 3 + 4 * (1600 / 3) / 4
    assert kernel._variance(*more) == pytest.approx(first_order - second_order)


def test_small_differences_keep_their_digits():
    x, y = 1e-4 * cloud(1, 40, 8), 1e-4 * cloud(2, 40, 8)
    # For so short vectors the kernel is linear: three times the distance of the means per dim.
    means = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    bias = (x.var(axis=0, ddof=1).sum() + y.var(axis=0, ddof=1).sum()) / 40
    assert kernel_distance(x, y).value == pytest.approx(3 * (means - bias) / 8, rel=1e-3)


def test_the_kernel_distance_needs_two_sentences():
    with pytest.raises(ValueError, match=r"^the kernel distance needs at least 2 sentences"):
        kernel_distance(cloud(1, 5, 2), cloud(2, 1, 2))


# --- precision, recall, density, coverage ---------------------------------------------------------


def naive_manifold(x: Cloud, y: Cloud, k: int) -> dict[str, float]:
    def radius(rows: Cloud, i: int) -> float:
        others = [math.dist(rows[i], rows[j]) for j in range(len(rows)) if j != i]
        return sorted(others)[k - 1]

    of_x = [radius(x, i) for i in range(len(x))]
    of_y = [radius(y, j) for j in range(len(y))]
    distance = [[math.dist(a, b) for b in y] for a in x]
    n, m = range(len(x)), range(len(y))
    return {
        "precision": sum(any(distance[i][j] <= of_y[j] for j in m) for i in n) / len(x),
        "recall": sum(any(distance[i][j] <= of_x[i] for i in n) for j in m) / len(y),
        "density": sum(distance[i][j] <= of_y[j] for i in n for j in m) / (k * len(x)),
        "coverage": sum(any(distance[i][j] <= of_y[j] for i in n) for j in m) / len(y),
    }


@pytest.mark.parametrize("chunk", [4, 1024])
@pytest.mark.parametrize(("k", "sizes"), [(1, (6, 6)), (3, (15, 10)), (5, (10, 21))])
def test_manifold_scores_equal_loops_over_pairs(
    k: int, sizes: tuple[int, int], chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(manifold, "CHUNK", chunk)
    for seed in range(5):
        x, y = cloud(seed, sizes[0], 2), cloud(50 + seed, sizes[1], 2, shift=0.5)
        found = of(manifold_scores(x, y, k=k))
        assert found == pytest.approx(naive_manifold(x, y, k))
        assert of(manifold_scores(x[::-1], y[::-1], k=k)) == found


def test_manifold_scores_of_toy_clouds():
    x = cloud(1, 60, 3)
    same = manifold_scores(x, x.copy(), k=3, encoder="toy")
    names = ["precision", "recall", "density", "coverage"]
    assert [score.name for score in same] == names
    assert of(same)["precision"] == of(same)["recall"] == of(same)["coverage"] == 1
    assert same[0].signature == "samples:60|references:60|k:3|encoder:toy"
    assert of(manifold_scores(x, x + 100)) == dict.fromkeys(names, 0.0)
    collapsed = of(manifold_scores(np.repeat(x[:1], 60, axis=0), x))
    assert collapsed["precision"] == 1
    assert collapsed["recall"] == pytest.approx(1 / 60)  # the one sentence that was copied
    wide = of(manifold_scores(5 * cloud(2, 60, 3), x))
    assert wide["recall"] > 0.9 > 0.5 > wide["precision"]


def test_manifold_scores_of_equal_distributions_are_what_theory_says():
    found = of(manifold_scores(cloud(1, 1500, 8), cloud(2, 1500, 8)))
    assert found["density"] == pytest.approx(1, abs=0.05)
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)


def test_an_outlier_among_references_inflates_precision_more_than_density():
    references = cloud(1, 100, 2)
    references[0] = [60.0, 60.0]
    far = cloud(2, 100, 2, shift=20.0)
    found = of(manifold_scores(far, references, k=5))
    assert found["precision"] == 1
    assert found["density"] == pytest.approx(1 / 5)


def test_copies_of_a_long_embedding_lie_in_a_ball_without_radius():
    """Rounding must not push a copy out of a ball of radius 0, nor apart what 32 bits blur."""
    rows = np.repeat(cloud(1, 4, 384) * 1e3, 6, axis=0)
    assert neighbour_radii(rows, 5).tolist() == [0.0] * 24
    blurred = rows + np.random.default_rng(2).normal(0, 1e-6, rows.shape) * 1e3
    found = of(manifold_scores(blurred, rows, k=5))
    assert found["precision"] == found["recall"] == found["density"] / (6 / 5) == 1
    near = rows + 1e-3 * 1e3 * cloud(3, 1, 384)
    assert of(manifold_scores(near, rows, k=5))["precision"] == 0


def test_manifold_scores_need_more_sentences_than_neighbours():
    with pytest.raises(ValueError, match=r"^precision and recall with k=5 needs at least 6 "):
        manifold_scores(cloud(1, 5, 2), cloud(2, 9, 2))
    with pytest.raises(ValueError, match=r"^k must be at least 1, but is 0$"):
        manifold_scores(cloud(1, 5, 2), cloud(2, 9, 2), k=0)
