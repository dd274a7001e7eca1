import math

import numpy as np
import pytest

from seqgan.fronts import Plane, compare, diversity_at, front, hypervolume, planes

PLANE = Plane("likelihood", "nll_oracle", "nll_test", (1, 1))


def test_the_front_keeps_what_nothing_beats():
    costs = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0], [2.0, 2.5], [3.0, 3.0], [1.0, 4.0]])
    assert front(costs).tolist() == [[1, 3], [2, 2], [3, 1]]
    assert front(np.zeros((0, 2))).shape == (0, 2)


def test_the_area_that_points_dominate():
    costs = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
    assert hypervolume(costs, (4.0, 4.0)) == 3 * 1 + 2 * 1 + 1 * 1
    assert hypervolume(costs, (2.5, 4.0)) == 1.5 * 1 + 0.5 * 1  # one point is beyond the corner
    assert hypervolume(costs, (1.0, 1.0)) == 0
    assert hypervolume(costs[:0], (1.0, 1.0)) == 0


def test_the_area_equals_that_counted_on_a_grid():
    rng = np.random.default_rng(1)
    for _ in range(20):
        costs = rng.integers(0, 12, size=(6, 2)).astype(float)
        cells = [any(x <= i and y <= j for x, y in costs) for i in range(10) for j in range(10)]
        assert hypervolume(costs, (10.0, 10.0)) == sum(cells)


def test_diversity_lies_on_lines_between_points():
    costs = np.array([[1.0, 3.0], [3.0, 1.0]])
    assert diversity_at(costs, 2.0) == 2.0
    assert diversity_at(costs, 1.0) == 3.0
    assert math.isnan(diversity_at(costs, 0.9))
    assert math.isnan(diversity_at(costs, 3.1))
    assert math.isnan(diversity_at(costs[:0], 1.0))


def curve(offset: float, tilt: float = 0.0) -> np.ndarray:
    x = np.linspace(1, 3, 7)
    return np.stack([x, 4 - x + offset + tilt * (x - 2)], axis=1)


def seeds(offset: float, tilt: float = 0.0, noise: float = 0.01) -> dict[int, np.ndarray]:
    return {seed: curve(offset + noise * (seed - 2), tilt) for seed in (1, 2, 3)}


BASELINE = {seed: curve(0.0) for seed in (1, 2, 3)}


@pytest.mark.parametrize(
    ("method", "verdict"),
    [
        (seeds(-0.5), "outside"),
        (seeds(0.5), "inside"),
        (seeds(0.0, tilt=0.4), "crosses"),
        (seeds(0.0), "open"),
        (seeds(-0.5, noise=1.0), "open"),
        ({1: curve(-0.5)}, "unknown"),
        ({seed: curve(0.0) + np.array([9.0, 0.0]) for seed in (1, 2, 3)}, "apart"),
        ({7: curve(0.0)}, "apart"),
        ({seed: curve(-0.5)[:3] for seed in (1, 2, 3)}, "open"),  # too little of the range
    ],
)
def test_where_one_curve_lies_to_another(method, verdict):
    assert compare(PLANE, method, BASELINE).verdict == verdict


def test_temperatures_that_others_beat_do_not_count_for_the_range():
    """Hot samples are worse in both scores; they make a curve longer, not what is to be shared."""
    hot = np.array([[5.0, 3.0], [9.0, 5.0]])
    baseline = {seed: np.concatenate([costs, hot]) for seed, costs in BASELINE.items()}
    assert compare(PLANE, seeds(-0.5), baseline).verdict == "outside"
    third = {seed: costs[:3] for seed, costs in seeds(-0.5).items()}
    assert compare(PLANE, third, baseline).verdict == "open"


def test_better_at_one_level_alone_is_no_claim():
    method = seeds(-0.5, tilt=0.6)  # not told apart where quality is worst
    method = {seed: costs + np.array([0, 0.02 * (seed - 2)]) for seed, costs in method.items()}
    found = compare(PLANE, method, BASELINE)
    assert found.gaps[0][1] > 0
    assert found.verdict != "outside"


def test_gaps_are_what_the_method_is_better_by():
    found = compare(PLANE, seeds(-0.5), BASELINE)
    assert [gap for gap, _, _ in found.gaps] == pytest.approx([0.5] * len(found.levels))
    assert (found.levels[0], found.levels[-1]) == (1, 3)
    upside_down = Plane("overlap", "bleu_5", "self_bleu_5", (-1, 1))
    assert compare(upside_down, seeds(-0.5), BASELINE).levels[0] == -1


def test_planes_turn_scores_into_costs():
    found = {plane.name: plane for plane in planes(["bleu_5", "self_bleu_5", "precision"], 5)}
    assert list(found) == ["overlap"]
    points = [{"bleu_5": 0.4, "self_bleu_5": 0.7}, {"bleu_5": 0.4}]
    assert found["overlap"].costs(points).tolist() == [[-0.4, 0.7]]
    names = ["nll_oracle", "nll_test", "lm_score", "reverse_lm_score", "precision", "recall"]
    assert [plane.name for plane in planes(names, 5)] == [
        "likelihood", "language_model", "manifold",
    ]  # fmt: skip
