"""The hot paths at the size of the paper, each beside its reference, with the bar it must clear."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import torch

from machine import LARGE, gemm, rate
from measure import Patience, Row, Work, faster, longer
from seqgan import decoding
from worlds import PAPER, Ours, Size, Theirs

REFERENCE_SENTENCES = 640
"""Sentences that the reference samples or scores, in batches of 64; its time is scaled."""
CHUNKS = (32, 64, 128, 256, 512)
"""Rows of logits that bare arithmetic is tried with, for the fastest."""


@dataclass(frozen=True)
class Plan:
    """How large and how thorough.

    Attributes:
        light: Size of what is fast.
        heavy: Size of what takes seconds at the size of the paper.
        patience: How often a comparison is repeated.
    """

    light: Size
    heavy: Size
    patience: Patience


FULL = Plan(PAPER, PAPER, Patience(5.0, 5, burst=0.25))
QUICK = Plan(PAPER, replace(PAPER, batch=8, rollouts=4, sentences=640), Patience(1.0, 3, burst=0.1))

Case = Callable[[Plan], Iterator[Row]]


def told(size: Size, note: str = "") -> dict[str, Any]:
    """Return whether a row of this size is judged, and its note."""
    small = "" if size == PAPER else f"not judged: {size}, sentences={size.sentences}"
    return {"judged": size == PAPER, "note": "; ".join(part for part in (small, note) if part)}


def sample_batch(plan: Plan) -> Iterator[Row]:
    """Sample the sentences of one update."""
    ours = Ours(plan.light)
    times = plan.patience.medians(ours.sample_batch, Theirs(ours).sample_batch)
    yield faster("sample_batch", *times, **told(plan.light))


def sample_many(plan: Plan) -> Iterator[Row]:
    """Sample 10,000 sentences, as an evaluation does."""
    size, ours = plan.heavy, Ours(plan.heavy)
    theirs, share = Theirs(ours), min(REFERENCE_SENTENCES, size.sentences)
    mine, part = plan.patience.medians(ours.sample_many, lambda: theirs.sample(share))
    note = f"reference: {share} sentences in batches of {size.batch}, scaled"
    whole = part * size.sentences / share
    yield faster("sample_many", mine, whole, at_least=10.0, **told(size, note))


def rollouts(plan: Plan) -> Iterator[Row]:
    """Complete every prefix of a batch 16 times."""
    size, ours = plan.heavy, Ours(plan.heavy)
    mine, one = plan.patience.medians(ours.roll_out, Theirs(ours).roll_out)
    note = f"reference: 1 of {size.rollouts} rollouts, scaled"
    yield faster("rollouts", mine, one * size.rollouts, at_least=20.0, **told(size, note))


def rollouts_floor(plan: Plan) -> Iterator[Row]:
    """Rollouts beside the bare products and exponentials that they cannot do without."""
    size, ours = plan.heavy, Ours(plan.heavy)
    bare, chunk = bare_arithmetic(ours)
    mine, floor = plan.patience.medians(ours.roll_out, bare)
    note = f"reference: GEMM and exp2 of {size.rolled_tokens:,} rows, {chunk} at a time"
    yield longer("rollouts_floor", mine, floor, at_most=2.5, **told(size, note))


def bare_arithmetic(ours: Ours) -> tuple[Work, int]:
    """Return the logits and exponentials of every sampled token, and the fastest rows at once.

    In memory that is used again, by PyTorch's product and the faster of its exponentials.
    """
    weights, bias = (
        each.detach() for each in (ours.generator.output_layer()[0], ours.generator.output_bias)
    )

    def some(rows: int) -> Work:
        features, logits = torch.randn(rows, weights.shape[1]), torch.empty(rows, len(weights))
        return lambda: torch.addmm(bias, features, weights.T, out=logits).exp2_()

    chunk = max(CHUNKS, key=lambda rows: rows * rate(some(rows), 0.1))
    times, work = -(-ours.size.rolled_tokens // chunk), some(chunk)
    return (lambda: [work() for _ in range(times)]), chunk


def rollouts_doubled(plan: Plan) -> Iterator[Row]:
    """Rollouts of sentences twice as long: four times the tokens."""
    size = plan.heavy
    double, once = Ours(replace(size, length=2 * size.length)), Ours(size)
    times = plan.patience.medians(double.roll_out, once.roll_out)
    note = f"T={double.size.length} beside T={size.length}"
    yield longer("rollouts_doubled", *times, at_most=4.5, **told(size, note))


def rollouts_steps(plan: Plan) -> Iterator[Row]:
    """Count the sequential steps of rollouts: as many as there are tokens to sample."""
    ours = Ours(plan.heavy)
    found, needed = sampling_steps(ours), plan.heavy.length - 1
    note = f"{found} steps for {needed} tokens after the first"
    bars: dict[str, Any] = {"at_least": 1.0, "at_most": 1.0} | told(plan.heavy, note)
    yield Row("rollouts_steps", ratio=found / needed, **bars)


def sampling_steps(ours: Ours) -> int:
    """Return how often rollouts step and then draw: what is drawn waits for the step."""
    seen: list[str] = []

    def noted(name: str, inside: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **options: object) -> object:
            seen.append(name)
            return inside(*given, **options)

        return call

    with (
        patch.object(ours.generator, "step", noted("step", ours.generator.step)),
        patch.object(decoding, "draw", noted("draw", decoding.draw)),
    ):
        ours.roll_out()
    return sum(pair == ("step", "draw") for pair in pairwise(seen))


def score(plan: Plan) -> Iterator[Row]:
    """Score the 19,456 completions of a batch."""
    size, ours = plan.heavy, Ours(plan.heavy)
    theirs, share = Theirs(ours), min(REFERENCE_SENTENCES, size.completions)
    mine, part = plan.patience.medians(ours.score, lambda: theirs.score(share))
    note = f"reference: {share} of {size.completions:,} sentences in batches of 64, scaled"
    whole = part * size.completions / share
    yield faster("score", mine, whole, at_least=2.5, **told(size, note))


def update_discriminator(plan: Plan) -> Iterator[Row]:
    """Fit the discriminator to one batch."""
    ours = Ours(plan.light)
    times = plan.patience.medians(ours.update_discriminator, Theirs(ours).update_discriminator)
    yield faster("update_discriminator", *times, at_least=2.0, **told(plan.light))


def update_discriminator_rate(plan: Plan) -> Iterator[Row]:
    """Fit the discriminator at no less than half the rate of the best matrix product."""
    size, ours = plan.light, Ours(plan.light)
    # Backward, the gradients of inputs and of weights cost a forward each.
    flops = 3 * size.batch * size.discriminator_flops
    mine, product = plan.patience.medians(ours.update_discriminator, gemm(LARGE, LARGE, LARGE))
    best = 2 * LARGE**3 / product
    note = f"{flops / mine / 1e9:.0f} of {best / 1e9:.0f} GFLOP/s in {flops / 1e9:.1f} GFLOP"
    bar: dict[str, Any] = {"at_least": 0.5} | told(size, note)
    yield faster("update_discriminator_rate", mine, flops / best, **bar)


def update_by_likelihood(plan: Plan) -> Iterator[Row]:
    """Fit the generator to one batch of real sentences."""
    ours = Ours(plan.light)
    times = plan.patience.medians(ours.update_by_likelihood, Theirs(ours).update_by_likelihood)
    yield faster("update_by_likelihood", *times, at_least=1.3, **told(plan.light))


def update_by_policy_gradient(plan: Plan) -> Iterator[Row]:
    """Make the generator's whole adversarial step: sample, roll out, score, descend."""
    size, ours = plan.heavy, Ours(plan.heavy)
    theirs = Theirs(ours)
    mine, with_one, without = plan.patience.medians(
        ours.update_by_policy_gradient,
        lambda: theirs.update_by_policy_gradient(1),
        lambda: theirs.update_by_policy_gradient(0),
    )
    whole = without + size.rollouts * (with_one - without)
    note = f"reference: the share of 1 of {size.rollouts} rollouts, scaled"
    bar: dict[str, Any] = {"at_least": 12.0} | told(size, note)
    yield faster("update_by_policy_gradient", mine, whole, **bar)


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        sample_batch,
        sample_many,
        rollouts,
        rollouts_floor,
        rollouts_doubled,
        rollouts_steps,
        score,
        update_discriminator,
        update_discriminator_rate,
        update_by_likelihood,
        update_by_policy_gradient,
    )
}
