"""What follows from the points of all sweeps: scores of whole curves, and their comparison."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from seqgan.errors import UserError
from seqgan.fronts import Plane, Points, compare, diversity_at, hypervolume, planes
from seqgan.scored import check_scores

Sweeps = Mapping[tuple[str, int], Mapping[str, Any]]
"""What ``sweep_sampling`` wrote, by method and seed."""
UNCHANGED: dict[str, Any] = {"temperature": 1.0}


def rows(sweeps: Sweeps) -> Iterator[dict[str, Any]]:
    """Yield a row for every score of every point."""
    for (method, seed), content in sweeps.items():
        for point in content["points"]:
            for score in point["scores"]:
                yield {
                    "method": method,
                    "seed": seed,
                    "setting": setting(point["sampling"]),
                    "metric": score["name"],
                    "value": score["value"],
                    "standard_error": score["standard_error"],
                    "signature": score["signature"],
                }


def setting(sampling: Mapping[str, Any]) -> str:
    """Return settings of sampling as ``temperature=0.8``."""
    return ",".join(f"{name}={value:g}" for name, value in sampling.items())


def known_planes(sweeps: Sweeps) -> list[Plane]:
    """Return the planes in which there are curves, with the corner that all of them share.

    The corner of a plane of likelihoods is the mean over all sweeps of what uniformly random
    sentences and a uniform distribution score.
    """
    names = {
        score["name"]
        for content in sweeps.values()
        for point in content["points"]
        for score in point["scores"]
    }
    orders = [int(found[1]) for name in names if (found := re.fullmatch(r"bleu_(\d+)", name))]
    corners = [content["corner"] for content in sweeps.values()]
    found = []
    for plane in planes(sorted(names), max(orders, default=0)):
        corner = plane.corner or tuple(
            math.fsum(each[name] for each in corners) / len(corners)
            for name in (plane.quality, plane.diversity)
        )
        found.append(Plane(**{**vars(plane), "corner": corner}))
    return found


def costs(plane: Plane, content: Mapping[str, Any]) -> Points:
    """Return the points of one sweep in a plane."""
    return plane.costs(
        [{each["name"]: each["value"] for each in point["scores"]} for point in content["points"]]
    )


def curve_scores(
    sweeps: Sweeps, *, real: str, baseline: str | None
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return the scores of whole curves, by method and seed, in the form of ``evaluate``.

    ``hypervolume_<plane>`` is what a curve dominates; ``gain_<plane>`` what a method is better by
    in diversity than the baseline of the same seed at temperature 1, at the quality of the latter.
    Real sentences are a point and have neither.
    """
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for plane in known_planes(sweeps):
        corner = tuple(
            sign * end for sign, end in zip(plane.signs, plane.corner or (), strict=True)
        )
        for (method, seed), content in sweeps.items():
            own = costs(plane, content)
            if method == real or not len(own):
                continue
            grid = ",".join(setting(point["sampling"]) for point in content["points"])
            signature = f"{_signature(plane, content)}|grid:({grid})"
            shown = ",".join(f"{end:.6g}" for end in plane.corner or ())
            values = {
                f"hypervolume_{plane.name}": (
                    hypervolume(own, (corner[0], corner[1])),
                    f"{signature}|corner:{shown}",
                )
            }
            start = _unchanged(plane, sweeps.get((str(baseline), seed)))
            if start is not None and method != baseline:
                gain = start[1] - diversity_at(own, start[0])
                if not math.isnan(gain):
                    values[f"gain_{plane.name}"] = (gain, f"{signature}|against:{baseline}")
            found.setdefault((method, seed), []).extend(
                {"name": name, "value": value, "signature": signed, "standard_error": None,
                 "of": None, "per": None}
                for name, (value, signed) in values.items()
            )  # fmt: skip
    return found


def _unchanged(plane: Plane, content: Mapping[str, Any] | None) -> np.ndarray | None:
    """Return the point of a baseline whose sampling is left as it is."""
    for point in [] if content is None else content["points"]:
        if point["sampling"] == UNCHANGED:
            found = costs(plane, {"points": [point]})
            return found[0] if len(found) else None
    return None


def _signature(plane: Plane, content: Mapping[str, Any]) -> str:
    """Return what both scores of a plane were computed with, at the first point."""
    known = {each["name"]: each["signature"] for each in content["points"][0]["scores"]}
    parts = (("quality", plane.quality), ("diversity", plane.diversity))
    return "|".join(f"{part}:({known.get(name, '').replace('|', ',')})" for part, name in parts)


def judged(
    sweeps: Sweeps, methods: Sequence[str], *, real: str, baseline: str | None
) -> list[dict[str, Any]]:
    """Return, for each plane, how the curve of every method lies to that of the baseline."""
    found = []
    for plane in known_planes(sweeps):
        by_method: dict[str, dict[int, Points]] = {}
        for (method, seed), content in sweeps.items():
            if len(own := costs(plane, content)):
                by_method.setdefault(method, {})[seed] = own
        others = [name for name in methods if name not in (real, baseline) and name in by_method]
        start = by_method.get(str(baseline))
        found.append(
            {
                "plane": plane.name,
                "quality": plane.quality,
                "diversity": plane.diversity,
                "corner": plane.corner,
                "baseline": baseline,
                "comparisons": [
                    {"method": name, **_plain(asdict(compare(plane, by_method[name], start)))}
                    for name in others
                ]
                if start
                else [],
            }
        )
    return found


def _plain(comparison: dict[str, Any]) -> dict[str, Any]:
    gaps = [[None if math.isnan(end) else end for end in gap] for gap in comparison["gaps"]]
    return comparison | {"gaps": gaps}


def check(path: Path, content: Any) -> Mapping[str, Any]:
    """Return what a file of ``sweep_sampling`` holds; raise :class:`UserError` if it is another."""
    try:
        corner = {str(name): float(value) for name, value in content["corner"].items()}
        points = [
            {
                "sampling": {str(name): float(value) for name, value in each["sampling"].items()},
                "scores": check_scores(path, each["scores"]),
            }
            for each in content["points"]
        ]
        if not points or not {"nll_test", "lm_score", "reverse_lm_score"} <= corner.keys():
            raise ValueError("it has no points, or no corner")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} holds no sweep ({error!r}); run snakemake again") from None
    return {"points": points, "corner": corner}
