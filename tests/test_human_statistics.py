import itertools
import math

import numpy as np
import pytest
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import interval_distance
from scipy import optimize, stats

from seqgan.errors import UserError
from seqgan.human.agreement import (
    bootstrap_alpha,
    cohen_kappa,
    fleiss_kappa,
    interpretation,
    krippendorff_alpha,
    pairwise_kappas,
)
from seqgan.human.inference import (
    cluster_bootstrap,
    percentile_interval,
    permutation_test,
    wilson_interval,
)
from seqgan.human.preferences import (
    ELO,
    RIDGE,
    bootstrap_strengths,
    bradley_terry,
    components,
)

NAN = math.nan
# Krippendorff (2011), section C: four coders, twelve units, missing data.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
LEVELS = ("nominal", "ordinal", "interval")


def random_ratings(rng: np.random.Generator, raters: int, items: int) -> np.ndarray:
    truth = rng.integers(1, 6, items)
    ratings = np.clip(truth + rng.integers(-1, 2, (raters, items)), 1, 5).astype(float)
    ratings[rng.random((raters, items)) < 0.2] = NAN
    return ratings


# --- agreement ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "value"),
    [
        ("nominal", 0.743421052631579),
        ("ordinal", 0.8153875037548814),
        ("interval", 0.8491071428571428),
    ],
)
def test_alpha_equals_krippendorffs_published_example(level, value):
    assert krippendorff_alpha(PUBLISHED, level) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_equals_nltk(seed: int):
    ratings = random_ratings(np.random.default_rng(seed), 4, 15)
    data = [
        (rater, item, int(value))
        for (rater, item), value in np.ndenumerate(ratings)
        if not np.isnan(value) and (~np.isnan(ratings[:, item])).sum() > 1
    ]
    nominal, interval = AnnotationTask(data), AnnotationTask(data, interval_distance)
    assert krippendorff_alpha(ratings, "nominal") == pytest.approx(nominal.alpha(), abs=1e-12)
    assert krippendorff_alpha(ratings, "interval") == pytest.approx(interval.alpha(), abs=1e-12)


