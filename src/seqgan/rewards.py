"""Who judges a finished sentence."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.progress import Progress

Metrics = Mapping[str, float]


class Judge(ABC):
    """Judges finished sentences."""

    @abstractmethod
    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        """Return a value that is higher the more a sentence is like the corpus; no gradient."""

    def prefix_score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """Return a value for the sentence up to each token; ``TypeError`` from most judges."""
        raise TypeError(f"{type(self).__name__} judges whole sentences alone")


class RewardModel(Judge):
    """A judge that may learn to judge better."""

    @abstractmethod
    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        """Learn to tell two sets of equal size apart, in pieces. A fixed judge returns ``{}``."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`fit` has changed."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""


class FixedReward(RewardModel):
    """A judge that never learns."""

    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"a fixed reward has no state, but was given {sorted(state)}")


@final
class ConstantReward(FixedReward):
    """The control that knows nothing: every sentence is worth ``value``.

    A positive reward without a baseline lowers the generator's entropy whatever it says, so what
    a method gains beyond this control is what its reward model contributes.
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        return torch.full((len(tokens),), self.value, device=tokens.device)
