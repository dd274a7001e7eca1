"""Put the scores of all seeds and methods into one table, with tests and intervals over seeds."""

from collections.abc import Sequence
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from seqgan.alarms import Measured, alarms, measured
from seqgan.bootstrap import hierarchical_interval, resampled_means
from seqgan.errors import UserError
from seqgan.metrics.score import Parts
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.scored import check_scores
from seqgan.sentences import read_parts
from seqgan.stage import Context, Stage
from seqgan.summary import as_text, summarise, tested
from seqgan.sweeps import check, curve_scores, judged, rows

STAGE = Stage(
    "summarise",
    __doc__,
    inputs={
        "scores": "files of evaluate, for every seed and method",
        "sentences": "folders of evaluate with the scores of every sentence",
        "points": "files of sweep_sampling, for every seed and method",
    },
    outputs={
        "table": "CSV file, a row for every method and metric",
        "text": "table to read",
        "sweep": "CSV file, a row for every score of every point of the curves",
        "judgements": "JSON file: how curves lie to each other, alarms, what was tested",
        "means": "JSON file: the mean of every score over seeds, by method",
    },
    seeded=False,
    on_device=False,
)
SWEEP = ("method", "seed", "setting", "metric", "value", "standard_error", "signature")
Floats = Float[np.ndarray, " sentences"]
Found = dict[tuple[str, int], list[dict[str, Any]]]


def run(context: Context) -> None:
    """The training seed is the unit of replication."""
    settings = context.settings
    methods, baseline, real = settings["methods"], settings["baseline"], settings["methods"][0]
    scores: Found = {
        owner(path): check_scores(path, read_json(path)) for path in context.inputs("scores")
    }
    points = {owner(path): check(path, read_json(path)) for path in context.inputs("points")}
    intervals = bootstrapped(scores, context.inputs("sentences"))
    found = alarms(measurements(scores), real=real, order=order_of(scores))
    for key, more in curve_scores(points, real=real, baseline=baseline).items():
        scores[key] = [*scores.get(key, []), *more]
    table = summarise(scores, methods=methods, baseline=baseline, real=real, bootstrapped=intervals)
    said = tested(table, baseline)
    remarks = [f"Alarm: {alarm.text}" for alarm in found] + said
    judgements = {
        "planes": judged(points, methods, real=real, baseline=baseline),
        "alarms": [vars(alarm) for alarm in found],
        "tested": said,
    }
    sweep = pd.DataFrame(list(rows(points)), columns=list(SWEEP))
    write_atomically(context.output("table"), table.to_csv(index=False).encode())
    write_atomically(context.output("text"), as_text(table, remarks).encode())
    write_atomically(context.output("sweep"), sweep.to_csv(index=False).encode())
    write_atomically(context.output("judgements"), readable_json(judgements))
    write_atomically(context.output("means"), readable_json(means(table)))


def means(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the mean of every score over seeds, by method."""
    return {
        str(method): dict(zip(rows["metric"], rows["mean"].astype(float), strict=True))
        for method, rows in table.groupby("method", sort=False)
    }


def owner(path: Path) -> tuple[str, int]:
    """Return method and seed of ``seed-1/stage-method``."""
    return path.stem.partition("-")[2], seed_of(path)


def seed_of(path: Path) -> int:
    """Return the seed that the folder around a path is named by."""
    return int(path.parent.name.removeprefix("seed-"))


def bootstrapped(scores: Found, folders: Sequence[Path]) -> dict[tuple[str, str], Any]:
    """Return the 95% interval of every score that is a mean over sentences, by method and metric.

    Over seeds and sentences at once; of a single seed, over sentences alone. Seeds share the test
    sentences: of these there is an interval for a single seed only.
    """
    drawn: dict[tuple[str, str], list[tuple[float, Floats]]] = {}
    several = len({seed for _, seed in scores}) > 1
    for folder in folders:
        method, seed = folder.name, seed_of(folder)
        known = {each["name"]: each for each in scores[method, seed] if each["of"]}
        per = {name: (each["of"], each["per"]) for name, each in known.items()}
        parts = read_parts(folder, per)
        for name, part in parts.items():
            if not isclose(part.mean, known[name]["value"], rel_tol=1e-6, abs_tol=1e-9):
                raise UserError(
                    f"{folder}: its sentences give a {name} of {part.mean:.6g}, but evaluate found "
                    f"{known[name]['value']:.6g}; run snakemake again"
                )
        kept = {name: part for name, part in parts.items() if not (several and part.of == "test")}
        for group in of_one_size(kept):
            values = np.stack([part.values for part in group.values()], axis=1)
            weights = np.stack([weights_of(part) for part in group.values()], axis=1)
            means = resampled_means(values, weights, np.random.default_rng(seed))
            for i, (name, part) in enumerate(group.items()):
                drawn.setdefault((method, name), []).append((part.mean, means[:, i]))
    intervals = {}
    for key, seeds in drawn.items():
        low, high = hierarchical_interval(
            np.array([[value] for value, _ in seeds]),
            [means[:, None] for _, means in seeds],
            np.random.default_rng(0),
        )
        intervals[key] = (float(low[0]), float(high[0]))
    return intervals


def of_one_size(parts: dict[str, Parts]) -> list[dict[str, Parts]]:
    """Return scores in groups that are means over the same sentences."""
    groups: dict[tuple[str, int], dict[str, Parts]] = {}
    for name, part in parts.items():
        groups.setdefault((part.of, len(part.values)), {})[name] = part
    return list(groups.values())


def weights_of(part: Parts) -> Floats:
    """Return what every sentence counts."""
    return np.ones(len(part.values)) if part.weights is None else part.weights.astype(float)


def measurements(scores: Found) -> dict[str, dict[str, Measured]]:
    """Return every score as mean over seeds, with the error of sampling sentences."""
    gathered: dict[str, dict[str, list[tuple[float, float | None]]]] = {}
    of_test = set()
    for (method, _), found in scores.items():
        for each in found:
            values = gathered.setdefault(method, {}).setdefault(each["name"], [])
            values.append((each["value"], each["standard_error"]))
            if each["of"] == "test":
                of_test.add(each["name"])
    return {
        method: {name: measured(values, shared=name in of_test) for name, values in found.items()}
        for method, found in gathered.items()
    }


def order_of(scores: Found) -> int | None:
    """Return the order of n-grams that alarms look at: 4, or else the largest below or above."""
    known = {
        int(each["name"].removeprefix("self_bleu_"))
        for found in scores.values()
        for each in found
        if each["name"].startswith("self_bleu_")
    }
    return max((order for order in known if order <= 4), default=min(known, default=None))


if __name__ == "__main__":
    STAGE.main(run)
