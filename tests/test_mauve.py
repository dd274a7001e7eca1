import math

import numpy as np
import pytest

from seqgan.metrics import clustering
from seqgan.metrics.clustering import first_centres, k_means, nearest
from seqgan.metrics.mauve import (
    area_under_curve,
    divergence_curve,
    frontier_integral,
    kl_divergence,
    mauve_scores,
    principal_components,
    smoothed,
)
from seqgan.metrics.score import Score

NAMES = ["mauve", "mauve_star", "frontier_integral", "frontier_integral_star"]


def cloud(seed: int, count: int, dim: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, dim))


def of(scores: list[Score]) -> dict[str, float]:
    return {score.name: score.value for score in scores}


def shares(counts: list[int]) -> np.ndarray:
    return np.array(counts) / sum(counts)


def area(p: np.ndarray, q: np.ndarray) -> float:
    return area_under_curve(divergence_curve(p, q))


# --- curve, area, integral ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "q", "mauve", "integral"),
    [
        # What the authors' own program (0.4.0) returns for these histograms.
        ([4, 3, 2, 1], [1, 2, 3, 4], 0.6538536633533254, 0.14376337397156547),
        ([5, 0, 3], [0, 5, 3], 0.043248595083797234, 0.625),
        ([1, 1], [1, 3], 0.941004347338902, 0.04522874755778078),
        ([7, 2, 0, 1], [2, 2, 4, 2], 0.27319360042405316, 0.3105969327093079),
        ([1, 0], [0, 1], 0.0040720962619612555, 1.0),
        ([10, 20, 30, 40, 0, 0], [0, 0, 40, 30, 20, 10], 0.2795228947234589, 0.30956302611572545),
    ],
)
def test_mauve_and_the_integral_equal_published_software(
    p: list[int], q: list[int], mauve: float, integral: float
):
    assert area(shares(p), shares(q)) == pytest.approx(mauve, abs=1e-12)
    assert area(shares(q), shares(p)) == pytest.approx(mauve, abs=1e-12)  # symmetric
    assert frontier_integral(shares(p), shares(q)) == pytest.approx(integral, abs=1e-12)
    assert frontier_integral(shares(q), shares(p)) == pytest.approx(integral, abs=1e-12)


def test_kl_divergence_by_hand():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])
    assert kl_divergence(p, q) == pytest.approx(0.5 * math.log(2))
    assert kl_divergence(q, p) == math.inf
    assert kl_divergence(p, p) == 0


def test_the_curve_by_hand():
    p, q = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    curve = divergence_curve(p, q)
    assert curve.shape == (27, 2)
    assert curve[0].tolist() == [1, 0]
    assert curve[-1].tolist() == [0, 1]
    middle = np.array([0.75, 0.25])  # the thirteenth of 25 weights is a half
    assert curve[13, 0] == pytest.approx(math.exp(-5 * math.log(1 / 0.75)))
    half = 0.5 * math.log(0.5 / middle[0]) + 0.5 * math.log(0.5 / middle[1])
    assert curve[13, 1] == pytest.approx(math.exp(-5 * half))
    assert (np.diff(curve[:, 0]) <= 0).all()
    assert (np.diff(curve[:, 1]) >= 0).all()


def test_the_area_by_hand():
    assert area_under_curve(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(0.5)
    assert area_under_curve(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])) == pytest.approx(1)
    assert area_under_curve(np.array([[1.0, 0.0], [0.5, 0.25], [0.0, 1.0]])) == pytest.approx(
        0.5 * 0.125 + 0.5 * 0.625
    )


