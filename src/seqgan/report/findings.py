"""What may be said of the methods, by rule from intervals of paired differences."""

from collections.abc import Mapping, Sequence

from seqgan.report.evidence import Cell, Evidence, Table
from seqgan.report.verdicts import Finding, Verdict, tone, verdict
from seqgan.report.watch import training_alarms
from seqgan.report.wording import listed, signed, span
from seqgan.statistics import t_interval

JUDGED = ("nll_oracle", "nll_test")
ALSO = ("js_oracle",)
"""Metrics that differences are told of, but no verdict is made of."""
FEW_SEEDS = 5
"""Below as many seeds the report says that its intervals are wide."""


def findings(evidence: Evidence) -> list[Finding]:
    """Return what the numbers allow to say, in the order in which it should be read."""
    table, baseline = evidence.table, evidence.baseline
    metrics = [metric for metric in JUDGED if metric in table.metrics]
    if "nll_test" not in metrics:
        return [Finding("There is no nll_test, so nothing is said about the methods.", "open")]
    found = [Finding(f"Alarm: {text}", "alarm", method) for method, text in evidence.alarms]
    found += training_alarms(evidence)
    others = [method for method in evidence.methods if method != baseline]
    if baseline is None:
        found.append(
            Finding(
                "There is no baseline to compare with: no method is likelihood alone, and "
                "`baseline` is not set.",
                "open",
            )
        )
    else:
        found += curves(evidence)
        for metric in [*metrics, *(name for name in ALSO if name in table.metrics)]:
            found += differences(table, metric, others, baseline)
        found += trades(table, others, baseline)
    for control in controls(evidence):
        found += beyond_control(evidence, control, metrics)
    return found + cautions(evidence)


def curves(evidence: Evidence) -> list[Finding]:
    """Say whose curve lies outside the baseline's: the only claim to be better that is made."""
    found = []
    for plane in evidence.planes:
        groups: dict[str, list[str]] = {}
        for method, judged in plane.verdicts.items():
            groups.setdefault(judged, []).append(method)
        for judged, (text, mark) in CURVES.items():
            if methods := groups.get(judged):
                said = text.format(methods=listed(methods), baseline=evidence.baseline)
                where = f"{plane.quality} and {plane.diversity}"
                found.append(Finding(f"At all temperatures, in {where}: {said}", mark))
    return found


CURVES = {
    "outside": (
        "outside the curve of {baseline}, so better where both reach: {methods}.",
        "good",
    ),
    "inside": (
        "inside the curve of {baseline}, so worse where both reach: {methods}.",
        "bad",
    ),
    "crosses": ("better than {baseline} at some qualities, worse at others: {methods}.", "mixed"),
    "open": ("not to be told from {baseline} at a temperature of its own: {methods}.", "open"),
    "apart": ("of no quality that {baseline} reaches too: {methods}.", "open"),
}


def differences(table: Table, metric: str, methods: Sequence[str], baseline: str) -> list[Finding]:
    """Say of one metric which methods differ from the baseline, and which do not."""
    groups: dict[Verdict, list[Cell]] = {}
    for method in methods:
        cell = table.get(method, metric)
        if cell is not None and cell.difference is not None:
            judged = verdict(cell.difference_low, cell.difference_high)
            groups.setdefault(judged, []).append(cell)
    sayings = {
        Verdict.LOWER: f"{metric} is lower (better) than that of {baseline} for",
        Verdict.HIGHER: f"{metric} is higher (worse) than that of {baseline} for",
        Verdict.INCONCLUSIVE: f"{metric} does not measurably differ from that of {baseline} for",
        Verdict.UNKNOWN: f"{metric} cannot be judged against that of {baseline}, because a single "
        "seed gives no interval, for",
    }
    return [
        Finding(
            f"{saying} {listed([with_difference(cell) for cell in groups[judged]])}.",
            tone(metric, judged),
        )
        for judged, saying in sayings.items()
        if judged in groups
    ]


