"""Figures that set two scores of each method against each other."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqgan.report.drawing import (
    TICKS,
    WIDTH,
    Drawing,
    MethodStyle,
    drawn,
    far_off,
    fit,
    handle,
    legend,
    method_styles,
    out_of_sight,
)
from seqgan.report.evidence import REAL, Evidence
from seqgan.report.glossary import entry, preferred_order


def plane(evidence: Evidence) -> Drawing | None:
    """Draw quality against coverage: a small dot for each seed, and the mean with its interval."""
    order = preferred_order(evidence.table.metrics)
    if evidence.has_oracle:
        x, y, better = "nll_oracle", "nll_test", "better: lower left ↙"
        title, name = "Quality and coverage", "quality_coverage"
        caption = (
            "To the left, the oracle finds generated sentences likelier; further down, the "
            "generator finds held-out sentences likelier. A step to the left and up is what lost "
            "diversity gives."
        )
    else:
        x, y, better = f"bleu_{order}", f"self_bleu_{order}", "better: lower right ↘"
        title, name = "Quality and diversity", "quality_diversity"
        caption = (
            "To the right, generated sentences overlap more with test sentences; further down, "
            "less with each other. The star is what real sentences reach: beyond it, nothing is "
            "gained."
        )
    present = [
        method
        for method in [REAL, *evidence.methods]
        if evidence.table.get(method, x) and evidence.table.get(method, y)
    ]
    if not present:
        return None
    styles = method_styles(evidence.methods)
    generated = [method for method in present if method != REAL]
    # Real sentences lie so far from all methods that a second panel must tell these apart.
    panels = [present, generated] if len(present) > len(generated) > 1 else [present]
    figure = Figure(figsize=(WIDTH, 3.9 if len(panels) > 1 else 4.6), layout="constrained")
    for axes, methods in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for method in methods:
            mark(axes, evidence, method, x, y, styles[method])
        axes.set_xlabel(f"{x} ({entry(x).unit})")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=TICKS))
        axes.margins(0.1)
        axes.set_title(better, loc="right")
    first, last = figure.axes[0], figure.axes[-1]
    first.set_ylabel(f"{y} ({entry(y).unit})")
    if len(panels) > 1:
        first.set_title("all")
        last.set_title("methods, enlarged")
        off = [
            name
            for metric in (x, y)
            for name in far_off(
                {each: evidence.table.cells[each, metric].mean for each in generated}
            )
        ]
        enlarge(last, evidence, [name for name in generated if name not in off], x, y)
        caption += out_of_sight(off)
    handles = [handle(name, styles[name].colour, marker=styles[name].marker) for name in present]
    legend(figure, handles)
    if len(evidence.settings["seeds"]) > 1:
        caption += " Small dots are seeds, large marks their means, bars 95% intervals of the mean."
    told = [
        f"{name} {evidence.table.mean(name, x):.3f} and {evidence.table.mean(name, y):.3f}"
        for name in present
    ]
    return drawn(figure, name, title, caption, f"{x} and {y}, means over seeds: {'; '.join(told)}.")


def mark(axes: Axes, evidence: Evidence, method: str, x: str, y: str, style: MethodStyle) -> None:
    """Draw a method: a dot for each seed, and the mean with its intervals where there are any."""
    across, up = evidence.table.cells[method, x], evidence.table.cells[method, y]
    axes.errorbar(
        across.mean,
        up.mean,
        xerr=None if across.low is None else across.mean - across.low,
        yerr=None if up.low is None else up.mean - up.low,
        color=style.colour,
        marker=style.marker,
        markersize=13 if style.marker == "*" else 7.5,
        markeredgecolor="white",
        elinewidth=1.1,
        capsize=2.5,
        alpha=0.9,
    )
    for scores in evidence.scores.get(method, {}).values():
        if len(evidence.scores[method]) > 1 and x in scores and y in scores:
            axes.plot(
                scores[x],
                scores[y],
                "o",
                color=style.colour,
                ms=3.6,
                mec="white",
                mew=0.4,
                zorder=4,
            )


def enlarge(axes: Axes, evidence: Evidence, methods: Sequence[str], x: str, y: str) -> None:
    """Fit the axes to seeds and means; bars of few seeds may be so long that they run out."""
    for metric, setter in ((x, axes.set_xlim), (y, axes.set_ylim)):
        values = [evidence.table.cells[method, metric].mean for method in methods]
        for method in methods:
            values += [
                scores[metric]
                for scores in evidence.scores.get(method, {}).values()
                if metric in scores
            ]
        fit(setter, values, room=0.14)