def test_mauve_of_disjoint_histograms_is_the_area_under_its_curve():
    # KL(q ‖ r) = -log(1 - w), KL(p ‖ r) = -log w: the curve is ((1 - w)^5, w^5), whose area is
    # 5 ∫ w^5 (1 - w)^4 dw = 5 · 5! 4! / 10! = 1 / 252, a little more by trapezoids.
    found = area(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert 1 / 252 < found < 1.03 / 252


def test_the_integral_equals_a_sum_over_weights():
    rng = np.random.default_rng(1)
    for _ in range(5):
        p, q = rng.dirichlet(np.ones(6), 2)
        p[0] += p[1]
        p[1] = 0
        weights = (np.arange(20000) + 0.5) / 20000
        slow = np.mean(
            [
                2 * (w * kl_divergence(p, w * p + (1 - w) * q)
                     + (1 - w) * kl_divergence(q, w * p + (1 - w) * q))
                for w in weights[::10]
            ]
        )  # fmt: skip
        assert frontier_integral(p, q) == pytest.approx(slow, abs=1e-4)
    near = shares([3, 2, 1]) + np.array([1e-9, -1e-9, 0])
    assert frontier_integral(shares([3, 2, 1]), near) == pytest.approx(0, abs=1e-12)


def test_equal_histograms_are_one_and_zero_and_more_difference_is_worse():
    p, q = shares([5, 3, 1, 0]), shares([1, 1, 4, 4])
    assert area(p, p) == pytest.approx(1, abs=1e-12)
    assert frontier_integral(p, p) == 0
    mixed = [(1 - t) * p + t * q for t in np.linspace(0, 1, 9)]
    areas = [area(p, each) for each in mixed]
    integrals = [frontier_integral(p, each) for each in mixed]
    assert (np.diff(areas) < 0).all()
    assert (np.diff(integrals) > 0).all()


def test_smoothing_adds_half_a_count():
    assert smoothed(np.array([3, 0, 1])).tolist() == pytest.approx(
        [3.5 / 5.5, 0.5 / 5.5, 1.5 / 5.5]
    )


# --- k-means and principal components -------------------------------------------------------------


def test_nearest_centres_by_hand():
    rows = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 9.0], [1.5, 0.0]])
    centres = np.array([[0.0, 1.0], [3.0, 1.0], [0.0, 8.0]])
    assert nearest(rows, centres).tolist() == [0, 1, 2, 0]  # of two, the first


@pytest.mark.parametrize("chunk", [7, 2048])
def test_k_means_finds_clusters_and_stays_where_no_centre_moves(
    chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clustering, "CHUNK", chunk)
    truth = np.repeat(np.arange(4), 25)
    rows = cloud(1, 100, 3) + 50 * np.eye(4, 3)[truth]
    weights = np.random.default_rng(1).integers(1, 4, 100)
    labels = k_means(rows, weights, 4, np.random.default_rng(3))
    assert len({(int(label), int(true)) for label, true in zip(labels, truth, strict=True)}) == 4
    centres = np.stack([np.average(rows[labels == i], axis=0, weights=weights[labels == i])
                        for i in range(4)])  # fmt: skip
    assert (nearest(rows, centres) == labels).all()


def test_k_means_counts_a_weight_as_copies():
    rows, weights = cloud(2, 30, 2), np.random.default_rng(2).integers(1, 5, 30)
    start = rows[[3, 11, 20, 28]]

    def run(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clustering, "first_centres", lambda *_: start.copy())
            return k_means(rows, weights, 4, np.random.default_rng(0))

    once = run(rows, weights)
    copies = run(np.repeat(rows, weights, axis=0), np.ones(weights.sum(), dtype=np.int64))
    assert np.repeat(once, weights).tolist() == copies.tolist()
    unweighted = run(rows, np.ones(30, dtype=np.int64))
    assert unweighted.tolist() != once.tolist()


def test_k_means_with_fewer_rows_than_clusters_gives_each_its_own():
    rows = np.array([[0.0], [1.0], [5.0]])
    labels = k_means(rows, np.array([1, 2, 3]), 10, np.random.default_rng(0))
    assert sorted(labels.tolist()) == [0, 1, 2]


def test_first_centres_are_drawn_by_weight_and_squared_distance():
    rows, weights = np.array([[0.0], [1.0], [3.0]]), np.array([2, 9, 1])
    rng = np.random.default_rng(0)
    drawn = [tuple(first_centres(rows, weights, 2, rng)[:, 0].tolist()) for _ in range(6000)]
    for i, start in enumerate((0.0, 1.0, 3.0)):
        share = np.mean([pair[0] == start for pair in drawn])
        assert share == pytest.approx(weights[i] / 12, abs=0.02)
    then = [pair[1] for pair in drawn if pair[0] == 0.0]
    assert np.mean([each == 3.0 for each in then]) == pytest.approx(9 / (9 + 9), abs=0.05)
    assert all(len(set(pair)) == 2 for pair in drawn)


def test_no_row_is_a_first_centre_twice_whatever_the_rounding():
    for seed in range(20):
        rows = (1e3 * cloud(seed, 3, 50)).astype(np.float32)
        found = first_centres(rows, np.ones(3, dtype=np.int64), 9, np.random.default_rng(seed))
        assert len(found) == 3


def test_principal_components_keep_nine_tenths_of_the_variance():
    rows = cloud(1, 300, 6) * [9, 3, 1, 0.5, 0.2, 0.1] + 1
    weights = np.ones(300, dtype=np.int64)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    kept = principal_components(rows, weights)
    share = np.sum(kept**2) / variances.sum()
    assert share >= 0.9 > (variances[: kept.shape[1] - 1].sum() / variances.sum())
    assert share == pytest.approx(variances[: kept.shape[1]].sum() / variances.sum())