def alpha_by_definition(ratings: np.ndarray) -> float:
    """Return ordinal alpha by loops over pairs of ratings."""
    units = [column[~np.isnan(column)] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    every = np.concatenate(units)

    def distance(one: float, other: float) -> float:
        low, high = sorted([one, other])
        between = sum((every == value).sum() for value in np.unique(every) if low <= value <= high)
        return float(between - ((every == one).sum() + (every == other).sum()) / 2) ** 2

    observed = sum(
        sum(distance(a, b) for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1)
        for unit in units
    ) / len(every)
    pairs = itertools.permutations(every, 2)
    expected = sum(distance(a, b) for a, b in pairs) / (len(every) * (len(every) - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(4))
def test_ordinal_alpha_equals_its_definition(seed: int):
    ratings = random_ratings(np.random.default_rng(seed), 3, 9)
    found = krippendorff_alpha(ratings, "ordinal")
    assert found == pytest.approx(alpha_by_definition(ratings), abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_at_its_ends(level):
    perfect = np.array([[1.0, 2, 5, 5], [1, 2, 5, 5]])
    assert krippendorff_alpha(perfect, level) == 1
    assert krippendorff_alpha(perfect[:, ::-1] * [[1], [0.5]], level) < 1
    assert math.isnan(krippendorff_alpha(np.full((3, 4), 2.0), level))
    assert math.isnan(krippendorff_alpha(perfect[:1], level))
    assert math.isnan(krippendorff_alpha(np.full((2, 3), NAN), level))


def test_an_item_with_one_rating_says_nothing():
    more = np.hstack([PUBLISHED, [[NAN], [5], [NAN], [NAN]]])
    for level in LEVELS:
        assert krippendorff_alpha(more, level) == krippendorff_alpha(PUBLISHED, level)


def test_bootstrapped_alpha_surrounds_alpha_and_depends_on_its_stream_alone():
    ratings = random_ratings(np.random.default_rng(1), 4, 80)
    draws = bootstrap_alpha(ratings, "ordinal", np.random.default_rng(5), 300)
    low, high = percentile_interval(draws)
    assert low < krippendorff_alpha(ratings, "ordinal") < high
    again = bootstrap_alpha(ratings, "ordinal", np.random.default_rng(5), 300)
    assert np.array_equal(draws, again)
    nothing = bootstrap_alpha(np.full((2, 3), NAN), "ordinal", np.random.default_rng(5), 4)
    assert np.isnan(nothing).all()


@pytest.mark.parametrize(
    ("alpha", "words"),
    [(0.8, "reliable"), (0.79999, "tentative"), (0.667, "tentative"), (0.666, "do not rank by it")],
)
def test_what_an_alpha_allows(alpha: float, words: str):
    assert interpretation(alpha) == words
    assert interpretation(NAN).startswith("undefined")


@pytest.mark.parametrize("seed", range(5))
def test_kappa_equals_nltk_and_the_weighted_one_its_table(seed: int):
    rng = np.random.default_rng(seed)
    first = rng.integers(1, 6, 40)
    second = np.clip(first + rng.integers(-1, 2, 40), 1, 5)
    data = [("a", item, int(value)) for item, value in enumerate(first)]
    data += [("b", item, int(value)) for item, value in enumerate(second)]
    ours = (first.astype(float), second.astype(float))
    expected = AnnotationTask(data).kappa()
    assert cohen_kappa(*ours, quadratic=False) == pytest.approx(expected, abs=1e-12)
    table = np.zeros((5, 5))
    np.add.at(table, (first - 1, second - 1), 1 / 40)
    weights = np.subtract.outer(np.arange(5), np.arange(5)) ** 2 / 16
    chance = np.outer(table.sum(axis=1), table.sum(axis=0))
    expected = 1 - (weights * table).sum() / (weights * chance).sum()
    assert cohen_kappa(*ours, quadratic=True) == pytest.approx(expected, abs=1e-12)


def test_kappa_takes_shared_items_alone():
    one, other = np.array([1.0, 2, NAN, 4, 5]), np.array([1.0, 3, 3, NAN, 5])
    shared = cohen_kappa(one[[0, 1, 4]], other[[0, 1, 4]], quadratic=True)
    assert cohen_kappa(one, other, quadratic=True) == shared
    assert math.isnan(cohen_kappa(np.array([1.0]), np.array([NAN]), quadratic=True))
    assert math.isnan(cohen_kappa(np.array([1.0, 1]), np.array([1.0, 1]), quadratic=False))
    kappas = pairwise_kappas(PUBLISHED, quadratic=True)
    assert [(a, b) for a, b, _ in kappas] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert kappas[4][2] == cohen_kappa(PUBLISHED[1], PUBLISHED[3], quadratic=True)


def test_fleiss_equals_his_example():
    # Fleiss (1971) as in many textbooks: 14 raters, 10 subjects, 5 categories.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = np.array([np.repeat(np.arange(5.0), row) for row in counts]).T
    assert fleiss_kappa(ratings) == pytest.approx(0.20993070442195522, abs=1e-12)
    ratings[0, 0] = NAN
    assert math.isnan(fleiss_kappa(ratings))
    assert math.isnan(fleiss_kappa(np.ones((3, 4))))
    assert math.isnan(fleiss_kappa(np.ones((1, 4))))


# --- intervals and tests --------------------------------------------------------------------------


def test_wilsons_interval_by_its_formula():
    z, n, p = stats.norm.ppf(0.975), 50, 20 / 50
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(20, 50) == pytest.approx((middle - half, middle + half), abs=1e-9)
    assert wilson_interval(0, 10)[0] == 0
    assert wilson_interval(10, 10)[1] == 1
    assert all(map(math.isnan, wilson_interval(0, 0)))


def test_the_bootstrap_is_that_of_loops_over_drawn_raters_and_items():
    rng = np.random.default_rng(2)
    ratings = random_ratings(rng, 3, 6)
    found = cluster_bootstrap({"a": ratings, "b": ratings[:, :4]}, np.random.default_rng(9), 20)
    same = np.random.default_rng(9)
    raters = same.multinomial(3, [1 / 3] * 3, size=20)
    for system, items in (("a", 6), ("b", 4)):
        drawn = same.multinomial(items, [1 / items] * items, size=20)
        for place in range(20):
            values = [
                ratings[rater, item]
                for rater in range(3) for item in range(items)
                for _ in range(raters[place, rater] * drawn[place, item])
                if not np.isnan(ratings[rater, item])
            ]  # fmt: skip
            expected = np.mean(values) if values else NAN
            assert found[system][place] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_interval_of_a_mean_covers_it():
    """Raters with tastes of their own: an interval that ignores them covers far too rarely."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        tastes, items = rng.normal(0, 0.5, (10, 1)), rng.normal(0, 0.5, (1, 40))
        ratings = 3 + tastes + items + rng.normal(0, 0.5, (10, 40))
        low, high = percentile_interval(cluster_bootstrap({"a": ratings}, rng, 200)["a"])
        covered += low < 3 < high
    assert 85 <= covered <= 99


def test_the_permutation_test_equals_the_exact_one():
    values = np.array([3.0, 5, 4, 1, 2, 2])
    first = np.array([True, True, True, False, False, False])
    bins = np.zeros(6, dtype=int)
    differences = []
    for chosen in itertools.combinations(range(6), 3):
        mask = np.isin(np.arange(6), chosen)
        differences.append(abs(values[mask].mean() - values[~mask].mean()))
    exact = np.mean(np.array(differences) >= abs(4 - 5 / 3) - 1e-12)
    found = permutation_test(values, first, bins, np.random.default_rng(1), 4000)
    assert found == pytest.approx(exact, abs=0.02)


def test_labels_are_exchanged_within_bins_alone():
    """All of the difference is that of the bins: within them nothing can be exchanged."""
    values = np.array([1.0, 1, 1, 5, 5, 5])
    first = np.array([True, True, True, False, False, False])
    bins = np.array([0, 0, 0, 1, 1, 1])
    rng = np.random.default_rng(1)
    assert permutation_test(values, first, bins, rng, 200) == 1
    assert permutation_test(values, first, bins * 0, rng, 2000) < 0.2
    # Order of items does not matter.
    order = np.array([3, 0, 4, 1, 5, 2])
    assert permutation_test(values[order], first[order], bins[order], rng, 50) == 1


def test_p_is_uniform_where_systems_are_equal_and_never_0():
    rng = np.random.default_rng(0)
    found = [
        permutation_test(
            rng.normal(size=20), np.arange(20) < 10, np.arange(20) % 2, rng, 99
        )
        for _ in range(150)
    ]  # fmt: skip
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.07)
    far = np.repeat([0.0, 100.0], 10)
    assert permutation_test(far, far > 0, np.zeros(20, int), rng, 99) == pytest.approx(0.01)


# --- preferences ----------------------------------------------------------------------------------

WINS = np.array([[0, 12, 9, 14], [5, 0, 8, 7], [6, 9, 0, 11], [2, 6, 4, 0]], dtype=float)
TIES = np.array([[0, 3, 1, 0], [3, 0, 2, 2], [1, 2, 0, 5], [0, 2, 5, 0]], dtype=float)
NONE = np.zeros((4, 4))


def by_mm(wins: np.ndarray) -> np.ndarray:
    """Return log-strengths by the minorisation of Hunter (2004)."""
    games, strength = wins + wins.T, np.ones(len(wins))
    for _ in range(20_000):
        weights = games / np.add.outer(strength, strength)
        strength = wins.sum(axis=1) / weights.sum(axis=1)
        strength /= np.exp(np.log(strength).mean())
    return np.log(strength)


def test_without_ties_it_is_bradley_terry_by_minorisation():
    fitted = bradley_terry(WINS, NONE)
    assert np.abs(fitted.log_strength - by_mm(WINS)).max() < 1e-9
    assert fitted.ridge == 0
    assert fitted.log_tie == -math.inf
    assert fitted.log_strength.sum() == pytest.approx(0, abs=1e-12)


def test_standard_errors_are_those_of_a_logistic_regression():
    """Fisher scoring of a logit with system 0 as the reference; contrasts must agree."""
    rows, outcome = [], []
    for one, other in itertools.permutations(range(4), 2):
        for _ in range(int(WINS[one, other])):
            row = np.zeros(4)
            row[[one, other]] = 1, -1
            rows += [row[1:], -row[1:]]
            outcome += [1, 0]
    x, y = np.array(rows), np.array(outcome)
    beta = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        information = x.T @ (x * (p * (1 - p))[:, None])
        beta += np.linalg.solve(information, x.T @ (y - p))
    covariance = 2 * np.linalg.inv(information)  # every game stands in it from either side
    fitted = bradley_terry(WINS, NONE)
    assert np.abs(fitted.log_strength[1:] - fitted.log_strength[0] - beta).max() < 1e-6
    contrast = np.hstack([-np.ones((3, 1)), np.eye(3)])
    assert np.allclose(contrast @ fitted.covariance @ contrast.T, covariance, atol=1e-9)
    assert np.allclose(fitted.standard_error**2, np.diag(fitted.covariance))


def davidson_loss(parameters: np.ndarray, wins: np.ndarray, ties: np.ndarray) -> float:
    strength, nu = np.exp(parameters[:-1]), np.exp(parameters[-1])
    total = 0.0
    for one, other in itertools.combinations(range(len(wins)), 2):
        middle = nu * np.sqrt(strength[one] * strength[other])
        whole = strength[one] + strength[other] + middle
        total -= wins[one, other] * np.log(strength[one] / whole)
        total -= wins[other, one] * np.log(strength[other] / whole)
        total -= ties[one, other] * np.log(middle / whole)
    return total


def test_with_ties_it_maximises_davidsons_likelihood():
    fitted = bradley_terry(WINS, TIES)
    ours = np.append(fitted.log_strength, fitted.log_tie)
    found = optimize.minimize(davidson_loss, np.zeros(5), (WINS, TIES), method="BFGS", tol=1e-10)
    theirs = found.x[:-1] - found.x[:-1].mean()
    assert np.abs(fitted.log_strength - theirs).max() < 1e-5
    assert fitted.log_tie == pytest.approx(found.x[-1], abs=1e-5)
    assert davidson_loss(ours, WINS, TIES) <= found.fun + 1e-9
    # Davidson (1970): at the maximum expected points (a tie is half a win) are those observed.
    p = np.exp(fitted.log_strength)
    middle = np.exp(fitted.log_tie) * np.sqrt(np.outer(p, p))
    games = WINS + WINS.T + TIES
    expected = games * (p[:, None] + middle / 2) / (np.add.outer(p, p) + middle)
    assert (WINS + TIES / 2).sum(axis=1) == pytest.approx(
        np.where(np.eye(4) == 1, 0, expected).sum(axis=1), abs=1e-8
    )


def test_two_systems_by_hand_and_the_elo_scale():
    wins = np.array([[0.0, 10], [1, 0]])
    fitted = bradley_terry(wins, np.zeros((2, 2)))
    assert np.diff(fitted.log_strength)[0] == pytest.approx(-math.log(10))
    assert np.diff(fitted.log_strength * ELO)[0] == pytest.approx(-400)
    assert fitted.covariance[0, 0] == pytest.approx((1 / 10 + 1) / 4)


def test_an_undefeated_system_is_held_finite():
    wins = np.array([[0.0, 5, 5], [0, 0, 3], [0, 2, 0]])
    fitted = bradley_terry(wins, np.zeros((3, 3)))
    assert fitted.ridge == RIDGE
    assert np.isfinite(fitted.log_strength).all()
    assert fitted.log_strength.argmax() == 0
    found = optimize.minimize(
        lambda x: davidson_loss(np.append(x, -50.0), wins, 0 * wins) + RIDGE * (x**2).sum() / 2,
        np.zeros(3),
        method="BFGS",
        tol=1e-10,
    )
    assert np.abs(fitted.log_strength - found.x).max() < 1e-4
    won_or_tied = bradley_terry(np.array([[0.0, 2], [0, 0]]), np.array([[0.0, 2], [2, 0]]))
    assert won_or_tied.ridge == RIDGE, "ties alone do not hold it"
    assert 0 < won_or_tied.log_strength[0] < 5
    only_ties = bradley_terry(np.zeros((2, 2)), np.array([[0.0, 4], [4, 0]]))
    assert only_ties.log_strength == pytest.approx([0, 0])
    assert 0 < only_ties.log_tie < 10


def test_systems_that_nothing_joins_are_not_compared():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = wins[3, 2] = 3
    assert components(wins, strong=False) == [[0, 1], [2, 3]]
    with pytest.raises(UserError, match="do not join all systems"):
        bradley_terry(wins, NONE)
    wins[1, 2] = 1
    assert components(wins, strong=False) == [[0, 1, 2, 3]]
    assert components(wins, strong=True) == [[0, 1], [2, 3]]
    ties = np.zeros((4, 4))
    ties[0, 3] = ties[3, 0] = 1
    assert bradley_terry(wins, ties).ridge == 0, "a tie joins both ways"


def test_the_bootstrap_over_raters_refits_each_sample():
    wins = np.stack([WINS, WINS.T, WINS * 2])
    ties = np.stack([TIES, NONE, TIES])
    draws = bootstrap_strengths(wins, ties, np.random.default_rng(4), 10)
    drawn = np.random.default_rng(4).multinomial(3, [1 / 3] * 3, size=10)
    for place, weights in enumerate(drawn):
        fitted = bradley_terry(
            (weights[:, None, None] * wins).sum(axis=0), (weights[:, None, None] * ties).sum(axis=0)
        )
        assert draws[place] == pytest.approx(fitted.log_strength)
    split = np.zeros((2, 3, 3))
    split[0, 0, 1] = split[1, 1, 2] = split[1, 2, 1] = 1
    draws = bootstrap_strengths(split, 0 * split, np.random.default_rng(0), 30)
    lost = np.isnan(draws).all(axis=1)
    assert 0 < lost.sum() < 30
