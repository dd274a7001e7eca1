"""Generators that learn through relaxed samples, by the gradient of the discriminator itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.discriminators import Discriminator
from seqgan.generators import Generator
from seqgan.objectives import Loss, Objective
from seqgan.schedules import Schedule
from seqgan.tokens import PAD, conditions


@final
@dataclass(frozen=True)
class GumbelSoftmax(Objective):
    """The non-saturating GAN loss ``-log D`` of sentences that are sampled by Gumbel-softmax.

    A token is drawn as ``argmax(logits + gumbel)``; in place of its one-hot vector stands
    ``softmax((logits + gumbel) / temperature)``, through which the gradient of the discriminator
    reaches the generator (Jang et al., 2017; Kusner & Hernández-Lobato, 2016). With
    ``straight_through`` generator and discriminator read the drawn token itself and the
    gradient alone is that of the mixture, so that what is judged is a sentence; else both read
    mixtures. The gradient is biased either way, the less the lower the temperature, of which the
    variance is the price.

    The metrics hold ``reward``, the mean probability of being real, ``reward_deviation``, its
    spread in the batch, and ``temperature``.
    """

    discriminator: Discriminator
    temperature: Schedule
    straight_through: bool = True

    def __call__(
        self,
        generator: Generator,
        real: Int[Tensor, "batch time"],
        *,
        step: int,
        rng: torch.Generator,
    ) -> Loss:
        temperature, given = self.temperature(step), conditions(real, generator.alphabet)
        vocab_size = len(generator.output_layer()[1])
        uniforms = torch.rand(*real.shape, vocab_size, generator=rng, device=real.device)
        tokens, shares = relaxed_sample(
            generator, uniforms, temperature, straight_through=self.straight_through, given=given
        )
        with frozen(self.discriminator):
            counted, table = tokens != PAD, self.discriminator.embedding_table()
            missing = max(0, self.discriminator.max_length - tokens.shape[1])
            embedded = F.pad(shares @ table, (0, 0, 0, missing))
            counted = F.pad(counted, (0, missing))
            logits = self.discriminator.classify(self.discriminator.features(embedded, counted))
        probability = logits.detach().sigmoid()
        return Loss(
            F.softplus(-logits).mean(),
            {
                "reward": probability.mean(),
                "reward_deviation": probability.std(correction=0),
                "temperature": torch.tensor(temperature, device=real.device),
            },
        )


def relaxed_sample(
    generator: Generator,
    uniforms: Float[Tensor, "batch time vocab"],
    temperature: float,
    *,
    straight_through: bool,
    given: Int[Tensor, "batch time"] | None = None,
) -> tuple[Int[Tensor, "batch time"], Float[Tensor, "batch time vocab"]]:
    """Return sampled sentences, and what stands for each token: shares of the vocabulary.

    The sentences are those of the generator, in law; where they have ended, all shares are zero.

    Args:
        generator: What is sampled from.
        uniforms: In [0, 1), one for each token that could be at each place.
        temperature: Of the mixtures.
        straight_through: Whether shares are zeros and a one, with the gradient of the mixture.
        given: How sentences begin, padded, if anything is given.
    """
    alphabet, (weights, bias) = generator.alphabet, generator.output_layer()
    batch, time, vocab_size = uniforms.shape
    table, state = generator.embedding_table(), generator.init_state(batch)
    start = torch.full((batch,), alphabet.start, device=uniforms.device)
    previous = F.embedding(start, table)
    # Neither logarithm may be of zero.
    gumbel = -(-uniforms.clamp(1e-20, 1 - 1e-7).log()).log()
    ended = torch.zeros(batch, dtype=torch.bool, device=uniforms.device)
    tokens, shares = [], []
    for t in range(time):
        features, state = generator.step_embedded(previous, state)
        perturbed = F.linear(features, weights, bias) + gumbel[:, t]
        drawn = perturbed.argmax(dim=1)
        mixture = (perturbed / temperature).softmax(dim=1)
        certain = F.one_hot(drawn, vocab_size).to(mixture.dtype)
        share = certain + mixture - mixture.detach() if straight_through else mixture
        if given is not None:
            here = given[:, t]
            drawn = torch.where(here == PAD, drawn, here)
            told = F.one_hot(drawn, vocab_size).to(mixture.dtype)
            share = torch.where((here == PAD)[:, None], share, told)
        previous = share @ table
        tokens.append(torch.where(ended, PAD, drawn))
        shares.append(torch.where(ended[:, None], 0.0, share))
        if alphabet.end is not None:
            ended = ended | (drawn == alphabet.end)
    return torch.stack(tokens, dim=1), torch.stack(shares, dim=1)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let no gradient reach a module's weights by what is computed meanwhile."""
    weights = [each for each in module.parameters() if each.requires_grad]
    try:
        for each in weights:
            each.requires_grad_(False)
        yield
    finally:
        for each in weights:
            each.requires_grad_(True)
