"""The figures of a report, each from the numbers alone; a method keeps its colour in all."""

from collections.abc import Callable, Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqgan.report.curves import Curve, of_metric
from seqgan.report.drawing import (
    FLOOR_DASH,
    INK,
    LIKELIHOOD_DASH,
    SHARED,
    STYLE,
    TICKS,
    WIDTH,
    Drawing,
    band,
    clip,
    drawn,
    far_off,
    fit,
    handle,
    legend,
    level,
    line,
    method_styles,
    out_of_sight,
)
from seqgan.report.evidence import ADVERSARIAL, GENERATOR, REAL, Evidence
from seqgan.report.frequencies import by_rank, covered, lengths
from seqgan.report.judging import discriminator, rewards
from seqgan.report.phases import Phases, last_step
from seqgan.report.planes import plane
from seqgan.report.sweeps import equal_quality, temperature_curves


def draw_all(evidence: Evidence) -> list[Drawing]:
    """Return every figure for which there are numbers."""
    makers: tuple[Callable[[Evidence], Drawing | None], ...] = (
        learning_curves,
        adversarial_phase,
        plane,
        temperature_curves,
        equal_quality,
        discriminator,
        rewards,
        lengths,
        by_rank,
        covered,
    )
    with matplotlib.style.context(["default", STYLE]):
        return [drawing for make in makers if (drawing := make(evidence)) is not None]


def learning_curves(evidence: Evidence) -> Drawing | None:
    """Draw Figure 2 of Yu et al. (2017), and the likelihood of held-out sentences below it."""
    wanted = ("nll_oracle", "nll_validation") if evidence.has_oracle else ("nll_validation",)
    shared = {metric: evidence.curve(GENERATOR, metric) for metric in wanted}
    own = {
        (method, metric): evidence.curve(ADVERSARIAL, metric, method)
        for metric in wanted
        for method in evidence.methods
    }
    alone = {
        (method, metric): evidence.curve(GENERATOR, metric, method)
        for metric in wanted
        for method in evidence.methods
    }
    found = [*shared.values(), *own.values(), *alone.values()]
    metrics = [
        metric
        for metric in wanted
        if shared[metric] or any(of_metric(own, metric)) or any(of_metric(alone, metric))
    ]
    if not metrics:
        return None
    phases = Phases(
        last_step([*shared.values(), *alone.values()]),
        last_step(list(own.values())),
        "pretraining epoch",
    )
    styles = method_styles(evidence.methods)
    figure = Figure(figsize=(WIDTH, 0.9 + 2.35 * len(metrics)), layout="constrained")
    grid = np.atleast_1d(figure.subplots(len(metrics), 1))
    handles = [handle("pretraining, shared by all", SHARED)]
    clipped, outside = False, []
    for axes, metric in zip(grid, metrics, strict=True):
        line(axes, shared[metric], phases.place_before, SHARED)
        for method in evidence.methods:
            style = styles[method]
            line(axes, alone[method, metric], phases.place_before, style.colour, style.dash)
            line(axes, own[method, metric], phases.place_after, style.colour, style.dash)
            if chosen := evidence.chosen_epochs(method, metric):
                places = phases.place_before(np.array([float(epoch) for epoch, _ in chosen]))
                values = [value for _, value in chosen]
                axes.plot(places, values, "o", color=style.colour, ms=4.5, mec="white", mew=0.5)
                mean = float(np.mean(values))
                axes.plot([places.mean(), 1], [mean] * 2, color=style.colour, ls=LIKELIHOOD_DASH)
        floor = evidence.table.mean(REAL, metric)  # there is none for nll_validation
        level(axes, floor, INK, FLOOR_DASH)
        inside, off = within_reach(own, metric)
        clipped |= clip(axes, shared[metric], inside, floor, cut=bool(off))
        outside += off
        titles = {
            "nll_oracle": "nll_oracle: quality of generated sentences (nats per token, lower is "
            "better)",
            "nll_validation": "nll_validation: coverage of held-out sentences (nats per token, "
            "lower is better)",
        }
        axes.set_title(titles[metric])
        phases.mark(axes, last=axes is grid[-1])
    for method in evidence.methods:
        style = styles[method]
        if any(own[method, metric] for metric in metrics):
            handles.append(handle(method, style.colour, style.dash))
        elif evidence.chosen_epochs(method, metrics[0]):
            handles.append(handle(method, style.colour, LIKELIHOOD_DASH))
    if "nll_oracle" in metrics and evidence.table.mean(REAL, "nll_oracle") is not None:
        handles.append(handle("oracle's entropy", INK, FLOOR_DASH))
    legend(figure, handles)
    seeds = max(curve.seeds for curve in found if curve is not None)
    begins = " The adversarial phase begins at the dashed line." if phases.after else ""
    caption = f"{band(seeds)}{begins}"
    if clipped:
        caption += " The first epochs run off the top."
    caption += out_of_sight(outside)
    if "nll_oracle" in metrics:
        caption += (
            " As in Figure 2 of the paper, nll_oracle should fall, but not below the oracle's "
            "entropy; where nll_validation rises meanwhile, coverage is lost."
        )
    return drawn(figure, "learning_curves", "Learning curves", caption, _ends(shared, own, metrics))


