"""Means over seeds with 95% intervals, and paired differences from the baseline and from real."""

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from seqgan.errors import UserError
from seqgan.statistics import (
    ALPHA,
    MOST_SEEDS,
    contrast,
    holm,
    pooled_error,
    smallest_p,
    t_interval,
)

Scores = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
COLUMNS = ("nll_oracle", "nll_test", "entropy", "js_oracle")
"""What the table to read shows, where it exists, before BLEU; the CSV file has everything."""
WIDTH = 100
"""Letters in a line of the remarks."""
JOINTLY = """Read nll_oracle (quality, lower is better) only together with nll_test (coverage,
lower is better)"""
ROW_OF_REAL = (
    """real: held-out sentences scored as if generated, what a perfect generator would reach."""
)


COLUMNS_OF_CONTRAST = (
    "difference", "difference_low", "difference_high", "p_paired", "p_holm", "p_permutation",
    "p_welch", "hedges_g", "hedges_low", "hedges_high", "seeds_needed",
)  # fmt: skip
NAMES = (
    "method", "metric", "family", "mean", "deviation", "low", "high", "bootstrap_low",
    "bootstrap_high", "seeds", "sampling_error", "gap", "gap_low", "gap_high",
    *COLUMNS_OF_CONTRAST, "signature",
)  # fmt: skip
TEMPERATURE = r"\|?\btemperature:[^|]*"
FAMILIES = (
    ("curves", r"hypervolume_\w+|gain_\w+"),
    ("likelihood", r"nll_\w+|entropy|kl_\w+|js_\w+|bits_\w+"),
    ("language model", r"lm_score|reverse_lm_score"),
    (
        "diversity",
        (
            r"(self_bleu|distinct|ngram_entropy|novelty)_\d+|unique|most_frequent|zipf_exponent"
            r"|copy_rate|longest_copy"
        ),
    ),
    ("overlap", r"\w*bleu_\d+(_at_\d+)?|chrf_\d+|ms_jaccard_\d+|length\w*"),
)
"""Metrics that ask the same question: p-values are adjusted for how many of them were looked at."""


def family(metric: str) -> str:
    """Return the family of a metric: those that are not listed are scores of embeddings."""
    found = (name for name, pattern in FAMILIES if re.fullmatch(pattern, metric))
    return next(found, "embeddings")


