"""What a report is made of, read from the results tree and aligned over seeds; imports no torch."""

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.records import read_json, read_json_lines
from seqgan.report.curves import Curve, Rows, align
from seqgan.scored import check_scores

REAL = "real"
"""The row of held-out real sentences: what a perfect generator would reach."""

VERDICTS = {"outside", "inside", "crosses", "open", "apart", "unknown"}
"""How a curve can lie to another."""

GENERATOR, DISCRIMINATOR, ADVERSARIAL = (
    "pretrain_generator",
    "pretrain_discriminator",
    "train_adversarially",
)


@dataclass(frozen=True)
class Cell:
    """A method's value of one metric over seeds; ``None`` where a single seed gives no interval.

    Attributes:
        method: Name of the method.
        metric: Name of the metric.
        mean: Mean over seeds.
        deviation: Standard deviation over seeds.
        low: Lower end of the 95% interval of the mean.
        high: Upper end.
        seeds: Number of seeds.
        difference: Mean difference from the baseline, paired by seed.
        difference_low: Lower end of its 95% interval.
        difference_high: Upper end.
        signature: What another number must share to be compared.
        gap: Mean distance from real sentences, paired by seed.
        gap_low: Lower end of its 95% interval.
        gap_high: Upper end.
        p_holm: p-value of the difference, adjusted within its family of metrics.
        p_permutation: That of an exact test that only assumes pairs.
        hedges_g: The difference in standard deviations.
    """

    method: str
    metric: str
    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    seeds: int
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    signature: str
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    p_holm: float | None = None
    p_permutation: float | None = None
    hedges_g: float | None = None


TEXTS = ("method", "metric", "signature")
NUMBERS = tuple(each.name for each in fields(Cell) if each.name not in (*TEXTS, "mean", "seeds"))


@dataclass(frozen=True)
class Table:
    """The table of ``summarise``."""

    cells: dict[tuple[str, str], Cell]

    @property
    def methods(self) -> list[str]:
        """Methods in the order of the table, real sentences first."""
        return list(dict.fromkeys(method for method, _ in self.cells))

    @property
    def metrics(self) -> list[str]:
        """Metrics in the order in which they were computed."""
        return list(dict.fromkeys(metric for _, metric in self.cells))

    def get(self, method: str, metric: str) -> Cell | None:
        """Return a cell, or nothing where the method has no such score."""
        return self.cells.get((method, metric))

    def mean(self, method: str, metric: str) -> float | None:
        """Return the mean over seeds, or nothing."""
        cell = self.get(method, metric)
        return None if cell is None else cell.mean


@dataclass(frozen=True)
class Point:
    """One setting of sampling, such as ``temperature=0.8``, and its scores."""

    setting: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Gap:
    """What a method is better by in diversity, at levels of quality, each with its interval."""

    levels: list[float]
    gaps: list[list[float]]


@dataclass(frozen=True)
class PlaneJudged:
    """A plane of two scores, and how the curve of each method lies to that of the baseline."""

    name: str
    quality: str
    diversity: str
    verdicts: dict[str, str]
    gaps: dict[str, Gap]


@dataclass(frozen=True)
class Evidence:
    """Everything that a report shows, apart from who computed it.

    Attributes:
        settings: The part of the configuration that the report reads.
        table: Scores of all methods.
        histories: Rows of the learning curves, by stage and method (or none) and then by seed.
        scores: Value of each metric, by method and then by seed.
        samples: Sentences of the first seed, by method.
        facts: What is known of the corpus.
        sweep: Points of the curves over settings of sampling, by method and then by seed.
        planes: What is known of the curves.
        alarms: Method and sentence of every alarm.
        tested: Sentences on what was tested and what remains open.
        encoder: What turned sentences into vectors, and why it did.
    """

    settings: dict[str, Any]
    table: Table
    histories: dict[tuple[str, str | None], dict[int, Rows]] = field(default_factory=dict)
    scores: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, dict[int, list[Point]]] = field(default_factory=dict)
    planes: list[PlaneJudged] = field(default_factory=list)
    alarms: list[tuple[str, str]] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    encoder: str = ""

    @property
    def methods(self) -> list[str]:
        """Names of the methods, without real sentences, in the order of the table."""
        given = self.settings["methods"]
        # A spec sorts its keys; the table has likelihood alone first.
        ordered = [name for name in self.table.methods if name in given]
        return [name for name in dict.fromkeys([*ordered, *given]) if name != REAL]

    @property
    def baseline(self) -> str | None:
        """The method that others are compared with, if there is one."""
        return self.settings["baseline"]

    @property
    def has_oracle(self) -> bool:
        """Whether the likelihood of any sentence under the truth is known."""
        return self.settings["corpus"]["kind"] == "oracle"

    def curve(self, stage: str, metric: str, method: str | None = None) -> Curve | None:
        """Return a metric over the steps of a stage, or nothing where it was not measured."""
        return align(self.histories.get((stage, method), {}).values(), metric)

    def chosen_epochs(self, method: str, metric: str) -> list[tuple[int, float]]:
        """Return epoch and value of the weights that a method of likelihood alone uses, by seed."""
        settings = self.settings["methods"][method]
        if settings["kind"] != "likelihood":
            return []
        chosen = []
        shared = settings.get("training") is None
        for rows in self.histories.get((GENERATOR, None if shared else method), {}).values():
            measured: Rows = [row for row in rows if row.get(metric) is not None]
            if measured and settings["weights"] == "best":
                judged = [row for row in measured if row.get("nll_validation") is not None]
                measured = [min(judged, key=lambda row: row["nll_validation"])] if judged else []
            if measured:
                chosen.append((measured[-1]["step"], float(measured[-1][metric])))
        return chosen


