import math

import numpy as np
import pytest
from torch import Tensor

import slow_twins
from conftest import make_generator
from seqgan.decoding import sample_sentences, score
from seqgan.metrics.likelihood import js_divergence, kl_divergence, nll_per_token
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import Alphabet, is_real

LN2 = math.log(2)


def of(generator: LSTMGenerator, tokens: Tensor) -> np.ndarray:
    """Return the log-probability of whole sentences."""
    return score(generator, tokens).sum(dim=1).numpy()


@pytest.fixture
def pair(small_world: Alphabet) -> tuple[LSTMGenerator, LSTMGenerator]:
    return make_generator(small_world, seed=1, std=0.7), make_generator(small_world, seed=2)


# --- divergences ----------------------------------------------------------------------------------


def test_sampled_divergences_agree_with_enumeration(pair, small_world: Alphabet, rng):
    p, q = pair
    sentences = slow_twins.all_sentences(small_world, 3)
    log_p, log_q = of(p, sentences), of(q, sentences)
    mixed = np.logaddexp(log_p, log_q) - LN2
    forward = (np.exp(log_p) * (log_p - log_q)).sum()
    backward = (np.exp(log_q) * (log_q - log_p)).sum()
    js = (np.exp(log_p) * (log_p - mixed) + np.exp(log_q) * (log_q - mixed)).sum() / 2
    assert min(forward, backward, abs(forward - backward), js) > 0.01
    of_p, of_q = (sample_sentences(each, 20_000, 3, rng) for each in pair)
    own = of(p, of_p), of(q, of_p), of(p, of_q), of(q, of_q)
    found = [
        (kl_divergence("kl", own[0], own[1], "n:1"), forward),
        (kl_divergence("kl", own[3], own[2], "n:1"), backward),
        (js_divergence(*own, "n:1"), js),
    ]
    for estimate, exact in found:
        assert abs(estimate.value - exact) < 5 * estimate.standard_error
        assert 0 < estimate.standard_error < 0.1 * exact
        assert estimate.signature == "n:1"


def test_the_js_divergence_of_equal_distributions_is_zero(pair, rng):
    p, _ = pair
    log_p = of(p, sample_sentences(p, 100, 3, rng))
    score = js_divergence(log_p, log_p, log_p[::-1].copy(), log_p[::-1].copy(), "")
    assert abs(score.value) < 1e-15
    assert score.standard_error < 1e-15
    assert kl_divergence("kl", log_p, log_p, "").value == 0


@pytest.mark.parametrize("never", [-1e5, -math.inf])
def test_the_js_divergence_of_disjoint_distributions_is_ln_2(never: float):
    here, there = np.array([-3.0, -4.0, -200.0]), np.full(3, never)
    score = js_divergence(here, there, there, here, "")
    assert score.value == pytest.approx(LN2, abs=1e-12)


def test_the_js_divergence_lies_in_its_bounds():
    rng = np.random.default_rng(1)
    for _ in range(200):
        shares = rng.dirichlet([0.1] * 4, size=2) + 1e-12
        log_p, log_q = np.log(shares / shares.sum(axis=1, keepdims=True))
        # As many copies of each sentence as its share says, so that the means are exact.
        times = np.round(np.exp([log_p, log_q]) * 500).astype(int)
        of_p, of_q = (np.repeat(np.arange(4), each) for each in times)
        value = js_divergence(log_p[of_p], log_q[of_p], log_p[of_q], log_q[of_q], "").value
        assert -0.01 < value <= LN2 + 1e-12


def test_swapping_the_distributions_leaves_the_js_divergence():
    a, b, c, d = np.random.default_rng(2).normal(-5, 1, (4, 50))
    assert js_divergence(a, b, c, d, "").value == js_divergence(d, c, b, a, "").value


def test_a_sentence_without_probability_makes_the_kl_divergence_infinite():
    """Without a warning: the stage that asks says what it means."""
    score = kl_divergence("kl", np.array([-1.0, -2.0]), np.array([-1.0, -np.inf]), "")
    assert score.value == math.inf
    assert score.as_dict()["standard_error"] is None


def test_the_standard_error_of_a_divergence_by_hand():
    score = kl_divergence("kl", np.array([-1.0, -2.0, -3.0]), np.array([-2.0, -4.0, -6.0]), "s")
    assert (score.name, score.value, score.signature) == ("kl", 2.0, "s")
    assert score.standard_error == pytest.approx(1 / math.sqrt(3))


def test_the_standard_error_of_the_js_divergence_equals_what_a_simulation_says():
    rng = np.random.default_rng(4)
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6])
    values, errors = [], []
    for _ in range(1500):
        of_p, of_q = rng.choice(3, 60, p=p), rng.choice(3, 40, p=q)  # sets of different size
        log_p, log_q = np.log(p), np.log(q)
        score = js_divergence(log_p[of_p], log_q[of_p], log_p[of_q], log_q[of_q], "")
        values.append(score.value)
        errors.append(score.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.07)


def test_one_sentence_has_no_standard_error():
    one = np.array([-1.0])
    assert kl_divergence("kl", one, one, "").as_dict()["standard_error"] is None


# --- negative log-likelihood ----------------------------------------------------------------------


def test_nll_counts_tokens_not_sentences():
    score = nll_per_token("nll_test", np.array([-2.0, -6.0, -1.0]), np.array([1, 4, 1]), "n:3")
    assert (score.name, score.value, score.signature) == ("nll_test", 1.5, "n:3")


def test_nll_of_sentences_of_one_length_has_the_plain_standard_error():
    log_prob = np.array([-2.0, -6.0, -1.0, -3.0])
    score = nll_per_token("nll", log_prob, np.full(4, 5), "")
    assert score.value == pytest.approx(0.6)
    assert score.standard_error == pytest.approx((log_prob / 5).std(ddof=1) / 2)


def test_the_standard_error_of_the_nll_equals_what_a_simulation_says():
    """Long sentences are also the likely ones, so that a mean of ratios would be wrong."""
    rng = np.random.default_rng(3)
    values, errors = [], []
    for _ in range(2000):
        lengths = rng.integers(1, 20, 100)
        log_prob = -rng.gamma(2.0, 1.0, 100) * lengths**0.5 - lengths
        score = nll_per_token("nll", log_prob, lengths, "")
        values.append(score.value)
        errors.append(score.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.07)


def test_nll_of_samples_is_the_entropy(pair, small_world: Alphabet, rng):
    p, _ = pair
    sentences = slow_twins.all_sentences(small_world, 3)
    shares, lengths = np.exp(of(p, sentences)), is_real(sentences).sum(dim=1).numpy()
    entropy = -(shares * np.log(shares)).sum() / (shares * lengths).sum()
    samples = sample_sentences(p, 20_000, 3, rng)
    found = nll_per_token("entropy", of(p, samples), is_real(samples).sum(dim=1).numpy(), "")
    assert abs(found.value - entropy) < 5 * found.standard_error
