"""What is easy comes first: a number of tokens that changes from round to round."""

from abc import ABC, abstractmethod
from typing import Any, final

from seqgan.rewards import Metrics


class Curriculum(ABC):
    """A number of tokens that goes to a goal."""

    @abstractmethod
    def tokens(self, step: int) -> int:
        """Return the number for the round that follows ``step`` rounds."""

    @abstractmethod
    def learn(self, metrics: Metrics) -> None:
        """Take in what a round measured."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`learn` has changed."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""


@final
class Scheduled(Curriculum):
    """From ``start`` to ``goal``, ``step`` tokens nearer after every so many rounds.

    Growing sentences, or the shrinking real beginnings of MaliGAN (Che et al., 2017, algorithm 2).
    """

    def __init__(self, *, start: int, goal: int, step: int, every: int) -> None:
        self.start, self.goal, self.step, self.every = start, goal, step, every

    def tokens(self, step: int) -> int:
        gone = self.step * (step // self.every)
        if self.start < self.goal:
            return min(self.start + gone, self.goal)
        return max(self.start - gone, self.goal)

    def learn(self, metrics: Metrics) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"a schedule has no state, but was given {sorted(state)}")


@final
class ByAccuracy(Curriculum):
    """From ``start`` up to ``goal``, ``step`` tokens more when the discriminator is deceived.

    That is, after each round in which its accuracy is at most ``threshold``.
    """

    def __init__(self, *, start: int, goal: int, step: int, threshold: float) -> None:
        self.goal, self.step, self.threshold = goal, step, threshold
        self._now = min(start, goal)

    def tokens(self, step: int) -> int:
        return self._now

    def learn(self, metrics: Metrics) -> None:
        if metrics["discriminator_accuracy"] <= self.threshold:
            self._now = min(self._now + self.step, self.goal)

    def state_dict(self) -> dict[str, Any]:
        return {"tokens": self._now}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._now = state["tokens"]
