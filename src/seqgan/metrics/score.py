"""A number and everything that another number must share to be compared with it."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """A metric of a set of sentences.

    Attributes:
        name: Such as ``bleu_4``; the glossary in docs/metrics.md says what it means.
        value: The number.
        signature: The settings it was computed with, as ``key:value`` joined by ``|``. Numbers
            with different signatures must not be compared.
        standard_error: Of the value, from sampling sentences, where there is a formula.
    """

    name: str
    value: float
    signature: str
    standard_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the score as plain data; what is not a number becomes ``None``."""
        plain = asdict(self)
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in plain.items()
        }


def sign(**settings: Any) -> str:
    """Return a signature such as ``n:2000|smoothing:method1``."""
    return "|".join(f"{name}:{value}" for name, value in settings.items())