def adversarial_phase(evidence: Evidence) -> Drawing | None:
    """Draw the adversarial rounds alone, on scales of their own, with the entropy beside them."""
    wanted = ["nll_oracle", "nll_validation", "entropy"][0 if evidence.has_oracle else 1 :]
    own = {
        (method, metric): evidence.curve(ADVERSARIAL, metric, method)
        for metric in wanted
        for method in evidence.methods
    }
    metrics = [metric for metric in wanted if any(of_metric(own, metric))]
    if not metrics:
        return None
    styles = method_styles(evidence.methods)
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    grid = np.atleast_1d(figure.subplots(1, len(metrics)))
    likelihood, outside = [], []
    for axes, metric in zip(grid, metrics, strict=True):
        for method in evidence.methods:
            style = styles[method]
            line(axes, own[method, metric], lambda steps: steps, style.colour, style.dash)
            if chosen := evidence.chosen_epochs(method, metric):
                level(axes, float(np.mean([y for _, y in chosen])), style.colour, LIKELIHOOD_DASH)
                likelihood.append(method)
        inside, off = within_reach(own, metric)
        if off:
            levels = [y for method in likelihood for _, y in evidence.chosen_epochs(method, metric)]
            fit(axes.set_ylim, [*levels, *(y for each in inside for y in (*each.low, *each.high))])
            outside += off
        axes.set_title(metric)
        axes.set_xlabel("adversarial round")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
        axes.margins(x=0.02)
    grid[0].set_ylabel("nats per token")
    handles = [
        handle(
            method,
            styles[method].colour,
            LIKELIHOOD_DASH if method in likelihood else styles[method].dash,
        )
        for method in evidence.methods
        if method in likelihood or any(own[method, metric] for metric in metrics)
    ]
    legend(figure, handles)
    seeds = max(curve.seeds for curve in own.values() if curve is not None)
    lost = (
        "Where nll_oracle and entropy fall together"
        if evidence.has_oracle
        else "Where entropy falls"
    )
    return drawn(
        figure,
        "adversarial_phase",
        "The adversarial phase, enlarged",
        f"{band(seeds)} The scales are those of the changes, not of the whole training. Dotted "
        f"levels are methods of likelihood alone. {lost} while nll_validation rises, a method says "
        f"less, not better.{out_of_sight(outside)}",
        _ends({}, own, metrics),
    )


def within_reach(
    own: dict[tuple[str, str], Curve | None], metric: str
) -> tuple[list[Curve], list[str]]:
    """Return the curves of a metric that fit on one scale, and the names of those far off."""
    curves = {method: each for (method, name), each in own.items() if name == metric and each}
    off = far_off({method: float(curve.mean[-1]) for method, curve in curves.items()})
    return [curve for method, curve in curves.items() if method not in off], off


def _ends(
    shared: dict[str, Curve | None],
    own: dict[tuple[str, str], Curve | None],
    metrics: Sequence[str],
) -> str:
    """Return in words where the curves end."""
    sentences = []
    for metric in metrics:
        parts = [("pretraining", shared.get(metric))]
        parts += [(method, curve) for (method, name), curve in own.items() if name == metric]
        told = [f"{name} {curve.mean[-1]:.3f}" for name, curve in parts if curve is not None]
        sentences.append(f"{metric} ends at: {', '.join(told)}.")
    return " ".join(sentences)
