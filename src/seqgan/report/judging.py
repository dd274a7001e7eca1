"""Figures of who judges: the discriminator, and the rewards that it or another gives."""

from collections.abc import Iterator
from math import log

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from seqgan.report.curves import mean_of_known, of_metric, positions
from seqgan.report.drawing import (
    FLOOR_DASH,
    INK,
    LIKELIHOOD_DASH,
    SHARED,
    TICKS,
    WIDTH,
    Drawing,
    band,
    drawn,
    handle,
    legend,
    level,
    line,
    method_styles,
)
from seqgan.report.evidence import ADVERSARIAL, DISCRIMINATOR, Evidence
from seqgan.report.phases import Phases, last_step

TIMES = (LIKELIHOOD_DASH, (0, (5, 2)), "-")


def discriminator(evidence: Evidence) -> Drawing | None:
    """Draw how well the discriminator tells real from generated, where there is one."""
    panels = [
        ("loss in nats while it is fitted", [("discriminator_loss", "-", 1.6)], log(2)),
        (
            "accuracy (solid: held-out sentences; dotted: those it is fitted to)",
            [("accuracy_heldout", "-", 1.6), ("discriminator_accuracy", LIKELIHOOD_DASH, 1.1)],
            0.5,
        ),
        (
            "mean probability of being real (solid: held-out real; dashed: freshly generated)",
            [("score_heldout", "-", 1.6), ("score_fresh", (0, (5, 2)), 1.2)],
            0.5,
        ),
    ]
    curves = {
        (method, metric): evidence.curve(
            DISCRIMINATOR if method is None else ADVERSARIAL, metric, method
        )
        for method in (None, *evidence.methods)
        for _, lines, _ in panels
        for metric, _, _ in lines
    }
    panels = [
        panel for panel in panels if any(any(of_metric(curves, line[0])) for line in panel[1])
    ]
    if not panels:
        return None
    present = [
        method
        for method in evidence.methods
        if any(curve for (name, _), curve in curves.items() if name == method)
    ]
    phases = Phases(
        last_step([curve for (name, _), curve in curves.items() if name is None]),
        last_step([curve for (name, _), curve in curves.items() if name is not None]),
        "pretraining round",
    )
    styles = method_styles(evidence.methods)
    figure = Figure(figsize=(WIDTH, 0.9 + 1.9 * len(panels)), layout="constrained")
    grid = np.atleast_1d(figure.subplots(len(panels), 1))
    for axes, (title, lines, chance) in zip(grid, panels, strict=True):
        for metric, dash, width in lines:
            line(axes, curves[None, metric], phases.place_before, SHARED, dash, width)
            for method in present:
                colour = styles[method].colour
                line(axes, curves[method, metric], phases.place_after, colour, dash, width)
        level(axes, chance, INK, FLOOR_DASH, 0.9)
        axes.set_title(title)
        phases.mark(axes, last=axes is grid[-1])
    handles = [handle(method, styles[method].colour) for method in present]
    if phases.before:
        handles.insert(0, handle("pretraining, shared by all", SHARED))
    legend(figure, [*handles, handle("chance", INK, FLOOR_DASH)])
    seeds = max(curve.seeds for curve in curves.values() if curve is not None)
    ends = [
        f"{method or 'pretraining'} {curve.mean[-1]:.3f}"
        for (method, metric), curve in curves.items()
        if metric == "accuracy_heldout" and curve is not None
    ]
    return drawn(
        figure,
        "discriminator",
        "Discriminator",
        f"{band(seeds)} An accuracy near 0.5 on held-out sentences means that it sees no "
        "difference and has nothing to teach; an accuracy that is far higher on the sentences it "
        "is fitted to means that it learns them by heart.",
        f"Loss, accuracy and scores of the discriminator. Accuracy on held-out sentences at the "
        f"end: {', '.join(ends) or 'not measured'}.",
    )


def rewards(evidence: Evidence) -> Drawing | None:
    """Draw the mean reward at each position early, midway and late, where it is not constant."""
    found = {
        method: values
        for method in evidence.methods
        if (
            values := positions(
                evidence.histories.get((ADVERSARIAL, method), {}).values(), "reward_per_position"
            )
        )
        is not None
    }
    constant = [
        method for method, values in found.items() if np.nanmax(values) - np.nanmin(values) < 1e-9
    ]
    varied = {method: values for method, values in found.items() if method not in constant}
    if not varied:
        return None
    styles = method_styles(evidence.methods)
    columns = min(3, len(varied))
    rows = -(-len(varied) // columns)
    figure = Figure(figsize=(WIDTH, 0.7 + 2.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(varied) :]:
        axes.set_visible(False)
    for axes, (method, values) in zip(grid.flat, varied.items(), strict=False):
        axes.set_title(method, color=styles[method].colour, fontweight="bold")
        x = np.arange(1, values.shape[1] + 1)
        for (_, some), alpha, dash in zip(thirds(values), (0.45, 0.7, 1.0), TIMES, strict=True):
            axes.plot(
                x,
                mean_of_known(some),
                color=styles[method].colour,
                alpha=alpha,
                linestyle=dash,
                marker="o" if len(x) == 1 else None,
            )
        axes.set_xlabel("position in the sentence")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
    for axes in grid[:, 0]:
        axes.set_ylabel("mean reward")
    names = [name for name, _ in thirds(next(iter(varied.values())))]
    handles = [
        Line2D([], [], color=INK, alpha=alpha, linestyle=dash, label=f"{name} rounds")
        for name, alpha, dash in zip(names, (0.45, 0.7, 1.0), TIMES, strict=True)
    ]
    legend(figure, handles)
    left_out = f" Not drawn, because always the same: {', '.join(constant)}." if constant else ""
    told = [f"{method} {np.nanmean(values[-1]):.3f}" for method, values in varied.items()]
    return drawn(
        figure,
        "reward_per_position",
        "Reward per position",
        "What a token at each position is worth on average, before any baseline is subtracted; "
        "mean over seeds and over a tenth of the rounds; each panel has its own scale. A generator "
        f"that gains on its judge raises the line; a judge that gains lowers it.{left_out}",
        f"Mean reward in the last round, over all positions: {', '.join(told)}.",
    )


def thirds(
    values: Float[np.ndarray, "rounds time"],
) -> Iterator[tuple[str, Float[np.ndarray, "some_rounds time"]]]:
    """Yield the first, middle and last tenth of the rounds, at least one round each."""
    count = len(values)
    width = max(1, count // 10)
    for name, start in (("first", 0), ("middle", (count - width) // 2), ("last", count - width)):
        yield name, values[start : start + width]
