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

    Rounds that not every run measured are left out; nothing if none is left. NaN stands where no
    run has a value: a curriculum over the length begins with fewer positions.
    """
    found = [{row["step"]: row[metric] for row in rows if row.get(metric)} for rows in runs]
    found = [by_step for by_step in found if by_step]
    steps = sorted(set.intersection(*(set(by_step) for by_step in found))) if found else []
    if not steps:
        return None
    time = max(len(by_step[step]) for by_step in found for step in steps)
    values = np.full((len(found), len(steps), time), np.nan)
    for run, by_step in enumerate(found):
        for i, step in enumerate(steps):
            row = np.array(by_step[step], dtype=float)  # None becomes NaN
            values[run, i, : len(row)] = row
    return None if np.isnan(values).all() else mean_of_known(values)


def mean_of_known(values: Float[np.ndarray, "runs *rest"]) -> Float[np.ndarray, "*rest"]:
    """Return the mean over the first axis of what is not NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)


def as_table(curves: Mapping[str, Curve]) -> str:
    """Return the means of curves as CSV: a row for each step that one of them has."""
    steps = sorted({step for curve in curves.values() for step in curve.steps.tolist()})
    columns = [
        dict(zip(curve.steps.tolist(), curve.mean.tolist(), strict=True))
        for curve in curves.values()
    ]
    rows = [[f"{step:g}", *(repr(each[step]) if step in each else "" for each in columns)]
            for step in steps]  # fmt: skip
    return "".join(f"{','.join(row)}\n" for row in [["step", *curves], *rows])


def of_metric(curves: dict[Any, Curve | None], metric: str) -> list[Curve | None]:
    """Return the curves of one metric, of many by method and metric."""
    return [curve for (_, name), curve in curves.items() if name == metric]
