"""Curves of quality against diversity: what they dominate, and which lies outside another.

One generator gives a whole curve, by its temperature. Two methods are compared by their curves in
a plane of two scores, of which one punishes bad sentences and the other missing ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqgan.statistics import t_interval

LEVELS = 20
"""Levels of quality at which two curves are compared."""
ENOUGH = 0.5
"""Share of the baseline's front, in quality, that must be shared for a verdict."""
Points = Float[np.ndarray, "points 2"]
Curve = Float[np.ndarray, "_ 2"]


@dataclass(frozen=True)
class Plane:
    """Two scores that are read together.

    Attributes:
        name: What the plane is called.
        quality: Score that bad sentences spoil.
        diversity: Score that missing sentences spoil.
        signs: 1 where lower is better, -1 where higher is, for both.
        corner: The worst that counts, of both; none where it comes with the curves.
    """

    name: str
    quality: str
    diversity: str
    signs: tuple[int, int]
    corner: tuple[float, float] | None = None

    def costs(self, points: Sequence[Mapping[str, float]]) -> Points:
        """Return points as costs, lower is better in both, without those that lack a score."""
        both = (self.quality, self.diversity)
        found = [[point[name] for name in both] for point in points if set(both) <= set(point)]
        return np.array(found, dtype=float).reshape(-1, 2) * self.signs


def planes(metrics: Sequence[str], order: int) -> list[Plane]:
    """Return the planes for which there are scores."""
    known = [
        Plane("likelihood", "nll_oracle", "nll_test", (1, 1)),
        Plane("overlap", f"bleu_{order}", f"self_bleu_{order}", (-1, 1), (0.0, 1.0)),
        Plane("language_model", "lm_score", "reverse_lm_score", (1, 1)),
        Plane("manifold", "precision", "recall", (-1, -1), (0.0, 0.0)),
    ]
    return [each for each in known if {each.quality, each.diversity} <= set(metrics)]


def front(costs: Points) -> Float[np.ndarray, "kept 2"]:
    """Return the points that no other point beats in both, from the best quality to the worst."""
    kept: list[Float[np.ndarray, " 2"]] = []
    for point in costs[np.lexsort((costs[:, 1], costs[:, 0]))]:
        if not kept or point[1] < kept[-1][1]:
            kept.append(point)
    return np.array(kept, dtype=float).reshape(-1, 2)


def hypervolume(costs: Points, corner: tuple[float, float]) -> float:
    """Return the area between a corner and what the points dominate (Zitzler & Thiele, 1998).

    Points beyond the corner count for nothing.
    """
    area, ceiling = 0.0, corner[1]
    for quality, diversity in front(costs):
        if quality < corner[0] and diversity < ceiling:
            area += (corner[0] - quality) * (ceiling - diversity)
            ceiling = diversity
    return area


def diversity_at(costs: Points, quality: float) -> float:
    """Return the cost in diversity at a cost in quality, on straight lines between the points.

    Not a number beyond the best and the worst quality of the curve.
    """
    known = front(costs)
    if not len(known) or not known[0, 0] <= quality <= known[-1, 0]:
        return math.nan
    return float(np.interp(quality, known[:, 0], known[:, 1]))


@dataclass(frozen=True)
class Comparison:
    """How the curve of a method lies to that of the baseline, over seeds.

    Attributes:
        verdict: ``outside`` (better at every level of quality that both reach), ``inside``
            (worse at every one), ``crosses`` (better at some and worse at others), ``open`` (cannot
            be told), ``apart`` (no level that both reach), ``unknown`` (fewer than two seeds).
        levels: The levels of quality.
        gaps: What the method is better by in diversity at each: mean, and 95% t-interval.
    """

    verdict: str
    levels: list[float]
    gaps: list[tuple[float, float, float]]


def compare(plane: Plane, method: Mapping[int, Curve], baseline: Mapping[int, Curve]) -> Comparison:
    """Compare two curves, paired by seed, at levels of quality that all their seeds reach.

    Each level has a 95% interval of its own. A claim that one lies outside needs all of them to
    exclude 0, so that many levels make it harder, never easier (an intersection-union test:
    Berger, 1982).
    """
    seeds = sorted(method.keys() & baseline.keys())
    pairs = [(front(method[seed]), front(baseline[seed])) for seed in seeds]
    if any(not len(curve) for pair in pairs for curve in pair) or not pairs:
        return Comparison("apart", [], [])
    lowest = max(curve[0, 0] for pair in pairs for curve in pair)
    highest = min(curve[-1, 0] for pair in pairs for curve in pair)
    if lowest > highest:
        return Comparison("apart", [], [])
    levels = np.linspace(lowest, highest, LEVELS if highest > lowest else 1)
    gaps = [
        t_interval([diversity_at(b, level) - diversity_at(a, level) for a, b in pairs])
        for level in levels.tolist()
    ]
    shown = (levels * plane.signs[0]).tolist()
    if len(seeds) < 2:
        return Comparison("unknown", shown, gaps)
    better = [low > 0 for _, low, _ in gaps]
    worse = [high < 0 for _, _, high in gaps]
    # Of the front: temperatures that others beat in both scores are no choice of anybody's.
    widths = [curve[-1, 0] - curve[0, 0] for _, curve in pairs]
    if highest - lowest < ENOUGH * float(np.mean(widths)):
        better, worse = [False], [False]  # too little of the curves to speak of them
    verdict = (
        "outside"
        if all(better)
        else "inside"
        if all(worse)
        else "crosses"
        if any(better) and any(worse)
        else "open"
    )
    return Comparison(verdict, shown, gaps)
