"""The figures of a corpus: lengths, words by rank, and how much few words cover."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from seqgan.report.corpus import in_order
from seqgan.report.drawing import (
    DASHES,
    LIKELIHOOD_DASH,
    PALETTE,
    SHARED,
    TICKS,
    WIDTH,
    Drawing,
    drawn,
    handle,
    legend,
)
from seqgan.report.evidence import Evidence

OF_CORPUS = ("corpus_lengths", "corpus_frequency", "corpus_coverage")
"""Names of the figures, which stand in the section on the corpus."""
COVERED = 0.9


def lengths(evidence: Evidence) -> Drawing | None:
    """Draw the share of sentences by length, a line of steps for each split."""
    card = evidence.facts.get("card")
    if card is None:
        return None
    edges = np.array(card["lengths"]["edges"]) - 0.5
    figure, axes = _figure()
    names = in_order(card["splits"])
    for name, (colour, dash) in _looks(names).items():
        counts = np.array(card["lengths"]["counts"][name])
        axes.stairs(counts / counts.sum(), edges, color=colour, linestyle=dash, linewidth=1.5)
    axes.set_xlabel("tokens in a sentence")
    axes.set_ylabel("share of sentences")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=TICKS))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    legend(figure, [handle(name, *look) for name, look in _looks(names).items()])
    width = int(edges[1] - edges[0])
    wide = "" if width == 1 else f" A step is {width} lengths wide."
    told = [f"{name} {card['splits'][name]['length']['mean']:.1f}" for name in names]
    return drawn(
        figure,
        "corpus_lengths",
        "Lengths",
        f"Without conditions and end tokens; repeated sentences count as often as they stand.{wide}"
        " Lines of random splits lie on each other.",
        f"Mean lengths of sentences in tokens: {', '.join(told)}.",
    )


def by_rank(evidence: Evidence) -> Drawing | None:
    """Draw how often words stand in the training set against their rank, beside Zipf's law."""
    card = evidence.facts.get("card")
    if card is None or not card["frequency"]["ranks"]:
        return None
    found = card["frequency"]
    ranks, counts = np.array(found["ranks"], float), np.array(found["counts"], float)
    figure, axes = _figure()
    axes.plot(ranks, counts, "o-", color=PALETTE[0], ms=3, linewidth=1.2)
    handles = [handle("words of the training set", PALETTE[0])]
    exponent = found["zipf_exponent"]
    said = ""
    if exponent is not None:
        total = card["splits"]["train"]["tokens"] * (1 - card["unknown"]["train"]["token_share"])
        law = np.arange(1, found["words_in_training"] + 1.0) ** -exponent
        axes.plot(
            ranks, total * ranks**-exponent / law.sum(), color=SHARED, linestyle=LIKELIHOOD_DASH
        )
        handles.append(handle(f"rank^−{exponent:.2f}", SHARED, LIKELIHOOD_DASH))
        said = f" The dotted line is the likeliest power law, of exponent {exponent:.2f}."
    _logarithmic(axes, "x")
    _logarithmic(axes, "y")
    axes.set_ylim(bottom=min(0.7, counts.min() / 2), top=counts.max() * 2)
    axes.set_xlabel("rank of a word")
    axes.set_ylabel("times it stands in training")
    legend(figure, handles)
    return drawn(
        figure,
        "corpus_frequency",
        "Words by rank",
        f"Natural language falls in an almost straight line.{said} Words in the long tail are "
        "learnt from few examples.",
        f"The most frequent word stands {int(counts[0]):,} times, the word of rank "
        f"{int(ranks[-1]):,} {int(counts[-1]):,} times.",
    )


def covered(evidence: Evidence) -> Drawing | None:
    """Draw the share of each split's tokens among the most frequent words of training."""
    card = evidence.facts.get("card")
    if card is None or not card["frequency"]["ranks"]:
        return None
    found = card["frequency"]
    names = in_order(found["coverage"])
    figure, axes = _figure()
    for name, (colour, dash) in _looks(names).items():
        shares = found["coverage"][name]
        marker = "o" if len(shares) == 1 else None
        axes.plot(found["ranks"], shares, color=colour, linestyle=dash, marker=marker, ms=4)
    _logarithmic(axes, "x")
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_xlabel("most frequent words of the training set")
    axes.set_ylabel("share of tokens")
    legend(figure, [handle(name, *look) for name, look in _looks(names).items()])
    enough = next(
        (k for k, share in zip(found["ranks"], found["coverage"]["train"], strict=True)
         if share >= COVERED),
        None,
    )  # fmt: skip
    said = "" if enough is None else f" About {enough:,} words cover {COVERED:.0%} of training."
    ends = [f"{name} {found['coverage'][name][-1]:.1%}" for name in names]
    return drawn(
        figure,
        "corpus_coverage",
        "Coverage",
        "Share of all tokens, unknown ones included, that are among so many words.",
        f"All words cover: {', '.join(ends)}.{said}",
    )


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    return figure, figure.subplots()


def _looks(names: list[str]) -> Mapping[str, tuple[str, Any]]:
    # Where splits are alike their lines lie on each other: dashes let the lower one through.
    return {
        name: (PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]) for i, name in enumerate(names)
    }


def _logarithmic(axes: Axes, which: str) -> None:
    axis, scale = (axes.xaxis, axes.set_xscale) if which == "x" else (axes.yaxis, axes.set_yscale)
    scale("log")
    axis.set_major_locator(LogLocator(10, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _percent(value: float, _: int) -> str:
    return f"{100 * value:.3g}%"
