"""Likelihood of real sentences by a generator that reads some of its own tokens."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqgan.decoding import Projection, draw
from seqgan.generators import Generator
from seqgan.losses import weighted_nll
from seqgan.objectives import Loss, Objective
from seqgan.schedules import Schedule
from seqgan.tokens import is_chosen


@final
@dataclass(frozen=True)
class ScheduledSampling(Objective):
    """Likelihood of real tokens after inputs of which some were sampled from the generator.

    Each token that is read is the real one with a probability that falls with the epochs, and else
    one drawn from the generator's own distribution at that place, given what it has read up to
    there. The loss is the negative log-likelihood of the real tokens, in nats per token. Gradients
    flow through the states, not through the choice of inputs. Conditions are always read as given.

    Bengio et al. (2015), https://arxiv.org/abs/1506.03099; the probability is its epsilon, and the
    choice is made for each token, as there.
    """

    truth: Schedule

    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        probability = self.truth(step)
        draws = torch.rand(2, *real.shape, generator=rng, device=real.device)
        chosen = is_chosen(real, generator.alphabet)
        keep = (draws[0] < probability) | ~chosen
        read = mix(generator, real, keep, draws[1])
        each = torch.ones(real.shape, device=real.device)
        noise = generator.noise(len(real), real.shape[1], rng) if generator.dropout else None
        nll = weighted_nll(generator, real, each, inputs=read, noise=noise) / chosen.sum()
        share = torch.where(chosen, keep, False).sum() / chosen.sum()
        return Loss(nll, {"nll_train": nll.detach(), "truth_share": share})


@torch.no_grad()
def mix(
    generator: Generator,
    real: Int[Tensor, "batch time"],
    keep: Bool[Tensor, "batch time"],
    uniforms: Float[Tensor, "batch time"],
) -> Int[Tensor, "batch time"]:
    """Return real sentences with samples in place of the tokens that are not kept.

    ``result[:, t]`` is drawn given ``result[:, :t]``. A sampled end token ends nothing here: the
    sentence goes on as the real one does.
    """
    read = real.clone()
    state, projection = generator.init_state(len(real)), Projection(generator)
    previous = torch.full((len(real),), generator.alphabet.start, device=real.device)
    for t in range(real.shape[1]):
        features, state = generator.step(previous, state)
        drawn = draw(projection, features, uniforms[:, t])
        read[:, t] = torch.where(keep[:, t], real[:, t], drawn)
        previous = read[:, t].clamp(min=0)
    return read
