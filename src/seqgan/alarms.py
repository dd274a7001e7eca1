"""Signs that sentences collapsed, were copied or are too good, each measured against real ones."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seqgan.statistics import pooled_error

QUANTILE = 1.96
"""Standard errors that a value must lie beyond its bound, so that sampling alone does not alarm."""


@dataclass(frozen=True)
class Measured:
    """A score as mean over seeds, with the error that comes from sampling sentences."""

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Rule:
    """What a score must not do.

    Attributes:
        metric: Its name; ``{n}`` is the order of n-grams.
        above: Whether it alarms above its bound, or else below.
        bound: Where it lies, from the score of real sentences.
        against: The bound in words; ``{real}`` is the score of real sentences.
        meaning: What it is a sign of.
        errors: Standard errors that it must lie beyond its bound.
    """

    metric: str
    above: bool
    bound: Callable[[float], float]
    against: str
    meaning: str
    errors: float = QUANTILE


RULES = (
    Rule("unique", False, lambda real: 0.9 * real, "0.9 times that of real sentences ({real})",
         "the same sentences come again and again"),
    Rule("most_frequent", True, lambda real: max(0.01, 3 * real), "1% and 3 times real ({real})",
         "one sentence makes up much of the sample"),
    Rule("self_bleu_{n}", True, lambda real: real + 0.1, "real sentences ({real}) by more than 0.1",
         "sentences repeat each other"),
    Rule("reverse_bleu_{n}", False, lambda real: 0.75 * real, "0.75 times that of real ({real})",
         "much of what real sentences say is missing"),
    Rule("distinct_2", False, lambda real: 0.6 * real, "0.6 times that of real ({real})",
         "few different pairs of words"),
    Rule("nll_oracle", False, lambda real: real, "the oracle's own entropy ({real})",
         "sentences that are likelier than the truth's own have lost diversity; it is not quality",
         3.0),
    Rule("lm_score", False, lambda real: real - 0.3, "real sentences ({real}) by more than 0.3",
         "text that is too easy to predict"),
    Rule("length_distance", True, lambda real: real + 0.1, "real ({real}) by more than 0.1",
         "sentences have other lengths than real ones"),
    Rule("copy_rate", True, lambda real: max(0.01, 5 * real), "1% and 5 times real ({real})",
         "training sentences were learnt by heart"),
    Rule("bleu_{n}", True, lambda real: real, "that of real sentences ({real})",
         "better than real is not better: a few good sentences said often score so", 3.0),
)  # fmt: skip
"""The bounds tell published samples that collapsed from those that did not, and from real text."""


@dataclass(frozen=True)
class Alarm:
    """A score beyond its bound, by more than the errors of sampling.

    Attributes:
        method: Whose it is.
        metric: Which.
        text: What is the matter, in one sentence.
    """

    method: str
    metric: str
    text: str


def alarms(
    scores: Mapping[str, Mapping[str, Measured]], *, real: str, order: int | None
) -> list[Alarm]:
    """Return every score that a rule finds wrong, method by method.

    Args:
        scores: By method and metric.
        real: The row of real sentences, at the same size.
        order: Of the n-grams of BLEU, Self-BLEU and reverse BLEU.
    """
    floor = scores.get(real, {})
    return [
        alarm
        for method, found in scores.items()
        if method != real
        for rule in RULES
        if (alarm := _judge(rule, method, found, floor, order)) is not None
    ]


def _judge(
    rule: Rule,
    method: str,
    found: Mapping[str, Measured],
    floor: Mapping[str, Measured],
    order: int | None,
) -> Alarm | None:
    metric = rule.metric.format(n=order)
    if metric not in found or metric not in floor:
        return None
    mine, theirs = found[metric], floor[metric]
    beyond = (mine.value - rule.bound(theirs.value)) * (1 if rule.above else -1)
    # The bound errs as real sentences do, times what it makes of them.
    moved = rule.bound(theirs.value + theirs.error) - rule.bound(theirs.value)
    if beyond <= rule.errors * math.hypot(mine.error, moved):
        return None
    side = "above" if rule.above else "below"
    against = rule.against.format(real=f"{theirs.value:.3f}")
    text = f"{metric} of {method} is {mine.value:.3f}, {side} {against}: {rule.meaning}."
    return Alarm(method, metric, text)


def measured(values: Sequence[tuple[float, float | None]], *, shared: bool = False) -> Measured:
    """Return a score over seeds, from the value and the standard error of each.

    Seeds that ``shared`` their sentences, or agree to the last bit, are one measurement.
    """
    same = shared or len({value for value, _ in values}) == 1
    return Measured(
        math.fsum(value for value, _ in values) / len(values),
        pooled_error([error or 0.0 for _, error in values], shared=same),
    )
