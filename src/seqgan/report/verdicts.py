"""Where an interval of differences lies, and what that is worth."""

from dataclasses import dataclass
from enum import Enum

from seqgan.report.glossary import entry


class Verdict(Enum):
    """Where the 95% interval of a paired difference lies."""

    LOWER = "lower"
    HIGHER = "higher"
    INCONCLUSIVE = "inconclusive"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """A sentence of the report.

    Attributes:
        text: The sentence.
        tone: ``good``, ``bad``, ``mixed``, ``open`` or ``alarm``; decides the mark beside it.
        subject: The method it is about, if it is about one.
    """

    text: str
    tone: str
    subject: str | None = None


def verdict(low: float | None, high: float | None) -> Verdict:
    """Judge an interval of differences: it excludes 0, or it does not, or there is none."""
    if low is None or high is None:
        return Verdict.UNKNOWN
    if high < 0:
        return Verdict.LOWER
    return Verdict.HIGHER if low > 0 else Verdict.INCONCLUSIVE


def tone(metric: str, judged: Verdict) -> str:
    """Return whether a difference in a metric is good, bad or open."""
    direction = entry(metric).direction
    if judged in (Verdict.INCONCLUSIVE, Verdict.UNKNOWN) or direction == "real":
        return "open"
    return "good" if judged.value == direction else "bad"
