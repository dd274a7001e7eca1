"""Means over seeds with 95% intervals, and paired differences from the baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from seqgan.errors import UserError

CONFIDENCE = 0.95
Scores = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
COLUMNS = ("nll_oracle", "nll_test", "entropy", "js_oracle")
"""What the table to read shows, where it exists, before BLEU; the CSV file has everything."""
JOINTLY = """Read nll_oracle (quality, lower is better) only together with nll_test (coverage,
lower is better)"""
ROW_OF_REAL = (
    """real: held-out sentences scored as if generated, what a perfect generator would reach."""
)


def summarise(scores: Scores, *, methods: Sequence[str], baseline: str | None) -> pd.DataFrame:
    """Return a row for every method and metric, in the order in which they were given.

    Columns: ``method``, ``metric``, ``mean`` over seeds, ``deviation`` (standard deviation),
    ``low`` and ``high`` (95% t-interval of the mean, empty for a single seed), ``seeds``, the same
    for the ``difference`` from the baseline paired by seed, and the ``signature``.

    Raises :class:`UserError` if seeds of one metric were computed with different settings.
    """
    rows: list[dict[str, Any]] = []
    values: dict[tuple[str, str], dict[int, float]] = {}
    signatures: dict[tuple[str, str], str] = {}
    for method in methods:
        for (name, seed), found in scores.items():
            if name != method:
                continue
            for score in found:
                key = (method, score["name"])
                values.setdefault(key, {})[seed] = score["value"]
                if signatures.setdefault(key, score["signature"]) != score["signature"]:
                    raise UserError(
                        f"{method}: {score['name']} of seed {seed} was computed with other "
                        f"settings ({score['signature']}) than that of other seeds "
                        f"({signatures[key]}); run snakemake again"
                    )
    for (method, metric), by_seed in values.items():
        mean, low, high = interval(list(by_seed.values()))
        row = {
            "method": method,
            "metric": metric,
            "mean": mean,
            "deviation": np.std(list(by_seed.values()), ddof=1) if len(by_seed) > 1 else np.nan,
            "low": low,
            "high": high,
            "seeds": len(by_seed),
        }
        others = values.get((baseline, metric)) if baseline else None
        comparable = signatures[method, metric] == signatures.get((str(baseline), metric))
        if others and comparable and method != baseline:
            paired = [value - others[seed] for seed, value in by_seed.items() if seed in others]
            if paired:
                row["difference"], row["difference_low"], row["difference_high"] = interval(paired)
        row["signature"] = signatures[method, metric]
        rows.append(row)
    names = [
        "method", "metric", "mean", "deviation", "low", "high", "seeds", "difference",
        "difference_low", "difference_high", "signature",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its 95% Student t-interval.

    Not a number for a single value, nor where all are the same to the last bit: they are then one
    measurement, of the same sentences, and their agreement says nothing.
    """
    mean = float(np.mean(values))
    if len(set(values)) < 2:
        return mean, np.nan, np.nan
    half = float(stats.sem(values) * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return mean, mean - half, mean + half


def as_text(table: pd.DataFrame) -> str:
    """Return the table as aligned text: mean ± half of the 95% interval."""
    known = set(table["metric"])
    shown = [name for name in COLUMNS if name in known]
    for family in ("bleu_", "self_bleu_"):
        shown += [f"{family}{order}" for order in range(1, 5) if f"{family}{order}" in known][-1:]
    methods = list(dict.fromkeys(table["method"]))
    cells = {(row["method"], row["metric"]): row for row in table.to_dict("records")}

    def cell(method: str, metric: str) -> str:
        row = cells.get((method, metric))
        if row is None:
            return "–"
        if np.isnan(row["low"]):
            return f"{row['mean']:.3f}"
        return f"{row['mean']:.3f} ± {row['high'] - row['mean']:.3f}"

    grid = [["method", *shown]]
    grid += [[method, *(cell(method, metric) for metric in shown)] for method in methods]
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    lines = [
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    seeds = max(row["seeds"] for row in cells.values())
    what = "mean ± half of the 95% t-interval over" if seeds > 1 else "a single value, from"
    notes = f"\n{what} {seeds} seed{'s' if seeds > 1 else ''}; likelihoods in nats per token"
    if "nll_oracle" in shown:
        notes += f""", js_oracle in nats
per sentence. {JOINTLY}"""
    return "\n".join(lines) + f"\n{notes}.\n{ROW_OF_REAL}\n"
