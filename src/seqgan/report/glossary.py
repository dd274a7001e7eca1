"""What each metric says, in which unit, and in which direction it is better."""

import re
from collections.abc import Sequence

from seqgan.report.meanings import ENTRIES, PATTERNS, Entry


def entry(metric: str) -> Entry:
    """Return what is to be said of a metric; of an unknown one, its name alone."""
    if metric in ENTRIES:
        return ENTRIES[metric]
    for pattern, unit, direction, meaning in PATTERNS:
        if found := re.fullmatch(pattern, metric):
            what = found[1].replace("_", " ")
            return Entry(metric, unit, direction, meaning.format(what))
    return Entry(metric, "", "real", "")


def orders(metrics: list[str]) -> list[int]:
    """Return the orders for which there is both BLEU and Self-BLEU, in rising order."""
    found = (re.fullmatch(r"bleu_(\d+)", metric) for metric in metrics)
    both = {int(match[1]) for match in found if match and f"self_{match[0]}" in metrics}
    return sorted(both)


def preferred_order(metrics: list[str]) -> int | None:
    """Return the order that is shown first: 4, or else the largest below or above it."""
    known = orders(metrics)
    return max((order for order in known if order <= 4), default=min(known, default=None))


def headline(metrics: list[str]) -> list[str]:
    """Return the metrics of the first table, of those there are.

    ``nll_oracle`` never stands without ``nll_test``.
    """
    order = preferred_order(metrics)
    wanted = ["nll_oracle", "nll_test", "entropy", "js_oracle", f"bleu_{order}"]
    shown = [metric for metric in [*wanted, f"self_bleu_{order}"] if metric in metrics]
    if "nll_test" not in shown and "nll_oracle" in shown:
        shown.remove("nll_oracle")
    return shown


SECOND = (
    "unique", "distinct_2", "reverse_bleu_{n}", "ms_jaccard_{n}", "lm_score", "reverse_lm_score",
    "precision", "recall", "mauve", "frechet_infinity",
)  # fmt: skip
"""What the second table shows, with the order of the first."""


def second_line(metrics: Sequence[str]) -> list[str]:
    """Return the metrics of the second table, of those there are."""
    order = preferred_order(list(metrics))
    return [name for each in SECOND if (name := each.format(n=order)) in metrics]


def one_of_each(metrics: Sequence[str]) -> list[str]:
    """Return metrics of which no two differ in the length of their n-grams alone: the longest."""
    longest: dict[str, str] = {}
    for metric in metrics:
        longest[re.sub(r"_\d+$", "", metric)] = metric
    return list(longest.values())
