"""How figures of a report look, and how they become bytes: equal numbers give equal files."""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seqgan.records import write_atomically
from seqgan.report.curves import Curve
from seqgan.report.evidence import REAL

# Okabe & Ito (2008): told apart with every kind of colour vision. Their yellow is too pale here.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (9, 1.5)),
          (0, (4, 1.5, 1, 1.5, 1, 1.5)))  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, SHARED, FAINT = "#1f2328", "#6b7280", "#d0d7de"
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
TICKS = [1, 2, 2.5, 5, 10]
"""Numbers that readers count in."""
WIDTH = 7.4
"""Of every figure, in inches; a report is as wide at 110 pixels an inch."""
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8c959f",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.titlesize": 9.5,
    "font.size": 9,
    "grid.color": "#eaeef2",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "seqgan",
    "text.color": INK,
    "xtick.color": "#57606a",
    "xtick.labelsize": 8.5,
    "ytick.color": "#57606a",
    "ytick.labelsize": 8.5,
}


FLOOR_DASH = (0, (4, 1.5, 1, 1.5))
LIKELIHOOD_DASH = (0, (1, 1.6))


@dataclass(frozen=True)
class MethodStyle:
    """How a method looks in every figure and table."""

    colour: str
    dash: Any
    marker: str


@dataclass(frozen=True)
class Drawing:
    """A figure with what is said about it.

    Attributes:
        name: Its file name, without suffix.
        title: Its heading.
        caption: What to look for.
        alt: What it shows, for those who do not see it.
        svg: The figure as SVG, ready to stand inside a page that holds others.
        png: The figure as PNG.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes

    def save(self, folder: Path) -> None:
        """Write it as SVG and as PNG."""
        write_atomically(folder / f"{self.name}.svg", f"{self.svg}\n".encode())
        write_atomically(folder / f"{self.name}.png", self.png)


def method_styles(methods: Sequence[str]) -> dict[str, MethodStyle]:
    """Return the look of real sentences and of each method; no two look the same."""
    styles = {REAL: MethodStyle(INK, "-", "*")}
    for i, method in enumerate(methods):
        dash = DASHES[i // len(PALETTE) % len(DASHES)]
        styles[method] = MethodStyle(PALETTE[i % len(PALETTE)], dash, MARKERS[i % len(MARKERS)])
    return styles


# --- bytes ----------------------------------------------------------------------------------------


def drawn(figure: Figure, name: str, title: str, caption: str, alt: str) -> Drawing:
    """Return a finished figure with what is said about it."""
    FigureCanvasAgg(figure)
    png, vector = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(vector, format="svg", metadata=nothing)
    return Drawing(name, title, caption, alt, _for_page(vector.getvalue(), name), png.getvalue())


def _for_page(svg: str, name: str) -> str:
    """Return the ``svg`` element alone, with ids that no other figure of the page has."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    # Laid out with the widest of the usual fonts, shown in the reader's own: nothing runs over.
    return re.sub(r"'DejaVu Sans'(, [^;\"]*)?", lambda _: FONTS, svg)


def line(
    axes: Axes,
    curve: Curve | None,
    place: Callable[[Any], Any],
    colour: str,
    dash: Any = "-",
    width: float = 1.6,
) -> None:
    """Draw a curve, where there is one: its mean, and a band over its seeds."""
    if curve is None:
        return
    x = place(curve.steps)
    if curve.seeds > 1:
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
    marker = "o" if len(x) == 1 else None
    axes.plot(x, curve.mean, color=colour, linestyle=dash, linewidth=width, marker=marker, ms=4)


def level(axes: Axes, value: float | None, colour: str, dash: Any, width: float = 1.1) -> None:
    """Draw a horizontal line, where there is a value."""
    if value is not None:
        axes.axhline(value, color=colour, linestyle=dash, linewidth=width, zorder=1.5)


def clip(
    axes: Axes,
    before: Curve | None,
    after: Sequence[Curve],
    floor: float | None,
    *,
    cut: bool = False,
) -> bool:
    """Let the first tenth of pretraining run off the top where it would flatten all the rest.

    With ``cut``, whatever is not among the curves runs off too. Returns whether pretraining does.
    """
    if before is None:
        return False
    settled = before.steps >= 0.1 * before.steps[-1]
    kept = [before.high[settled].max(), *(curve.high.max() for curve in after)]
    lows = [before.low.min(), *(curve.low.min() for curve in after)]
    top, bottom = max(kept), min([*lows, *([] if floor is None else [floor])])
    if top <= bottom or (not cut and before.high.max() - bottom < 1.5 * (top - bottom)):
        return False
    axes.set_ylim(bottom - 0.08 * (top - bottom), top + 0.08 * (top - bottom))
    return True


def far_off(values: Mapping[str, float]) -> list[str]:
    """Return who lies so far from all others that on one scale these could not be told apart.

    That is at most a quarter of them, on one side of the widest gap, without whom the scale would
    be less than a third as long.
    """
    left, found = sorted(values, key=lambda name: values[name]), []
    while len(left) > 3:
        at = [values[name] for name in left]
        cut = max(range(1, len(at)), key=lambda i: at[i] - at[i - 1])
        fewer, rest = sorted((left[:cut], left[cut:]), key=len)
        length = values[rest[-1]] - values[rest[0]]
        if len(found) + len(fewer) > len(values) / 4 or length >= (at[-1] - at[0]) / 3:
            break
        found, left = [*found, *fewer], rest
    return sorted(found)


def fit(setter: Callable[[float, float], Any], values: Iterable[float], room: float = 0.08) -> None:
    """Make an axis as long as some values need."""
    values = [value for value in values if np.isfinite(value)]
    low, high = min(values), max(values)
    margin = room * (high - low) or 0.01
    setter(low - margin, high + margin)


def out_of_sight(names: Iterable[str]) -> str:
    """Return the sentence of a caption that says who is not on the scale."""
    names = list(dict.fromkeys(names))
    return f" Too far off to be on the scale: {', '.join(names)}." if names else ""


def legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Put the legend above the axes, where it covers nothing."""
    labels = [str(handle.get_label()) for handle in handles]
    columns = next(count for count in range(len(labels), 0, -1) if _fits(labels, count))
    figure.legend(handles=list(handles), loc="outside upper left", ncols=columns, borderaxespad=0.3)


def _fits(labels: Sequence[str], columns: int) -> bool:
    """Return whether a legend in so many columns is no wider than the figure."""
    rows, longer = divmod(len(labels), columns)  # the first columns hold one more
    ends = np.cumsum([rows + (i < longer) for i in range(columns)])
    starts = [0, *ends[:-1]]
    widest = [max(map(len, labels[i:j])) for i, j in zip(starts, ends, strict=True)]
    # At the size of our legends a letter takes about 0.075 inches, and a sample line 0.6.
    return columns == 1 or sum(0.075 * length + 0.6 for length in widest) <= WIDTH


def handle(label: str, colour: str, dash: Any = "-", marker: str | None = None) -> Line2D:
    """Return an entry of a legend: a line, or a mark."""
    line = "" if marker else dash
    return Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=6, label=label)


def band(seeds: int) -> str:
    """Say what lines and bands are."""
    if seeds < 2:
        return "A single seed was run, so there is no band."
    return f"Lines are means of {seeds} seeds; bands reach from the lowest to the highest seed."