def summarise(
    scores: Scores,
    *,
    methods: Sequence[str],
    baseline: str | None,
    real: str = "real",
    bootstrapped: Mapping[tuple[str, str], tuple[float, float]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return a row for every method and metric, in the order in which they were given.

    Columns: ``method``, ``metric``, ``family``, ``mean`` over seeds, ``deviation`` (standard
    deviation), ``low`` and ``high`` (95% t-interval of the mean, empty for a single seed), those of
    the hierarchical bootstrap, ``seeds``, ``sampling_error`` (of the mean, from sampling sentences
    alone), the ``gap`` to real sentences, the ``difference`` from the baseline, both paired by
    seed, with their intervals; tests of the difference (:func:`seqgan.statistics.contrast`, and
    ``p_holm``: ``p_paired`` adjusted within its family), and the ``signature``.

    Raises :class:`UserError` if seeds of one metric were computed with different settings.
    """
    values, errors, signatures = _by_metric(scores, methods)
    rows: list[dict[str, Any]] = []

    def beside(method: str, metric: str, other: str | None) -> list[tuple[float, float]]:
        """Return a metric of two methods for the seeds of both, where the settings are equal."""
        theirs = values.get((str(other), metric), {})
        mine, its = signatures[method, metric], signatures.get((str(other), metric))
        if other == real and its is not None:  # which have no temperature
            mine, its = (re.sub(TEMPERATURE, "", each) for each in (mine, its))
        if method == other or mine != its:
            return []
        return [
            (value, theirs[seed])
            for seed, value in values[method, metric].items()
            if seed in theirs
        ]

    for (method, metric), by_seed in values.items():
        mean, low, high = t_interval(list(by_seed.values()))
        row = {
            "method": method,
            "metric": metric,
            "family": family(metric),
            "mean": mean,
            "deviation": np.std(list(by_seed.values()), ddof=1) if len(by_seed) > 1 else np.nan,
            "low": low,
            "high": high,
            "seeds": len(by_seed),
            "sampling_error": _together(errors[method, metric], list(by_seed.values())),
            "signature": signatures[method, metric],
        }
        row["bootstrap_low"], row["bootstrap_high"] = bootstrapped.get(
            (method, metric), (np.nan, np.nan)
        )
        if pairs := beside(method, metric, real):
            row["gap"], row["gap_low"], row["gap_high"] = t_interval([a - b for a, b in pairs])
        # How far real sentences are from a method is that method's gap.
        if method != real and (pairs := beside(method, metric, baseline)):
            row |= contrast([a for a, _ in pairs], [b for _, b in pairs])
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(NAMES))
    for _, group in table.groupby("family"):
        table.loc[group.index, "p_holm"] = holm(list(group["p_paired"]))
    return table


def _by_metric(scores: Scores, methods: Sequence[str]) -> tuple[dict, dict, dict]:
    """Return values and errors by method, metric and seed, and the signature of each metric."""
    values: dict[tuple[str, str], dict[int, float]] = {}
    errors: dict[tuple[str, str], list[tuple[float | None, bool]]] = {}
    signatures: dict[tuple[str, str], str] = {}
    for method in methods:
        for (name, seed), found in scores.items():
            if name != method:
                continue
            for score in found:
                key = (method, score["name"])
                values.setdefault(key, {})[seed] = score["value"]
                error = score.get("standard_error")
                errors.setdefault(key, []).append((error, score.get("of") == "test"))
                if signatures.setdefault(key, score["signature"]) != score["signature"]:
                    raise UserError(
                        f"{method}: {score['name']} of seed {seed} was computed with other "
                        f"settings ({score['signature']}) than that of other seeds "
                        f"({signatures[key]}); run snakemake again"
                    )
    return values, errors, signatures


def _together(errors: Sequence[tuple[float | None, bool]], values: Sequence[float]) -> float:
    """Return the standard error of a mean, from those of its values and if they share sentences."""
    known = [error for error, _ in errors if error is not None]
    if len(known) < len(errors):
        return np.nan
    return pooled_error(known, shared=errors[0][1] or len(set(values)) == 1)


def tested(table: pd.DataFrame, baseline: str | None) -> list[str]:
    """Return what was tested, how often, what that can show, and what would settle the rest."""
    compared = [row for row in table.to_dict("records") if row["p_paired"] == row["p_paired"]]
    if not compared or baseline is None:
        return []
    seeds = max(int(row["seeds"]) for row in compared)
    clear, sure = (sum(row[name] < ALPHA for row in compared) for name in ("p_paired", "p_holm"))
    said = [
        (
            f"Tested: {len(compared)} differences from {baseline} by paired t-tests over {seeds} "
            f"seeds; {clear} have p < {ALPHA}, {sure} after Holm's adjustment within each family "
            f"of metrics. An exact sign-flip test of {seeds} seeds cannot give a p below "
            f"{smallest_p(seeds):.2g}."
        )
    ]
    needs = [
        f"{row['metric']} of {row['method']} about {row['seeds_needed']:.0f}"
        if row["seeds_needed"] == row["seeds_needed"]
        else f"{row['metric']} of {row['method']} more than {MOST_SEEDS:,}"
        for row in compared
        if row["metric"] in COLUMNS and row["p_paired"] >= ALPHA
    ]
    if needs:
        said.append(
            "Seeds that would settle what is open, if differences and spread stay as they are "
            f"(power 0.8): {', '.join(needs)}."
        )
    return said


def as_text(table: pd.DataFrame, remarks: Sequence[str] = ()) -> str:
    """Return the table as aligned text, mean ± half of the 95% interval, and remarks below it."""
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
    notes += f".\n{ROW_OF_REAL}\n"
    for remark in remarks:
        notes += "\n" + "\n".join(wrap(remark, WIDTH)) + "\n"
    return "\n".join(lines) + f"\n{notes}"
