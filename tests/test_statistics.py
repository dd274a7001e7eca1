import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from seqgan.bootstrap import hierarchical_interval, resampled_means
from seqgan.statistics import (
    ALPHA,
    benjamini_hochberg,
    cliffs_delta,
    contrast,
    hedges_g,
    holm,
    independent_sets,
    paired_t_test,
    permutation_test,
    power,
    seeds_needed,
    sign_flip_test,
    smallest_p,
    t_interval,
    welch_test,
)

# --- tests over seeds -----------------------------------------------------------------------------


def two_groups(seed: int, n: int = 5, m: int = 4) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 1, n).tolist(), rng.normal(0, 2, m).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_tests_equal_those_of_scipy(seed):
    one, other = two_groups(seed, 5, 5)
    differences = np.subtract(one, other)
    options = {"statistic": lambda x, y: np.mean(x) - np.mean(y), "n_resamples": np.inf}
    whole = stats.permutation_test((one, other), permutation_type="independent", **options)
    pairs = stats.permutation_test((one, other), permutation_type="samples", **options)
    assert permutation_test(one, other) == pytest.approx(whole.pvalue)
    assert sign_flip_test(differences.tolist()) == pytest.approx(pairs.pvalue)
    assert paired_t_test(differences.tolist()) == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert welch_test(*two_groups(seed)) == pytest.approx(
        stats.ttest_ind(*two_groups(seed), equal_var=False).pvalue
    )


def test_exact_tests_by_hand():
    assert sign_flip_test([1.0, 2.0, 3.0]) == 2 / 8 == smallest_p(3)
    assert sign_flip_test([-1.0, 2.0, 3.0]) == 4 / 8
    assert sign_flip_test([0.0, 0.0]) == 1.0
    assert permutation_test([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]) == 2 / 20
    assert permutation_test([1.0, 2.0], [1.0, 2.0]) == 1.0


def test_ties_that_differ_by_rounding_are_ties():
    assert sign_flip_test([0.1, 0.2, -0.3]) == 1.0
    assert permutation_test([0.1 + 0.2, 1.0], [0.3, 1.0]) == 1.0


def test_many_values_are_sampled_and_the_observed_arrangement_counts():
    differences = np.random.default_rng(1).normal(2, 0.1, 30).tolist()
    assert sign_flip_test(differences, np.random.default_rng(2)) == pytest.approx(1 / 200_000)
    one, other = [5.0 + i / 100 for i in range(15)], [i / 100 for i in range(15)]
    assert permutation_test(one, other, np.random.default_rng(2)) == pytest.approx(1 / 200_000)
    near = np.random.default_rng(4).normal(0.3, 1, 24).tolist()
    sampled = sign_flip_test(near, np.random.default_rng(2))
    assert sampled == pytest.approx(paired_t_test(near), abs=0.02)
    for call in (lambda: sign_flip_test(differences), lambda: permutation_test(one, other)):
        with pytest.raises(ValueError, match="too many to enumerate; give rng"):
            call()


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], []])
def test_what_has_no_spread_has_no_test(values):
    if values:
        assert all(math.isnan(end) for end in t_interval(values)[1:])
    assert math.isnan(paired_t_test(values))
    assert math.isnan(welch_test(values, values))
    assert all(math.isnan(each) for each in hedges_g(values, values))
    assert seeds_needed(values) is None


def test_p_values_are_adjusted_as_by_hand():
    given = [0.01, 0.04, math.nan, 0.03, 0.005]
    # Sorted: 0.005 · 4, 0.01 · 3, 0.03 · 2, 0.04 · 1 below the one before.
    expected = [0.03, 0.06, math.nan, 0.06, 0.02]
    assert holm(given) == pytest.approx(expected, nan_ok=True)
    # Sorted: 0.005 · 4/1, 0.01 · 4/2, 0.03 · 4/3, 0.04 · 4/4.
    expected = [0.02, 0.04, math.nan, 0.04, 0.02]
    assert benjamini_hochberg(given) == pytest.approx(expected, nan_ok=True)
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == benjamini_hochberg([]) == []


