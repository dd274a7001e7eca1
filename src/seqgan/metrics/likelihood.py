"""Likelihoods under generator and oracle, and the divergences between the two.

Every argument is the log-probability of whole sentences, in nats, so that this module needs no
network: ``log p(y) = sum_t log p(y[t] | y[:t])``.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.score import Score

Sentences = Float[np.ndarray, " sentences"]
Samples = Float[np.ndarray, " samples"]


def nll_per_token(
    name: str, log_prob: Sentences, lengths: Int[np.ndarray, " sentences"], signature: str
) -> Score:
    """Return the negative log-likelihood in nats per token, the end token included once.

    The sum over all sentences divided by the number of all tokens; the standard error treats
    sentences as the units that were sampled.
    """
    value = -log_prob.sum() / lengths.sum()
    residuals = -log_prob - value * lengths
    error = _standard_error(residuals) / lengths.mean()
    return Score(name, float(value), signature, error)


def kl_divergence(name: str, log_p: Sentences, log_q: Sentences, signature: str) -> Score:
    """Return KL(p ‖ q) in nats per sentence, from sentences sampled from ``p``."""
    ratios = log_p - log_q
    return Score(name, float(ratios.mean()), signature, _standard_error(ratios))


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
    error = 0.5 * math.hypot(_standard_error(from_p), _standard_error(from_q))
    return Score("js_oracle", float(value), signature, error)


def _standard_error(values: Sentences) -> float:
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return float(values.std(ddof=1) / math.sqrt(len(values)))
