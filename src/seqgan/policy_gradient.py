"""The policy gradient of sequences, with a value for every token."""

from dataclasses import dataclass, field
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqgan.action_values import ActionValue
from seqgan.baselines import Baseline, Zero
from seqgan.curricula import Curriculum
from seqgan.decoding import sample_sentences
from seqgan.generators import Generator
from seqgan.losses import weighted_nll
from seqgan.objectives import Loss, Objective
from seqgan.shaping import Credit, Normalisation, as_they_are, own
from seqgan.tokens import PAD, conditions, is_chosen, is_real


@final
@dataclass(frozen=True)
class PolicyGradient(Objective):
    """REINFORCE with a value for every token of sentences sampled from the generator.

    The values of a batch are handed out (``credit``), made comparable between batches
    (``value_scale``), freed of what is expected (``baseline``), scaled again (``advantage_scale``)
    and cut to ``[-clip, clip]``; in the paper none of this happens. ``entropy_bonus`` times the
    entropy of every choice is added to what is climbed, in nats. With a ``prefix``, sentences begin
    with so many real tokens, which are learnt by likelihood, and go on as the generator likes
    (MaliGAN: Che et al., 2017, algorithm 2).

    The metrics hold ``reward``, the mean value of a finished sentence, ``reward_deviation``, its
    spread in the batch, ``advantage_deviation``, the spread of what weighs the tokens, and
    ``reward_per_position``, the mean value of the tokens at each position, NaN where no sentence
    has one that was chosen.
    """

    action_value: ActionValue
    baseline: Baseline = field(default_factory=Zero)
    credit: Credit = own
    value_scale: Normalisation = as_they_are
    advantage_scale: Normalisation = as_they_are
    clip: float | None = None
    entropy_bonus: float = 0.0
    prefix: Curriculum | None = None

    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        alphabet, count = generator.alphabet, 0
        given = conditions(real, alphabet)
        if self.prefix is not None:
            count = min(self.prefix.tokens(step), real.shape[1])
            given = F.pad(real[:, :count], (0, real.shape[1] - count), value=PAD)
        tokens = sample_sentences(generator, len(real), real.shape[1], rng, given=given)
        answered = is_chosen(tokens, alphabet)
        value = self.credit(self.action_value(tokens, rng), answered, rng)
        last = is_real(tokens).sum(dim=1, keepdim=True) - 1
        final_value = value.gather(1, last)[:, 0]
        copied = answered & (torch.arange(tokens.shape[1], device=tokens.device) < count)
        chosen = answered & ~copied
        value = torch.where(chosen, value, 0.0)
        scaled = self.value_scale(value, chosen)
        advantage = scaled - self.baseline(scaled, chosen, tokens)
        advantage = self.advantage_scale(advantage, chosen)
        if self.clip is not None:
            advantage = advantage.clamp(-self.clip, self.clip)
        weights = torch.where(copied, 1.0, advantage)
        counts = chosen.sum(dim=0)
        return Loss(
            policy_gradient_loss(generator, tokens, weights, self.entropy_bonus),
            {
                "reward": final_value.mean(),
                "reward_deviation": final_value.std(correction=0),
                "advantage_deviation": deviation(advantage, chosen),
                "reward_per_position": value.sum(dim=0) / counts,  # NaN where none was
            },
        )

    def parts(self) -> dict[str, Any]:
        return {"action_value": self.action_value, "baseline": self.baseline}

    def track(self, generator: Generator) -> None:
        self.action_value.track(generator)


def deviation(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Return the standard deviation of the chosen values."""
    count = chosen.sum().clamp(min=1)
    mean = torch.where(chosen, value, 0.0).sum() / count
    return (torch.where(chosen, value - mean, 0.0).square().sum() / count).sqrt()


def policy_gradient_loss(
    generator: Generator,
    tokens: Int[Tensor, "batch time"],
    advantage: Float[Tensor, "batch time"],
    entropy_bonus: float = 0.0,
) -> Float[Tensor, ""]:
    """Return the surrogate whose gradient is minus the policy gradient.

    ``L = -sum_i sum_t log pi(y[i,t] | y[i,:t]) * A[i,t]``, a sum over the batch as in the released
    code. The value itself means nothing; only its gradient does. No gradient flows through
    ``advantage``. From it ``entropy_bonus`` times the entropy of the distribution that each chosen
    token was drawn from is subtracted (Mnih et al., 2016).

    Yu et al. (2017), equation 7: https://arxiv.org/abs/1609.05473.
    """
    return weighted_nll(generator, tokens, advantage, entropy_bonus=entropy_bonus)