def test_benjamini_and_hochberg_equal_scipy():
    values = np.random.default_rng(1).random(20) ** 2
    found = benjamini_hochberg(values.tolist())
    assert found == pytest.approx(stats.false_discovery_control(values).tolist())


def test_hedges_g_by_hand_and_its_interval():
    # Means 3 and 2, deviations 1: d = 1, and 1 - 3 / (4 · 4 - 1) = 0.8.
    g, low, high = hedges_g([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    assert g == pytest.approx(0.8)
    # The ends are the effects for which the observed t would be at the edge.
    t = 1 * math.sqrt(3 / 2)
    assert stats.nct.sf(t, 4, low * math.sqrt(3 / 2)) == pytest.approx(0.025)
    assert stats.nct.cdf(t, 4, high * math.sqrt(3 / 2)) == pytest.approx(0.025)
    turned = hedges_g([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert turned == pytest.approx((-g, -high, -low))


def test_cliffs_delta():
    assert cliffs_delta([3.0, 4.0], [1.0, 2.0]) == 1.0
    assert cliffs_delta([1.0, 3.0], [2.0, 2.0]) == 0.0
    assert cliffs_delta([1.0, 1.0], [1.0, 2.0]) == -0.5


def test_power_and_the_seeds_that_it_takes():
    # Of 80% with paired differences of half a deviation: 34 pairs (Cohen, 1988, table 2.4.1).
    assert power(0.5, 34) >= 0.8 > power(0.5, 33)
    differences = [0.5 + 1 / math.sqrt(2), 0.5 - 1 / math.sqrt(2)]  # mean 0.5, deviation 1
    assert seeds_needed(differences) == 34
    assert seeds_needed([100.0, 101.0]) == 6  # what an exact test takes for any p below 0.05
    assert smallest_p(6) < ALPHA < smallest_p(5)
    assert seeds_needed([1.0, -1.0001]) is None
    assert power(9.0, 1) == 0.0
    needs = [power(effect, 10) for effect in (0.1, 0.5, 1.0, 3.0, 30.0, 3000.0)]
    assert all(low <= high for low, high in pairwise(needs))


def test_a_contrast_holds_all_of_them():
    one, other = [1.0, 2.5, 3.0], [0.5, 1.0, 2.0]
    found = contrast(one, other)
    differences = [0.5, 1.5, 1.0]
    assert (found["difference"], found["difference_low"], found["difference_high"]) == (
        t_interval(differences)
    )
    assert found["p_paired"] == paired_t_test(differences)
    assert found["p_permutation"] == 0.25
    assert found["p_welch"] == welch_test(one, other)
    assert found["hedges_g"] == hedges_g(one, other)[0]
    assert found["seeds_needed"] == seeds_needed(differences)
    single = contrast([1.0], [2.0])
    assert single.pop("difference") == -1
    assert all(math.isnan(each) for each in single.values())


def test_the_error_of_a_set_from_its_parts():
    assert independent_sets([1.0, 2.0, 3.0, 4.0]) == pytest.approx(np.sqrt(5 / 3) / 2)


# --- do the intervals hold what they promise ------------------------------------------------------

WORLDS = 4000


def worlds(
    seeds: int, sentences: int, spread: float, *, skewed: bool, rng: np.random.Generator
) -> np.ndarray:
    """Sentences of many worlds, of true mean 0; with a spread of 1 seeds add as much as they."""

    def noise(*shape: int) -> np.ndarray:
        return rng.gamma(16, 1 / 4, shape) - 4 if skewed else rng.normal(size=shape)

    within = np.sqrt(sentences) * noise(seeds, sentences, WORLDS)
    return spread * noise(seeds, 1, WORLDS) + within


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_t_intervals_over_seeds_cover_the_truth(seeds):
    means = worlds(seeds, 10, 1.0, skewed=False, rng=np.random.default_rng(seeds)).mean(axis=1)
    ends = np.array([t_interval(world.tolist())[1:] for world in means.T])
    covered = ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean()
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(("seeds", "effect"), [(3, 0.0), (3, 3.0), (5, 1.0)])
def test_intervals_of_effects_cover_the_truth(seeds, effect):
    rng = np.random.default_rng(seeds)
    worlds = rng.normal([[effect], [0.0]], size=(1500, 2, seeds))
    ends = np.array([hedges_g(one.tolist(), other.tolist())[1:] for one, other in worlds])
    covered = ((ends[:, 0] <= effect) & (effect <= ends[:, 1])).mean()
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("seeds", [1, 3, 5, 10])
@pytest.mark.parametrize("skewed", [False, True])
def test_bootstrapped_intervals_cover_the_truth(seeds, skewed):
    rng = np.random.default_rng(10 * seeds + skewed)
    sentences = 30 if seeds > 1 else 200
    # With one seed nothing is said of others: what it would be with all its sentences is the truth.
    spread = 1.0 if seeds > 1 else 0.0
    values = worlds(seeds, sentences, spread, skewed=skewed, rng=rng)
    weights = np.ones((sentences, WORLDS))
    resampled = [resampled_means(each, weights, rng, 800) for each in values]
    low, high = hierarchical_interval(values.mean(axis=1), resampled, rng)
    covered = ((low <= 0) & (high >= 0)).mean()
    assert 0.93 <= covered <= 0.97


def test_p_values_are_no_smaller_than_they_may_be():
    rng = np.random.default_rng(5)
    pairs = rng.normal(size=(2000, 2, 6))
    for test in (
        lambda a, b: sign_flip_test(list(a - b)),
        lambda a, b: permutation_test(list(a), list(b)),
        lambda a, b: paired_t_test(list(a - b)),
        lambda a, b: welch_test(list(a), list(b)),
    ):
        found = np.array([test(a, b) for a, b in pairs[:800]])
        # Three standard errors of a share of 800.
        assert (found <= 0.05).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 800)
    adjusted = np.array([min(holm(list(row))) for row in rng.random((4000, 7))])
    assert (adjusted <= 0.05).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


# --- resampling -----------------------------------------------------------------------------------


def test_draws_with_replacement_have_the_spread_of_theory():
    rng = np.random.default_rng(1)
    values = rng.normal(3, 2, (500, 1))
    means = resampled_means(values, np.ones_like(values), rng, 4000)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * 2 / math.sqrt(500 * 4000))
    assert means.std() == pytest.approx(values.std() / math.sqrt(500), rel=0.05)


def test_a_score_per_token_divides_by_the_tokens_of_the_same_draw():
    tokens = np.array([[1.0], [10.0], [3.0]])
    found = resampled_means(2.5 * tokens, tokens, np.random.default_rng(1), 50)
    assert found == pytest.approx(np.full((50, 1), 2.5))


def test_scores_of_a_run_see_the_same_draws(monkeypatch):
    values = np.random.default_rng(2).normal(size=(40, 1))
    both = np.concatenate([values, values + 1], axis=1)
    found = resampled_means(both, np.ones_like(both), np.random.default_rng(3), 20)
    assert found[:, 1] - found[:, 0] == pytest.approx(np.ones(20))
    monkeypatch.setattr("seqgan.bootstrap.AT_ONCE", 80)
    again = resampled_means(both, np.ones_like(both), np.random.default_rng(3), 20)
    assert again == pytest.approx(found)


def test_seeds_that_agree_to_the_last_bit_have_no_interval():
    observed = np.array([[1.0, 2.0], [1.0, 3.0]])
    resampled = [np.random.default_rng(i).normal(observed[i], 0.1, (100, 2)) for i in range(2)]
    low, high = hierarchical_interval(observed, resampled, np.random.default_rng(1))
    assert math.isnan(low[0])
    assert low[1] < 2.5 < high[1]
