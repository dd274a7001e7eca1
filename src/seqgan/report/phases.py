"""The horizontal axis that runs through pretraining and then through the adversarial rounds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seqgan.report.curves import Curve
from seqgan.report.drawing import INK


@dataclass(frozen=True)
class Phases:
    """A horizontal axis that runs through pretraining and then through the adversarial rounds.

    Each phase has its own scale, so that neither is squeezed by the other.
    """

    before: float
    after: float
    label: str

    @property
    def share(self) -> float:
        """Part of the axis that belongs to pretraining."""
        if not self.after:
            return 1.0
        if not self.before:
            return 0.0
        return min(max(self.before / (self.before + self.after), 0.3), 0.6)

    def place_before(self, steps: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """Return where steps of pretraining are drawn."""
        return steps / max(self.before, 1) * self.share

    def place_after(self, steps: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """Return where adversarial rounds are drawn."""
        return self.share + steps / max(self.after, 1) * (1 - self.share)

    def mark(self, axes: Axes, *, last: bool) -> None:
        """Draw ticks, the line where the adversarial phase begins, and on the last axes labels."""
        places, labels = [], []
        for length, place, first in (
            (self.before, self.place_before, 0),
            (self.after, self.place_after, 1),
        ):
            if length:
                width = self.share if first == 0 else 1 - self.share
                ticks = MaxNLocator(max(2, round(8 * width)), integer=True).tick_values(0, length)
                ticks = np.array([tick for tick in ticks if first <= tick <= length], dtype=float)
                places += place(ticks).tolist()
                labels += [f"{tick:.0f}" for tick in ticks]
        axes.set_xticks(places, labels if last else [""] * len(labels))
        axes.set_xlim(-0.01, 1.01)
        if self.before and self.after:
            axes.axvline(self.share, color=INK, linestyle="--", linewidth=0.9, zorder=1)
        if last:
            for length, middle, label in (
                (self.before, self.share / 2, self.label),
                (self.after, (1 + self.share) / 2, "adversarial round"),
            ):
                if length:
                    axes.annotate(
                        label,
                        (middle, 0),
                        xycoords=("data", "axes fraction"),
                        xytext=(0, -20),
                        textcoords="offset points",
                        ha="center",
                        va="top",
                    )


def last_step(curves: Sequence[Curve | None]) -> float:
    """Return how far the longest of some curves reaches; 0 without any."""
    return max((float(curve.steps[-1]) for curve in curves if curve is not None), default=0.0)
