"""What a generator is trained to do. Every objective has the same signature."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqgan.decoding import sample_sentences
from seqgan.generators import Generator
from seqgan.losses import weighted_nll
from seqgan.rewards import ActionValue
from seqgan.tokens import conditions, is_chosen, is_real


@dataclass(frozen=True)
class Loss:
    """A value to minimise, and what was seen on the way (tensors, so that nothing waits)."""

    value: Float[Tensor, ""]
    metrics: dict[str, Float[Tensor, "*shape"]]


class Objective(ABC):
    """A loss whose gradient improves a generator.

    Attributes:
        draws: Whether it draws random numbers, or depends on the step.
    """

    draws: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        """Return the loss for a batch of real sentences.

        It may use their shape alone, and their conditions where there are any.
        """


@final
@dataclass(frozen=True)
class MaximumLikelihood(Objective):
    """Negative log-likelihood of real sentences, in nats per token."""

    draws: ClassVar[bool] = False

    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        each = torch.ones(real.shape, device=real.device)
        nll = weighted_nll(generator, real, each) / is_chosen(real, generator.alphabet).sum()
        return Loss(nll, {"nll_train": nll.detach()})


Baseline = Callable[[Float[Tensor, "batch time"], Bool[Tensor, "batch time"]], Tensor]
"""What is subtracted from action values, given the mask of chosen tokens."""


def mean_of_others(
    value: Float[Tensor, "batch time"], real: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Return, for each token, the mean value at its position in the other sentences.

    Without a sentence's own value in its baseline the gradient stays unbiased; where no other
    sentence is as long, the baseline is zero.
    """
    value = torch.where(real, value, 0.0)
    others = real.sum(dim=0, keepdim=True) - 1
    mean = (value.sum(dim=0, keepdim=True) - value) / others.clamp(min=1)
    return torch.where(real & (others > 0), mean, 0.0)


@final
@dataclass(frozen=True)
class PolicyGradient(Objective):
    """REINFORCE with a value for every token of sentences sampled from the generator.

    The baseline is subtracted from the values; the paper has none. The metrics hold ``reward``,
    the mean value of a finished sentence, ``reward_deviation``, its spread in the batch, and
    ``reward_per_position``, the mean value of the tokens at each position.
    """

    action_value: ActionValue
    baseline: Baseline | None = None

    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        alphabet = generator.alphabet
        given = conditions(real, alphabet)
        tokens = sample_sentences(generator, len(real), real.shape[1], rng, given=given)
        value = self.action_value(tokens, rng)
        counts = is_chosen(tokens, alphabet)
        last = is_real(tokens).sum(dim=1, keepdim=True) - 1
        final_value = value.gather(1, last)[:, 0]
        advantage = value if self.baseline is None else value - self.baseline(value, counts)
        return Loss(
            policy_gradient_loss(generator, tokens, advantage),
            {
                "reward": final_value.mean(),
                "reward_deviation": final_value.std(correction=0),
                "reward_per_position": value.sum(dim=0) / counts.sum(dim=0).clamp(min=1),
            },
        )


def policy_gradient_loss(
    generator: Generator,
    tokens: Int[Tensor, "batch time"],
    advantage: Float[Tensor, "batch time"],
) -> Float[Tensor, ""]:
    """Return the surrogate whose gradient is minus the policy gradient.

    ``L = -sum_i sum_t log pi(y[i,t] | y[i,:t]) * A[i,t]``, a sum over the batch as in the released
    code. The value itself means nothing; only its gradient does. No gradient flows through
    ``advantage``.

    Yu et al. (2017), equation 7: https://arxiv.org/abs/1609.05473.
    """
    return weighted_nll(generator, tokens, advantage)
