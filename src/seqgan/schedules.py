"""Numbers that fall from step to step."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final


class Schedule(ABC):
    """A number for every step."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """Return the number after so many steps; it never rises."""


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """``max(end, start - decrease * step)``: linear decay of Bengio et al. (2015)."""

    start: float
    end: float
    decrease: float

    def __call__(self, step: int) -> float:
        return max(self.end, self.start - self.decrease * step)


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """``max(end, start * base ** step)``: exponential decay of Bengio et al. (2015)."""

    start: float
    end: float
    base: float

    def __call__(self, step: int) -> float:
        return max(self.end, self.start * self.base**step)


@final
@dataclass(frozen=True)
class InverseSigmoid(Schedule):
    """From ``start`` to ``end`` by ``k / (k + exp(step / k))``: Bengio et al. (2015).

    It begins at ``k / (k + 1)`` of the way, close to ``start`` for a large ``k``, and is half-way
    after ``k * ln(k)`` steps.
    """

    start: float
    end: float
    k: float

    def __call__(self, step: int) -> float:
        # The exponent is bounded, for what is beyond is zero.
        share = self.k / (self.k + math.exp(min(step / self.k, 700.0)))
        return self.end + (self.start - self.end) * share
