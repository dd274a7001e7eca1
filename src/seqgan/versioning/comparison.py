"""Two commits of an experiment beside each other: its scores and its learning curves."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.versioning.git import commit_of, git

Curves = dict[str, dict[float, float]]
NOW = "working tree"


def means_at(root: Path, name: str, revision: str | None) -> dict[str, dict[str, float]]:
    """Return the mean of every score by method, as a commit has it, or the working tree.

    Raises :class:`UserError` if there is none.
    """
    text = _content(root, f"results/{name}/means.json", revision)
    try:
        return {
            str(method): {str(metric): float(value) for metric, value in scores.items()}
            for method, scores in json.loads(text).items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(f"means.json of {name} at {revision or NOW} is no table of means") from None


def curves_at(root: Path, name: str, revision: str | None) -> Curves:
    """Return the learning curves of all methods, as a commit has them, or the working tree."""
    text = _content(root, f"results/{name}/curves.csv", revision)
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
        columns = [each for each in (rows[0] if rows else {}) if each != "step"]
        return {
            column: {float(row["step"]): float(row[column]) for row in rows if row[column]}
            for column in columns
        }
    except (ValueError, TypeError, KeyError, csv.Error):
        raise UserError(f"curves.csv of {name} at {revision or NOW} is no table") from None


def _content(root: Path, path: str, revision: str | None) -> str:
    if revision is None:
        try:
            return (root / path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            raise UserError(f"{path} is not here; run snakemake, or give a commit") from None
    commit = commit_of(root, revision)
    try:
        return git(root, "show", f"{commit}:{path}")
    except UserError:
        raise UserError(f"{revision} has no {path}; was a snapshot of it committed?") from None


def table(old: dict[str, dict[str, float]], new: dict[str, dict[str, float]]) -> str:
    """Return scores that differ, a line each: method, metric, before, after, difference."""
    lines = []
    for method in dict.fromkeys([*old, *new]):
        for metric in dict.fromkeys([*old.get(method, {}), *new.get(method, {})]):
            before, after = old.get(method, {}).get(metric), new.get(method, {}).get(metric)
            if before != after:
                lines.append((method, metric, _shown(before), _shown(after), _gap(before, after)))
    if not lines:
        return "no score differs"
    lines.insert(0, ("method", "metric", "before", "after", "difference"))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _gap(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{after - before:+.4f}"


def draw(old: Curves, new: Curves, names: tuple[str, str], path: Path) -> None:
    """Draw the learning curves of both, a panel for each metric, into an SVG, PNG or PDF file."""
    from matplotlib.figure import Figure

    metrics = list(dict.fromkeys(each.rpartition(".")[2] for each in [*old, *new]))
    methods = list(dict.fromkeys(each.rpartition(".")[0] for each in [*old, *new]))
    if not metrics:
        raise UserError("neither of the two has a learning curve to draw")
    figure = Figure(figsize=(4.5 * len(metrics), 4), layout="constrained")
    axes: Any = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axis, metric in zip(axes, metrics, strict=True):
        for number, method in enumerate(methods):
            for curves, style, label in ((old, ":", names[0]), (new, "-", names[1])):
                points = curves.get(f"{method}.{metric}")
                if points:
                    axis.plot(
                        list(points),
                        list(points.values()),
                        style,
                        color=f"C{number % 10}",
                        label=f"{method}, {label}",
                    )
        axis.set_xlabel("round")
        axis.set_title(metric)
    axes[0].legend(fontsize="small")
    figure.savefig(path)
