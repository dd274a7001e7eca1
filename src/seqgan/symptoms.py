"""Signs that training goes wrong while it runs: measured against the generator it began with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Symptom:
    """Something that a round of training must not show.

    Attributes:
        name: The metric that shows it.
        is_seen: Whether a row shows it, beside the row of the pretrained generator.
        meaning: What it is a sign of; ``{value}`` is what was measured.
    """

    name: str
    is_seen: Callable[[float, float], bool]
    meaning: str


SYMPTOMS = (
    Symptom("unique", lambda now, first: now < 0.9 * first,
            "mode collapse: only {value:.0%} of the sampled sentences differ"),
    Symptom("distinct_2", lambda now, first: now < 0.6 * first,
            "mode collapse: distinct_2 fell to {value:.3f}"),
    Symptom("entropy", lambda now, first: now < 0.5 * first,
            "mode collapse: the entropy fell to {value:.2f} nats per token, less than half"),
    Symptom("kl_pretrained", lambda now, first: now > 1.0,
            "divergence: {value:.2f} nats per token away from the pretrained generator"),
    Symptom("nll_validation", lambda now, first: now > first + 1.0,
            "divergence: nll_validation rose to {value:.2f}"),
    Symptom("gradient_norm", lambda now, first: now > 100 * first > 0,
            "divergence: the gradient's norm is {value:.3g}, a hundred times what it was"),
    Symptom("accuracy_heldout", lambda now, first: now > 0.99,
            "no signal: the discriminator tells {value:.1%} of held-out and fresh sentences apart"),
    Symptom("reward_spread", lambda now, first: now < 1e-3,
            "no signal: the rewards of a batch differ by {value:.2%} of their size"),
)  # fmt: skip
"""Bounds far from what healthy runs show, so that each of them is worth a look at the samples."""


def shown_by(row: Row, history: Sequence[Row]) -> dict[str, str]:
    """Return what a row shows, by the metric that shows it, in words.

    Args:
        row: What a round measured.
        history: The rows before it; the first is that of the pretrained generator.
    """
    begun = _first_values(history)
    seen = {}
    for symptom in SYMPTOMS:
        value = _value(row, symptom.name)
        if value is not None and symptom.is_seen(value, begun.get(symptom.name, value)):
            seen[symptom.name] = symptom.meaning.format(value=value)
    return seen


def new_symptoms(history: Sequence[Row]) -> list[str]:
    """Return what the last row of a history shows and the last one with that metric did not."""
    *before, row = history
    said = []
    for name, text in shown_by(row, before).items():
        measured = [at for at, each in enumerate(before) if _value(each, name) is not None]
        if not measured or name not in shown_by(before[measured[-1]], before[: measured[-1]]):
            said.append(text)
    return said


def _first_values(history: Sequence[Row]) -> dict[str, float]:
    """Return the earliest value of every metric."""
    found: dict[str, float] = {}
    for row in history:
        for symptom in SYMPTOMS:
            value = _value(row, symptom.name)
            if value is not None:
                found.setdefault(symptom.name, value)
        if len(found) == len(SYMPTOMS):
            break
    return found


def _value(row: Row, name: str) -> float | None:
    """Return a metric of a row, if it has it."""
    if name == "reward_spread":
        # A reward that is the same for all is meant to be: that of a control, without an adversary.
        if not row.get("reward") or "discriminator_loss" not in row:
            return None
        return float(row["reward_deviation"] / abs(row["reward"]))
    return None if row.get(name) is None else float(row[name])
