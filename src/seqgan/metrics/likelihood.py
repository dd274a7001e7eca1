"""Likelihoods under generator and oracle, and the divergences between the two.

Every argument is the log-probability of whole sentences, in nats, so that this module needs no
network: ``log p(y) = sum_t log p(y[t] | y[:t])``.
"""

import math
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.score import Parts, Score, mean_score, standard_error

Sentences = Float[np.ndarray, " sentences"]
Samples = Float[np.ndarray, " samples"]


def nll_per_token(
    name: str,
    log_prob: Sentences,
    lengths: Int[np.ndarray, " sentences"],
    signature: str,
    of: Literal["samples", "test"] = "samples",
) -> Score:
    """Return the negative log-likelihood in nats per token, the end token included once.

    The sum over all sentences divided by the number of all tokens; the standard error treats
    sentences as the units that were sampled.
    """
    value = -log_prob.sum() / lengths.sum()
    residuals = -log_prob - value * lengths
    error = standard_error(residuals) / lengths.mean()
    return Score(name, float(value), signature, error, Parts(of, -log_prob, lengths))


def nll_per_sentence(
    name: str, log_prob: Sentences, signature: str, of: Literal["samples", "test"] = "samples"
) -> Score:
    """Return the negative log-likelihood of whole sentences in nats, on average."""
    return mean_score(name, -log_prob, signature, of)


def bits_per_character(
    name: str, log_prob: Sentences, characters: Int[np.ndarray, " sentences"], signature: str
) -> Score:
    """Return the negative log-likelihood in bits divided by the number of characters.

    It compares models of one text whatever their tokens are, unless words were replaced by an
    unknown one. ``characters`` counts those of the text as it is written, and the end of each line.
    """
    error = standard_error(-log_prob - (-log_prob.sum() / characters.sum()) * characters)
    value = -log_prob.sum() / characters.sum() / math.log(2)
    return Score(name, float(value), signature, error / characters.mean() / math.log(2))


def kl_divergence(
    name: str,
    log_p: Sentences,
    log_q: Sentences,
    signature: str,
    of: Literal["samples", "test"] = "samples",
) -> Score:
    """Return KL(p ‖ q) in nats per sentence, from sentences sampled from ``p``."""
    return mean_score(name, log_p - log_q, signature, of)


def js_divergence(
    log_p_of_p: Sentences,
    log_q_of_p: Sentences,
    log_p_of_q: Samples,
    log_q_of_q: Samples,
    signature: str,
) -> Score:
    """Return the Jensen-Shannon divergence in nats per sentence, between 0 and ln 2.

    ``½ KL(p ‖ m) + ½ KL(q ‖ m)`` with ``m = (p + q) / 2``, each half from samples of its own.

    Args:
        log_p_of_p: Log-probability under ``p`` of sentences sampled from ``p``.
        log_q_of_p: Log-probability under ``q`` of the same sentences.
        log_p_of_q: Log-probability under ``p`` of sentences sampled from ``q``.
        log_q_of_q: Log-probability under ``q`` of those.
        signature: Settings of the score.
    """
    half = math.log(0.5)
    from_p = log_p_of_p - (np.logaddexp(log_p_of_p, log_q_of_p) + half)
    from_q = log_q_of_q - (np.logaddexp(log_p_of_q, log_q_of_q) + half)
    value = 0.5 * from_p.mean() + 0.5 * from_q.mean()
    error = 0.5 * math.hypot(standard_error(from_p), standard_error(from_q))
    return Score("js_oracle", float(value), signature, error)
