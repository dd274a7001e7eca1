"""The policy gradient of sequences, with a value for every token."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.action_values import ActionValue
from seqgan.baselines import Baseline
from seqgan.decoding import sample_sentences
from seqgan.generators import Generator
from seqgan.losses import weighted_nll
from seqgan.objectives import Loss, Objective
from seqgan.tokens import conditions, is_chosen, is_real


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
