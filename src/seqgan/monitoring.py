"""Points of the learning curves, measured on streams and data that training does not touch."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from seqgan.adversaries import DiscriminatorReward
from seqgan.decoding import sample_sentences, score
from seqgan.generators import Generator
from seqgan.tokens import conditions, cycled, is_chosen, is_real, without_condition
from seqgan.training import StepMetrics


@final
@dataclass
class GeneratorMonitor:
    """How a generator stands: likelihood of validation data, and of its samples.

    ``nll_validation`` is the negative log-likelihood of held-out sentences under the generator,
    ``entropy`` that of its own samples, ``nll_oracle`` that of its samples under the oracle; all
    in nats per token. ``kl_pretrained`` is how much likelier its samples are to it than to the
    generator that it began as, in nats per token: an estimate of KL(now ‖ then). ``unique`` is the
    share of different sentences among the samples, ``distinct_2`` that of different pairs of
    neighbours among all pairs.
    """

    generator: Generator
    validation: Int[Tensor, "sentences time"]
    oracle: Generator | None
    num_sentences: int
    rng: torch.Generator
    pretrained: Generator | None = None

    def __call__(self) -> StepMetrics:
        """Return the metrics of the present weights."""
        size, length = self.num_sentences, self.validation.shape[1]
        given = conditions(cycled(self.validation, size), self.generator.alphabet)
        samples = sample_sentences(self.generator, size, length, self.rng, given=given)
        metrics: StepMetrics = {
            "nll_validation": nll(self.generator, self.validation),
        }
        if self.oracle is not None:
            metrics["nll_oracle"] = nll(self.oracle, samples)
        own = nll(self.generator, samples)
        metrics["entropy"] = own
        if self.pretrained is not None:
            metrics["kl_pretrained"] = nll(self.pretrained, samples) - own
        sentences = without_condition(samples, self.generator.alphabet)
        return metrics | {"unique": unique(sentences), "distinct_2": distinct_pairs(sentences)}


@final
@dataclass
class DiscriminatorMonitor:
    """How well a discriminator tells held-out sentences from fresh ones: an honest accuracy.

    ``accuracy_heldout`` is the mean of its accuracies on validation sentences and on as many
    fresh samples, ``score_heldout`` and ``score_fresh`` its mean probability of being real.
    """

    reward: DiscriminatorReward
    generator: Generator
    validation: Int[Tensor, "sentences time"]
    num_sentences: int
    rng: torch.Generator

    def __call__(self) -> StepMetrics:
        """Return the metrics of the present weights."""
        real = self.validation[: self.num_sentences].long()
        given = conditions(real, self.generator.alphabet)
        fake = sample_sentences(self.generator, len(real), real.shape[1], self.rng, given=given)
        of_real, of_fake = self.reward.probability(real), self.reward.probability(fake)
        correct = ((of_real > 0.5).float().mean() + (of_fake <= 0.5).float().mean()) / 2
        return {
            "accuracy_heldout": correct.item(),
            "score_heldout": of_real.mean().item(),
            "score_fresh": of_fake.mean().item(),
        }


def unique(sentences: Int[Tensor, "sentences time"]) -> float:
    """Return the share of different sentences."""
    return len(torch.unique(sentences, dim=0)) / len(sentences)


def distinct_pairs(sentences: Int[Tensor, "sentences time"]) -> float:
    """Return the share of different pairs of neighbours among all; 1 without any (distinct-2)."""
    left, right = sentences[:, :-1], sentences[:, 1:]
    pairs = torch.stack([left, right], dim=2)[is_real(right)]
    return len(torch.unique(pairs, dim=0)) / len(pairs) if len(pairs) else 1.0


def nll(generator: Generator, tokens: Int[Tensor, "sentences time"]) -> float:
    """Return the negative log-likelihood of sentences, in nats per chosen token."""
    return (-score(generator, tokens).sum() / is_chosen(tokens, generator.alphabet).sum()).item()
