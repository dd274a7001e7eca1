"""Metrics over training steps, aligned over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Curve:
    """One metric over training steps: mean over seeds, and the lowest and highest seed."""

    steps: Float[np.ndarray, " points"]
    mean: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]
    runs: Float[np.ndarray, "seeds points"]

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(self.runs)


def align(runs: Iterable[Rows], metric: str) -> Curve | None:
    """Return the mean of a metric at the steps that every run measured, where any is left."""
    found = [
        {row["step"]: float(row[metric]) for row in rows if row.get(metric) is not None}
        for rows in runs
    ]
    found = [by_step for by_step in found if by_step]
    if not found:
        return None
    steps = sorted(set.intersection(*(set(by_step) for by_step in found)))
    if not steps:
        return None
    values = np.array([[by_step[step] for step in steps] for by_step in found])
    return Curve(np.array(steps, dtype=float), values.mean(0), values.min(0), values.max(0), values)


def positions(runs: Iterable[Rows], metric: str) -> Float[np.ndarray, "rounds time"] | None:
    """Return a metric that has a value for every position, as its mean over runs.

    Rounds that not every run measured are left out; nothing if none is left.
    """
    found = [{row["step"]: row[metric] for row in rows if row.get(metric)} for rows in runs]
    found = [by_step for by_step in found if by_step]
    steps = sorted(set.intersection(*(set(by_step) for by_step in found))) if found else []
    if not steps:
        return None
    return np.array([[by_step[step] for step in steps] for by_step in found], dtype=float).mean(0)


def of_metric(curves: dict[Any, Curve | None], metric: str) -> list[Curve | None]:
    """Return the curves of one metric, of many by method and metric."""
    return [curve for (_, name), curve in curves.items() if name == metric]
