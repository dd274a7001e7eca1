"""Results as text: rounded for a terminal, or in full precision."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from seqgan.human.agreement import RELIABLE, TENTATIVE

FEW_RATERS = 5
Number = Callable[..., str]


def render(analysis: dict[str, Any], digits: int | None) -> str:
    """Return all results as tables and sentences.

    Args:
        analysis: What :func:`seqgan.human.analysis.plain` returned.
        digits: Digits after the point, or ``None`` for all that there are.
    """

    def number(value: Any, more: int = 0) -> str:
        if value is None:
            return "–"
        return repr(value) if digits is None else f"{value:.{digits + more}f}"

    return "\n".join(
        line
        for part in (_raters, _means, _agreement, _repeats, _contrasts, _preferences, _cautions)
        for line in part(analysis, number)
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; the first column is aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        first, *others = (
            f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([f"  {first}", *others]).rstrip()
    yield ""


def _range(part: dict[str, Any], number: Number, low: str = "low", high: str = "high") -> str:
    if part[low] is None:
        return "–"
    return f"[{number(part[low])}, {number(part[high])}]"


def _raters(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    raters = analysis["raters"]
    yield f"{raters['kept']} of {raters['sent']} raters are analysed"
    if raters["dropped"]:
        yield f"dropped, because they failed attention checks: {', '.join(raters['dropped'])}"
    yield ""


def _means(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    if not analysis["systems"]:
        return
    yield "Means with 95% intervals (bootstrap over raters and items)"
    names = [each["scale"] for each in analysis["agreement"] if each["scale"] != "human"]
    header = ["system", "items"]
    for name in names:
        header += [name, ""]
    header += ["judged human", "", "Wilson", "ratings"]
    rows = []
    for row in analysis["systems"]:
        cells = [row["system"], str(row["items"])]
        for name in names:
            part = row.get(name)
            cells += [number(part["mean"]), _range(part, number)] if part else ["–", "–"]
        part = row.get("human")
        cells += (
            [
                number(part["mean"]),
                _range(part, number),
                _range(part, number, "wilson_low", "wilson_high"),
                str(part["n"]),
            ]
            if part
            else ["–"] * 4
        )
        rows.append(cells)
    yield from table(header, rows)


def _agreement(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    if not analysis["agreement"]:
        return
    yield "Agreement of raters (Krippendorff's alpha, 95% by bootstrap over items)"
    rows = [
        [
            each["scale"],
            each["level"],
            number(each["alpha"]),
            _range(each, number),
            number(each["mean_kappa"]),
            number(each["fleiss"]),
            each["meaning"],
        ]
        for each in analysis["agreement"]
    ]
    header = ["scale", "level", "alpha", "", "mean kappa", "Fleiss", "meaning"]
    yield from table(header, rows)
    yield (
        f"  alpha of at least {RELIABLE} is reliable, of at least {TENTATIVE} allows tentative "
        "conclusions; below, do not rank"
    )
    yield "  kappa: Cohen's of every two raters, quadratic weights on scales; Fleiss if complete"
    yield ""


def _repeats(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    if not analysis["repeats"]:
        return
    yield "Answers that a rater repeats when a sentence comes again: share equal (mean distance)"
    names = [name for name in analysis["repeats"][0] if name != "rater"]
    rows = [
        [each["rater"], str(max(each[name]["n"] for name in names))]
        + [f"{number(each[name]['same'])} ({number(each[name]['distance'])})" for name in names]
        for each in analysis["repeats"]
    ]
    yield from table(["rater", "repeats", *names], rows)


def _contrasts(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    if not analysis["contrasts"]:
        return
    yield "Differences of systems (permutation of items within length bins; Holm over all rows)"
    rows = [
        [
            f"{each['scale']}: {each['first']} − {each['second']}",
            number(each["difference"]),
            _range(each, number),
            number(each["p"], 1),
            number(each["p_holm"], 1),
        ]
        for each in analysis["contrasts"]
    ]
    yield from table(["contrast", "difference", "95%", "p", "p (Holm)"], rows)


def _preferences(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    found = analysis["preferences"]
    if found is None:
        return
    yield (
        f"Preferences: {found['comparisons']} comparisons by {found['raters']} raters, "
        f"{found['ties']} ties; left preferred in {number(found['left_share'])} of the others"
    )
    rows = [
        [
            f"{each['first']} – {each['second']}",
            str(each["won"]),
            str(each["tied"]),
            str(each["lost"]),
            number(each["win_rate"]),
            _range(each, number, "decisive_low", "decisive_high"),
        ]
        for each in found["pairs"]
    ]
    header = ["pair", "won", "tied", "lost", "win rate", "Wilson, without ties"]
    yield from table(header, rows)
    yield "Strengths (Bradley-Terry with ties after Davidson; mean 0; 95% by bootstrap over raters)"
    rows = [
        [
            each["system"],
            number(each["log_strength"]),
            number(each["standard_error"]),
            _range(each, number),
            number(each["elo_log_strength"]),
            _range(each, number, "elo_low", "elo_high"),
        ]
        for each in found["strengths"]
    ]
    yield from table(["system", "log-odds", "s.e.", "95%", "Elo", "95%"], rows)
    if found["repeats"]["n"]:
        yield (
            f"  of {found['repeats']['n']} repeated pairs, sides exchanged, the share "
            f"{number(found['repeats']['same'])} was judged alike"
        )
        yield ""


def _cautions(analysis: dict[str, Any], number: Number) -> Iterator[str]:
    found, kept = analysis["preferences"], analysis["raters"]["kept"]
    if kept == 1:
        yield "caution: one rater; intervals say nothing about other raters"
    elif kept < FEW_RATERS:
        yield f"caution: {kept} raters; a bootstrap over so few is coarse"
    if weak := [
        each["scale"]
        for each in analysis["agreement"]
        if each["alpha"] is None or each["alpha"] < TENTATIVE
    ]:
        yield f"caution: raters do not agree on {', '.join(weak)}; do not rank systems by it"
    if found is not None and found["ridge"]:
        yield (
            "caution: some systems were never beaten by others; strengths are held finite by "
            f"a ridge of {found['ridge']}"
        )
    if analysis["contrasts"]:
        yield (
            "caution: p-values compare these sentences of these trained models; another training "
            "seed is another model"
        )
