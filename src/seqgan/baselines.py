"""What is subtracted from action values, so that their gradient has less variance.

A baseline may depend on anything but the choice of the token itself: then the gradient stays that
of the expected reward (Williams, 1992).
"""

from abc import ABC, abstractmethod
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqgan.generators import Generator
from seqgan.optimizers import adam


class Baseline(ABC):
    """What a token is worth before it is known which one it is."""

    @abstractmethod
    def __call__(
        self,
        value: Float[Tensor, "batch time"],
        chosen: Bool[Tensor, "batch time"],
        tokens: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time"]:
        """Return what is subtracted from the values of chosen tokens, then learn from them.

        Zero where no token was chosen. Carries no gradient.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what it has learnt."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        if state:
            raise ValueError(f"this baseline has no state, but was given {sorted(state)}")


@final
class Zero(Baseline):
    """Nothing is subtracted: the estimator of the paper."""

    def __call__(
        self,
        value: Float[Tensor, "batch time"],
        chosen: Bool[Tensor, "batch time"],
        tokens: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time"]:
        return torch.zeros_like(value)


@final
class MeanOfOthers(Baseline):
    """The mean value at a token's position in the other sentences of the batch.

    Without a sentence's own value in its baseline the gradient stays unbiased; where no other
    sentence is as long, the baseline is zero.
    """

    def __call__(
        self,
        value: Float[Tensor, "batch time"],
        chosen: Bool[Tensor, "batch time"],
        tokens: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time"]:
        value = torch.where(chosen, value, 0.0)
        others = chosen.sum(dim=0, keepdim=True) - 1
        mean = (value.sum(dim=0, keepdim=True) - value) / others.clamp(min=1)
        return torch.where(chosen & (others > 0), mean, 0.0)


@final
class MovingAverage(Baseline):
    """The mean value at a token's position in earlier batches, old ones fading.

    The average ``b`` of a position goes to ``decay * b + (1 - decay) * mean`` after each batch in
    which a sentence reaches it, corrected for its start at zero as Adam's moments are. The present
    batch is not in it, so that the gradient stays unbiased; the first one has no baseline.
    """

    def __init__(self, *, decay: float) -> None:
        self.decay = decay
        self._sums: Float[Tensor, "2 time"] | None = None

    def __call__(
        self,
        value: Float[Tensor, "batch time"],
        chosen: Bool[Tensor, "batch time"],
        tokens: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time"]:
        if self._sums is None:
            self._sums = value.new_zeros(2, value.shape[1])
        total, weight = self._sums = self._sums.to(value)
        before = torch.where(weight > 0, total / weight.clamp(min=1e-30), 0.0)
        count = chosen.sum(dim=0)
        mean = torch.where(chosen, value, 0.0).sum(dim=0) / count.clamp(min=1)
        fresh = torch.stack([mean, torch.ones_like(mean)])
        self._sums = torch.where(count > 0, self._sums.lerp(fresh, 1 - self.decay), self._sums)
        return torch.where(chosen, before, 0.0)

    def state_dict(self) -> dict[str, Any]:
        return {} if self._sums is None else {"sums": self._sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._sums = state.get("sums")


@final
class Critic(Baseline):
    """A value that is learnt for every prefix: linear in the features of the generator.

    ``V(y[:t]) = w · h[t] + c`` with the features ``h[t]`` that the generator has before it chooses
    token ``t``; one step of Adam on the mean squared error after each batch. Its weights come from
    earlier batches, so that the gradient stays unbiased. It starts from zero.
    """

    def __init__(self, generator: Generator, *, learning_rate: float) -> None:
        self._generator = generator
        hidden = generator.output_layer()[0]
        self.weights = nn.Parameter(hidden.detach().new_zeros(hidden.shape[1] + 1))
        self.optimizer = adam([self.weights], learning_rate)

    def __call__(
        self,
        value: Float[Tensor, "batch time"],
        chosen: Bool[Tensor, "batch time"],
        tokens: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time"]:
        with torch.no_grad():
            features = self._generator.encode(tokens)
        expected = features @ self.weights[:-1] + self.weights[-1]
        error = torch.where(chosen, expected - value, 0.0)
        self.optimizer.zero_grad()
        (error.square().sum() / chosen.sum().clamp(min=1)).backward()
        self.optimizer.step()
        return torch.where(chosen, expected.detach(), 0.0)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights.detach(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.weights.copy_(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