def test_principal_components_count_a_weight_as_copies():
    rows, weights = cloud(1, 20, 4), np.random.default_rng(1).integers(1, 9, 20)
    once = principal_components(rows, weights)
    copies = principal_components(
        np.repeat(rows, weights, axis=0), np.ones(weights.sum(), dtype=np.int64)
    )
    np.testing.assert_allclose(np.abs(np.repeat(once, weights, axis=0)), np.abs(copies), atol=1e-9)


# --- whole sets -----------------------------------------------------------------------------------


def test_mauve_of_one_distribution_is_near_one_and_of_two_far_from_it():
    left, right = cloud(1, 600, 8, shift=0.5), cloud(2, 600, 8, shift=0.5)
    same = mauve_scores(left, right, np.random.default_rng(0), encoder="toy")
    assert [score.name for score in same] == NAMES
    assert of(same)["mauve"] >= 0.9
    assert of(same)["mauve_star"] > of(same)["mauve"]
    assert of(same)["frontier_integral"] < 0.1
    assert same[0].signature == (
        "samples:600|references:600|clusters:60|c:5.0|points:25|variance:0.9|clusterings:5"
        "|encoder:toy"
    )
    assert same[0].standard_error is None
    apart = of(mauve_scores(left, -right, np.random.default_rng(0)))
    assert apart["mauve"] < 0.3 * of(same)["mauve"]
    assert apart["frontier_integral"] > 0.3
    opposite = of(mauve_scores(left + 50, -right - 50, np.random.default_rng(0)))
    assert opposite["mauve"] == pytest.approx(1 / 252, rel=0.03)
    assert opposite["frontier_integral"] == pytest.approx(1)
    assert opposite["frontier_integral_star"] < 1


def test_mauve_of_a_set_and_itself_is_one_also_with_many_copies():
    rows = np.repeat(cloud(1, 30, 5), 20, axis=0)  # fewer different rows than clusters
    found = of(mauve_scores(rows, rows.copy(), np.random.default_rng(0)))
    assert found == pytest.approx(dict(zip(NAMES, [1, 1, 0, 0], strict=True)), abs=1e-9)


def test_mauve_sees_a_collapsed_set():
    references = cloud(1, 400, 5)
    found = of(mauve_scores(np.repeat(references[:4], 100, axis=0), references,
                            np.random.default_rng(0)))  # fmt: skip
    assert found["mauve"] < 0.2
    assert found["frontier_integral"] > 0.5


def test_mauve_looks_at_directions_and_not_at_lengths():
    left, right = cloud(1, 100, 5), cloud(2, 100, 5)
    scales = np.random.default_rng(3).integers(1, 4, (100, 1)) * 1.0
    found = mauve_scores(left, right, np.random.default_rng(0))
    doubled = mauve_scores(left * 2**scales, right, np.random.default_rng(0), num_clusters=10)
    assert of(doubled)["mauve"] == pytest.approx(of(found)["mauve"], abs=0.1)
    stretched = cloud(1, 100, 5) + 3
    grown = stretched * 64.0
    same = of(mauve_scores(stretched, grown, np.random.default_rng(0)))
    assert same["mauve"] > 0.99


def test_mauve_depends_on_sets_and_stream_alone():
    left, right = cloud(1, 90, 5), cloud(2, 120, 5, shift=0.3)
    found = of(mauve_scores(left, right, np.random.default_rng(4)))
    again = of(mauve_scores(left[::-1], np.roll(right, 7, axis=0), np.random.default_rng(4)))
    assert again == found
    assert of(mauve_scores(left, right, np.random.default_rng(5))) != found


def test_mauve_averages_over_clusterings():
    left, right = cloud(1, 60, 5), cloud(2, 60, 5)
    each = [
        of(mauve_scores(left, right, stream, clusterings=1))["mauve"]
        for stream in _parents(np.random.default_rng(9), 4)
    ]
    assert len(set(each)) > 1
    found = of(mauve_scores(left, right, np.random.default_rng(9), clusterings=4))["mauve"]
    assert found == pytest.approx(np.mean(each))


def _parents(rng: np.random.Generator, count: int) -> list[np.random.Generator]:
    """Return generators whose first child is each child of the given one."""

    class Parent(np.random.Generator):
        def spawn(self, n_children: int) -> list[np.random.Generator]:
            return [self.child][:n_children]

    found = []
    for child in rng.spawn(count):
        parent = Parent(np.random.PCG64(0))
        parent.child = child
        found.append(parent)
    return found


def test_mauve_needs_sentences_and_clusterings():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"^MAUVE needs at least 20 sentences on each side"):
        mauve_scores(cloud(1, 19, 3), cloud(2, 40, 3), rng)
    with pytest.raises(ValueError, match=r"^MAUVE needs at least one clustering, .* 0$"):
        mauve_scores(cloud(1, 20, 3), cloud(2, 40, 3), rng, clusterings=0)
