"""What a generator is trained to do. Every objective has the same signature."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.generators import Generator
from seqgan.losses import weighted_nll
from seqgan.tokens import is_chosen


@dataclass(frozen=True)
class Loss:
    """A value to minimise, and what was seen on the way (tensors, so that nothing waits)."""

    value: Float[Tensor, ""]
    metrics: dict[str, Float[Tensor, "*shape"]]


class Objective(ABC):
    """A loss whose gradient improves a generator.

    Attributes:
        draws: Whether it draws random numbers, or depends on the step, also where a generator
            drops nothing.
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

    def parts(self) -> dict[str, Any]:
        """Return what has a state to be saved, by name; nothing has, unless said."""
        return {}

    def track(self, generator: Generator) -> None:  # noqa: B027
        """Follow the generator after a round of updates; nothing does, unless said."""


@final
@dataclass(frozen=True)
class MaximumLikelihood(Objective):
    """Negative log-likelihood of real sentences, in nats per token, under dropout if there is any.

    It alone, and what builds on it, drops features: the policy whose samples are rewarded is the
    whole network, or the gradient would be that of another one.
    """

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
        noise = generator.noise(len(real), real.shape[1], rng) if generator.dropout else None
        nll = weighted_nll(generator, real, each, noise=noise)
        nll = nll / is_chosen(real, generator.alphabet).sum()
        return Loss(nll, {"nll_train": nll.detach()})
