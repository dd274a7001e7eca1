"""Figures of sampling at many temperatures: curves in planes, and what lies outside of what."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqgan.report.drawing import (
    FLOOR_DASH,
    INK,
    TICKS,
    WIDTH,
    Drawing,
    MethodStyle,
    drawn,
    far_off,
    fit,
    handle,
    legend,
    level,
    method_styles,
    out_of_sight,
)
from seqgan.report.evidence import REAL, Evidence, PlaneJudged, Point
from seqgan.report.glossary import entry
from seqgan.report.wording import listed, plain
from seqgan.statistics import t_interval

UNCHANGED = "temperature=1"
ARROWS = {
    ("lower", "lower"): "better: lower left ↙",
    ("higher", "lower"): "better: lower right ↘",
    ("higher", "higher"): "better: upper right ↗",
}
SAYINGS = {
    "outside": "lies outside",
    "inside": "lies inside",
    "crosses": "crosses",
    "open": "cannot be told from",
    "apart": "shares no level of quality with",
    "unknown": "has a single seed to be compared with",
}


def temperature_curves(evidence: Evidence) -> Drawing | None:
    """Draw the curve of every method in every plane: means over seeds with their intervals."""
    panels = [plane for plane in evidence.planes if _present(evidence, plane)]
    if not panels:
        return None
    styles = method_styles(evidence.methods)
    figure, grid = _grid(len(panels))
    told, outside = [], []
    for axes, plane in zip(grid.flat, panels, strict=False):
        places = {
            method: _curve(
                axes, evidence.sweep[method], plane, styles[method], alone=method == REAL
            )
            for method in _present(evidence, plane)
        }
        off = _far_off(places)
        if off:
            inside = np.concatenate([at for method, at in places.items() if method not in off])
            fit(axes.set_xlim, inside[:, 0].tolist())
            fit(axes.set_ylim, inside[:, 1].tolist())
            outside += off
        axes.set_xlabel(_label(plane.quality))
        axes.set_ylabel(_label(plane.diversity))
        directions = (_direction(plane.quality), _direction(plane.diversity))
        axes.set_title(ARROWS.get(directions, ""), loc="right")
        told += [
            f"{plane.name}: {method} {SAYINGS[verdict]} {evidence.baseline}"
            for method, verdict in plane.verdicts.items()
        ]
    present = [
        method
        for method in [REAL, *evidence.methods]
        if any(method in _present(evidence, plane) for plane in panels)
    ]
    legend(
        figure,
        [
            handle(name, styles[name].colour, styles[name].dash, None if name != REAL else "*")
            for name in present
        ],
    )
    return drawn(
        figure,
        "temperature_curves",
        "Quality and diversity at every temperature",
        "Each curve is one method, sampled at rising temperatures; large marks are temperature 1, "
        "crosses 95% intervals over seeds. Any method can trade quality for diversity by its "
        "temperature alone, so one is better than another only where its curve lies outside the "
        "other's. Scores of sets are those of smaller samples than in the table above."
        f"{out_of_sight(outside)}",
        f"Curves of quality and diversity. {'; '.join(told) or 'There is nothing to compare'}.",
    )


def equal_quality(evidence: Evidence) -> Drawing | None:
    """Draw by how much each method is more diverse than the baseline at the same quality."""
    panels = [
        plane for plane in evidence.planes if any(found.gaps for found in plane.gaps.values())
    ]
    if not panels or evidence.baseline is None:
        return None
    styles = method_styles(evidence.methods)
    figure, grid = _grid(len(panels))
    told = []
    for axes, plane in zip(grid.flat, panels, strict=False):
        level(axes, 0.0, styles[evidence.baseline].colour, FLOOR_DASH)
        for method, found in plane.gaps.items():
            if not found.gaps:
                continue
            mean, low, high = np.array(found.gaps, dtype=float).T
            style = styles[method]
            known = np.isfinite(low)
            x = np.array(found.levels)
            if known.all():
                axes.fill_between(x, low, high, color=style.colour, alpha=0.16, linewidth=0)
            marker = style.marker if len(x) == 1 else None
            axes.plot(x, mean, color=style.colour, linestyle=style.dash, marker=marker)
            told.append(
                f"{plane.name}: {method} {plain(float(mean.min()))} to {plain(float(mean.max()))}"
            )
        axes.set_xlabel(_label(plane.quality))
        axes.set_ylabel(f"gain in {plane.diversity}")
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=TICKS))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
    present = dict.fromkeys(name for plane in panels for name in plane.gaps)
    handles = [handle(name, styles[name].colour, styles[name].dash) for name in present]
    handles.append(handle(evidence.baseline, styles[evidence.baseline].colour, FLOOR_DASH))
    legend(figure, handles)
    return drawn(
        figure,
        "equal_quality",
        "Diversity at equal quality",
        f"How much better a method is in diversity than {evidence.baseline}, whose temperature is "
        "set so that both have the same quality; above the level of 0 is better. Lines are means "
        "over seeds, paired; bands 95% t-intervals at each level. Only a band that stays above 0 "
        "everywhere lets a method be called better.",
        f"Gain in diversity over {evidence.baseline} at equal quality. {'; '.join(told)}.",
    )


def _grid(count: int) -> tuple[Figure, np.ndarray]:
    columns = min(2, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, 0.7 + 3.2 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, grid


def _present(evidence: Evidence, plane: PlaneJudged) -> list[str]:
    return [
        method
        for method in [REAL, *evidence.methods]
        if any(
            plane.quality in point.scores and plane.diversity in point.scores
            for points in evidence.sweep.get(method, {}).values()
            for point in points
        )
    ]


def _curve(
    axes: Axes,
    by_seed: Mapping[int, Sequence[Point]],
    plane: PlaneJudged,
    style: MethodStyle,
    *,
    alone: bool,
) -> Float[np.ndarray, "settings 2"]:
    """Draw the points of a method, and return where they are."""
    settings = list(
        dict.fromkeys(
            point.setting
            for points in by_seed.values()
            for point in points
            if plane.quality in point.scores and plane.diversity in point.scores
        )
    )
    swept = [each for each in settings if each.startswith("temperature=")]
    ends = {}
    for setting in settings:
        ends[setting] = [
            t_interval(
                [
                    point.scores[metric]
                    for points in by_seed.values()
                    for point in points
                    if point.setting == setting and metric in point.scores
                ]
            )
            for metric in (plane.quality, plane.diversity)
        ]
    if not alone:
        line = np.array([[ends[each][0][0], ends[each][1][0]] for each in swept])
        axes.plot(*line.T, color=style.colour, linestyle=style.dash, linewidth=1.4)
    for setting, (x, y) in ends.items():
        large = setting == UNCHANGED
        axes.errorbar(
            x[0],
            y[0],
            xerr=None if np.isnan(x[1]) else x[0] - x[1],
            yerr=None if np.isnan(y[1]) else y[0] - y[1],
            color=style.colour,
            marker=style.marker if setting in swept else "x",
            markersize=12 if alone else 8 if large else 4,
            markeredgecolor="white" if setting in swept else style.colour,
            markeredgewidth=0.6,
            elinewidth=0.8,
            alpha=0.9 if large else 0.75,
        )
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=TICKS))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
    axes.tick_params(colors=INK)
    return np.array([[x[0], y[0]] for x, y in ends.values()])


def _far_off(places: Mapping[str, Float[np.ndarray, "settings 2"]]) -> list[str]:
    """Return the methods of which all points are far from those of the others."""
    found = []
    for axis in (0, 1):
        generated = {name: at[:, axis] for name, at in places.items() if name != REAL}
        found += far_off({name: float(np.median(at)) for name, at in generated.items()})
    return found


def _label(metric: str) -> str:
    unit = entry(metric).unit
    return f"{metric} ({unit})" if unit else metric


def _direction(metric: str) -> str:
    # "Closest to real" has no arrow; in a plane, sentences that repeat each other are the bad side.
    found = entry(metric).direction
    return "lower" if found == "real" else found


def verdicts_in_words(plane: PlaneJudged, baseline: str) -> str:
    """Return what is known of each method in one plane."""
    parts = [f"{method} {SAYINGS[found]} {baseline}" for method, found in plane.verdicts.items()]
    return listed(parts)
