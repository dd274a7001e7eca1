"""A number and everything that another number must share to be compared with it."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Parts:
    """A score sentence by sentence: it is ``sum(values) / sum(weights)``.

    Attributes:
        of: The sentences that it is a mean over: generated samples, or the test set.
        values: What each sentence adds.
        weights: What each counts; one of them each where there are none, its tokens else.
    """

    of: Literal["samples", "test"]
    values: Float[np.ndarray, " sentences"]
    weights: Int[np.ndarray, " sentences"] | None = None

    @property
    def mean(self) -> float:
        """Return the score."""
        total = len(self.values) if self.weights is None else self.weights.sum()
        return float(self.values.sum() / total)


@dataclass(frozen=True)
class Score:
    """A metric of a set of sentences.

    Attributes:
        name: Such as ``bleu_4``; the glossary in docs/metrics.md says what it means.
        value: The number.
        signature: The settings it was computed with, as ``key:value`` joined by ``|``. Numbers
            with different signatures must not be compared.
        standard_error: Of the value, from sampling sentences, where there is a formula.
        parts: The score of each sentence, where it is a mean over sentences or tokens.
    """

    name: str
    value: float
    signature: str
    standard_error: float | None = None
    parts: Parts | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the score as plain data; what is not a number becomes ``None``.

        ``of`` names the sentences that it is a mean over, and ``per`` what of them it is a mean
        over; both are ``None`` for a score of a whole set.
        """
        error, parts = self.standard_error, self.parts
        return {
            "name": self.name,
            "value": self.value if math.isfinite(self.value) else None,
            "signature": self.signature,
            "standard_error": error if error is not None and math.isfinite(error) else None,
            "of": None if parts is None else parts.of,
            "per": None if parts is None else "sentence" if parts.weights is None else "token",
        }


def mean_score(
    name: str,
    values: Float[np.ndarray, " sentences"],
    signature: str,
    of: Literal["samples", "test"],
) -> Score:
    """Return the mean over sentences that were drawn independently, with its standard error."""
    return Score(name, float(values.mean()), signature, standard_error(values), Parts(of, values))


def standard_error(values: Float[np.ndarray, " sentences"]) -> float:
    """Return that of the mean of values; not a number for fewer than two, or infinite ones."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def sign(**settings: Any) -> str:
    """Return a signature such as ``n:2000|smoothing:method1``."""
    return "|".join(f"{name}:{value}" for name, value in settings.items())
