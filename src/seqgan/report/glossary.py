"""What each metric says, in which unit, and in which direction it is better."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A metric for readers.

    Attributes:
        name: Its name, the same everywhere.
        unit: Its unit, or range.
        direction: ``lower``, ``higher``, or ``real`` where closest to real sentences is best.
        meaning: One sentence.
    """

    name: str
    unit: str
    direction: str
    meaning: str

    @property
    def better(self) -> str:
        """The direction in words."""
        return {
            "lower": "lower is better",
            "higher": "higher is better",
            "real": "closest to real is best",
        }[self.direction]

    @property
    def sign(self) -> str:
        """The direction as a sign."""
        return {"lower": "↓", "higher": "↑", "real": "≈"}[self.direction]


ENTRIES = {
    "nll_oracle": Entry(
        "nll_oracle",
        "nats per token",
        "lower",
        "How unlikely the oracle finds generated sentences: quality alone. A generator that "
        "repeats one likely sentence does well, so read it only together with nll_test.",
    ),
    "nll_test": Entry(
        "nll_test",
        "nats per token",
        "lower",
        "How unlikely the generator finds held-out real sentences: coverage. What it never "
        "generates is punished here.",
    ),
    "entropy": Entry(
        "entropy",
        "nats per token",
        "real",
        "How unlikely the generator finds its own sentences: below that of real sentences it has "
        "lost diversity.",
    ),
    "kl_generator_oracle": Entry(
        "kl_generator_oracle",
        "nats per sentence",
        "lower",
        "What the generator says and the oracle would not: nll_oracle minus entropy, of whole "
        "sentences.",
    ),
    "kl_oracle_generator": Entry(
        "kl_oracle_generator",
        "nats per sentence",
        "lower",
        "What the oracle says and the generator would not: the distance that maximum likelihood "
        "minimises.",
    ),
    "js_oracle": Entry(
        "js_oracle",
        "nats per sentence",
        "lower",
        "Distance between generator and oracle that counts both kinds of mistake alike; from 0 to "
        "ln 2 = 0.693.",
    ),
}


def entry(metric: str) -> Entry:
    """Return what is to be said of a metric; of an unknown one, its name alone."""
    if metric in ENTRIES:
        return ENTRIES[metric]
    if found := re.fullmatch(r"bleu_(\d+)", metric):
        return Entry(
            metric,
            "0 to 1",
            "higher",
            f"Overlap of up to {found[1]} words in a row with test sentences: quality. Copying "
            "or repeating a few good sentences raises it.",
        )
    if found := re.fullmatch(r"self_bleu_(\d+)", metric):
        return Entry(
            metric,
            "0 to 1",
            "real",
            f"Overlap of up to {found[1]} words in a row among generated sentences: above real "
            "sentences, they repeat each other.",
        )
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