# --- reading --------------------------------------------------------------------------------------


def read_table(path: Path) -> Table:
    """Return the table in a CSV file; raise :class:`UserError` if it is of another kind."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        cells = [
            Cell(
                **{
                    "mean": float(row["mean"]),
                    "seeds": int(row["seeds"]),
                    **{name: row[name] for name in TEXTS},
                    **{name: _number(row[name]) for name in NUMBERS},
                }
            )
            for row in rows
        ]
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not a table of summarise ({error}); delete it and run snakemake again"
        ) from None
    return Table({(cell.method, cell.metric): cell for cell in cells})


def _number(text: str) -> float | None:
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None


def read_sweep(path: Path) -> dict[str, dict[int, list[Point]]]:
    """Return the points in a CSV file; raise :class:`UserError` if it is of another kind."""
    scores: dict[tuple[str, int, str], dict[str, float]] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if "setting" not in (reader.fieldnames or ()):
                raise ValueError("its header is another")
            for row in reader:
                key = (row["method"], int(row["seed"]), row["setting"])
                scores.setdefault(key, {})[row["metric"]] = float(row["value"])
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} has no curves of summarise ({error}); delete it and run snakemake again"
        ) from None
    sweep: dict[str, dict[int, list[Point]]] = {}
    for (method, seed, setting), found in scores.items():
        sweep.setdefault(method, {}).setdefault(seed, []).append(Point(setting, found))
    return sweep


def read_judgements(path: Path) -> dict[str, Any]:
    """Return planes, alarms and what was tested, as :class:`Evidence` wants them.

    Raises :class:`UserError` if the file is of another kind.
    """
    content = read_json(path)
    try:
        planes = [
            PlaneJudged(
                each["plane"],
                each["quality"],
                each["diversity"],
                {found["method"]: found["verdict"] for found in each["comparisons"]},
                {
                    found["method"]: Gap(
                        found["levels"],
                        [
                            [math.nan if end is None else float(end) for end in gap]
                            for gap in found["gaps"]
                        ],
                    )
                    for found in each["comparisons"]
                },
            )
            for each in content["planes"]
        ]
        alarms = [(each["method"], each["text"]) for each in content["alarms"]]
        tested = content["tested"]
        if not isinstance(tested, list) or any(not isinstance(each, str) for each in tested):
            raise ValueError("`tested` is no list of sentences")
        verdicts = {found for plane in planes for found in plane.verdicts.values()}
        if odd := verdicts - VERDICTS:
            raise ValueError(f"no verdict is called {sorted(map(str, odd))[0]}")
        gaps = [gap for plane in planes for found in plane.gaps.values() for gap in found.gaps]
        if any(len(gap) != 3 for gap in gaps):
            raise ValueError("a gap has a mean and two ends")
        return {"planes": planes, "alarms": alarms, "tested": tested}
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} has no judgements of summarise ({error}); delete it and run snakemake again"
        ) from None


def read_histories(paths: Iterable[Path]) -> dict[tuple[str, str | None], dict[int, Rows]]:
    """Return learning curves from files called ``seed-1/stage-method.jsonl``."""
    histories: dict[tuple[str, str | None], dict[int, Rows]] = {}
    for path in paths:
        stage, _, method = path.stem.partition("-")
        histories.setdefault((stage, method or None), {})[seed_of(path)] = read_json_lines(path)
    return histories


def read_scores(paths: Iterable[Path]) -> dict[str, dict[int, dict[str, float]]]:
    """Return the scores of each method and seed from files of ``evaluate``."""
    scores: dict[str, dict[int, dict[str, float]]] = {}
    for path in paths:
        method = path.stem.removeprefix("evaluate-")
        found = {each["name"]: each["value"] for each in check_scores(path, read_json(path))}
        scores.setdefault(method, {})[seed_of(path)] = found
    return scores


def read_samples(folders: Iterable[Path], seed: int, count: int) -> dict[str, list[str]]:
    """Return the first sentences of every method of one seed."""
    samples = {}
    for folder in folders:
        if seed_of(folder) == seed:
            text = (folder / "sentences.txt").read_text(encoding="utf-8")
            # Not splitlines(): a word may hold one of the rarer separators.
            lines = text.removesuffix("\n").split("\n")[:count]
            samples[folder.name] = [line.replace("\t", " → ") for line in lines]
    return samples


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what is known of the corpus; nothing where it is not written down."""
    try:
        return json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def read_encoder(folders: Iterable[Path]) -> str:
    """Return what turned sentences into vectors, and why; nothing where none were."""
    for folder in folders:
        choice = read_json(folder / "encoder.json")
        try:
            kind, reason = (str(choice[name]) for name in ("kind", "reason"))
        except (KeyError, TypeError):
            raise UserError(
                f"{folder}/encoder.json names no encoder; run snakemake again"
            ) from None
        return f"none: {reason}" if kind == "none" else reason
    return ""


def seed_of(path: Path) -> int:
    """Return the seed whose folder holds a file; raise :class:`UserError` if none does."""
    name = path.parent.name
    if not name.startswith("seed-") or not name[5:].isdigit():
        raise UserError(f"{path} must lie in a folder that is called seed-N")
    return int(name.removeprefix("seed-"))