TRADES = {
    (Verdict.LOWER, Verdict.LOWER): ("is better than {0} in quality and in coverage.", "good"),
    (Verdict.LOWER, Verdict.HIGHER): (
        "trades coverage for quality against {0}; lost diversity alone does the same.",
        "mixed",
    ),
    (Verdict.LOWER, Verdict.INCONCLUSIVE): (
        "is better than {0} in quality, with no measurable change in coverage.",
        "good",
    ),
    (Verdict.HIGHER, Verdict.HIGHER): ("is worse than {0} in quality and in coverage.", "bad"),
    (Verdict.HIGHER, Verdict.LOWER): ("trades quality for coverage against {0}.", "mixed"),
    (Verdict.HIGHER, Verdict.INCONCLUSIVE): (
        "is worse than {0} in quality, with no measurable change in coverage.",
        "bad",
    ),
    (Verdict.INCONCLUSIVE, Verdict.LOWER): (
        "is better than {0} in coverage, with no measurable change in quality.",
        "good",
    ),
    (Verdict.INCONCLUSIVE, Verdict.HIGHER): (
        "is worse than {0} in coverage, with no measurable change in quality.",
        "bad",
    ),
    (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE): (
        "cannot be told from {0} in quality or in coverage.",
        "open",
    ),
}
"""What the verdicts on nll_oracle (quality) and nll_test (coverage) mean together."""


def trades(table: Table, methods: Sequence[str], baseline: str) -> list[Finding]:
    """Read the verdicts on quality and coverage together, for each method that has both."""
    found = []
    for method in methods:
        quality, coverage = (table.get(method, metric) for metric in JUDGED)
        if quality is None or coverage is None:
            continue
        pair = (
            verdict(quality.difference_low, quality.difference_high),
            verdict(coverage.difference_low, coverage.difference_high),
        )
        if pair in TRADES:
            text, mark = TRADES[pair]
            found.append(
                Finding(
                    f"Together, at this temperature: {method} {text.format(baseline)}", mark, method
                )
            )
    return found


CONTROLS = ("constant", "random", "shuffled")
"""Kinds of rewards that say nothing of the sentence they are given for."""


def controls(evidence: Evidence) -> list[str]:
    """Return the methods whose reward says nothing."""
    given = evidence.settings["methods"]
    return [
        method
        for method in evidence.methods
        if given[method].get("reward", {}).get("kind") in CONTROLS
    ]


def beyond_control(evidence: Evidence, control: str, metrics: Sequence[str]) -> list[Finding]:
    """Say what methods with a reward that knows something reach beyond one that knows nothing."""
    found = []
    for method in evidence.methods:
        settings = evidence.settings["methods"][method]
        if "reward" not in settings or method in controls(evidence):
            continue
        parts, marks = [], set()
        for metric in metrics:
            paired = paired_interval(evidence.scores, metric, method, control)
            if paired is None:
                continue
            mean, low, high = paired
            if low is None or high is None:
                continue
            judged = verdict(low, high)
            marks.add(tone(metric, judged))
            word = "not measurably different" if judged is Verdict.INCONCLUSIVE else judged.value
            parts.append(f"{metric} is {word} ({signed(mean)}, {span(low, high)})")
        if parts:
            marks -= {"open"}
            mark = "open" if not marks else marks.pop() if len(marks) == 1 else "mixed"
            found.append(
                Finding(
                    f"Against the control {control}, whose reward says nothing: {method}'s "
                    f"{' and '.join(parts)}.",
                    mark,
                    method,
                )
            )
    return found


def paired_interval(
    scores: Mapping[str, Mapping[int, Mapping[str, float]]], metric: str, method: str, other: str
) -> tuple[float, float | None, float | None] | None:
    """Return the mean difference of two methods over the seeds of both, with its 95% interval."""
    mine, theirs = scores.get(method, {}), scores.get(other, {})
    paired = [
        mine[seed][metric] - theirs[seed][metric]
        for seed in sorted(mine.keys() & theirs.keys())
        if metric in mine[seed] and metric in theirs[seed]
    ]
    if not paired:
        return None
    if len(paired) == 1:
        return paired[0], None, None
    return t_interval(paired)


def cautions(evidence: Evidence) -> list[Finding]:
    """Say how far the numbers carry."""
    count = len(evidence.settings["seeds"])
    if count == 1:
        return [
            Finding(
                "A single seed was run: there are no intervals, and differences between methods "
                "may be chance. Give more seeds before drawing conclusions.",
                "open",
            )
        ]
    found = [Finding(text, "open") for text in evidence.tested]
    if count < FEW_SEEDS:
        found.append(
            Finding(
                f"With {count} seeds intervals are wide: what does not measurably differ here may "
                "still differ.",
                "open",
            )
        )
    return found


def with_difference(cell: Cell) -> str:
    """Return a method and its difference from the baseline."""
    value = signed(cell.difference or 0.0)
    if cell.difference_low is None or cell.difference_high is None:
        return f"{cell.method} ({value})"
    return f"{cell.method} ({value}, {span(cell.difference_low, cell.difference_high)})"
