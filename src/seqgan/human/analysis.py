"""What can be concluded from ratings: means, agreement, contrasts, strengths."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from seqgan.errors import UserError
from seqgan.human.agreement import (
    Level,
    bootstrap_alpha,
    fleiss_kappa,
    interpretation,
    krippendorff_alpha,
    pairwise_kappas,
)
from seqgan.human.inference import (
    cluster_bootstrap,
    percentile_interval,
    permutation_test,
    wilson_interval,
)
from seqgan.human.preferences import ELO, bootstrap_strengths, bradley_terry
from seqgan.human.ratings import TIE, Collected, Table
from seqgan.statistics import holm

REAL = "real"


@dataclass(frozen=True)
class Scale:
    """A column of ratings as numbers.

    Attributes:
        name: What results call it.
        column: Where it stands.
        level: What its differences mean.
        codes: The number of each answer.
    """

    name: str
    column: str
    level: Level
    codes: Mapping[str, float]


POINTS = {str(point): float(point) for point in range(1, 6)}
SCALES = (
    Scale("fluency", "fluency_1_5", "ordinal", POINTS),
    Scale("sense", "sense_1_5", "ordinal", POINTS),
    # The share of "human" is the rate at which a system passes the Turing test.
    Scale("human", "human_or_machine", "nominal", {"human": 1.0, "machine": 0.0}),
)


@dataclass(frozen=True)
class Effort:
    """How much is drawn.

    Attributes:
        resamples: Bootstrap samples.
        permutations: Of each contrast.
        seed: Of all draws.
    """

    resamples: int = 2000
    permutations: int = 10_000
    seed: int = 0


def analyse(collected: Collected, effort: Effort) -> dict[str, Any]:
    """Return everything that is concluded, as plain data in full precision.

    Only first showings count: repeats are for :func:`repeats` alone.

    Raises:
        UserError: If there is nothing to analyse.
    """
    rng = np.random.default_rng(effort.seed)
    ratings = [row for row in collected.ratings if row["purpose"] == "item"]
    answered = [row for row in collected.preferences if row["winner"]]
    preferences = [row for row in answered if row["purpose"] == "item"]
    if not ratings and not preferences:
        raise UserError("no rating of an attentive rater is left; nothing can be analysed")
    raters = collected.raters
    return {
        "settings": {
            "bootstrap": effort.resamples,
            "permutations": effort.permutations,
            "seed": effort.seed,
        },
        "raters": {
            "sent": len(raters),
            "kept": sum(row["kept"] for row in raters),
            "dropped": sorted(row["rater"] for row in raters if not row["kept"]),
        },
        "systems": means(ratings, rng, effort),
        "agreement": agreement(ratings, rng, effort),
        "repeats": repeats(collected.ratings),
        "contrasts": contrasts(ratings, rng, effort),
        "preferences": compare(answered, preferences, rng, effort),
    }


def systems_of(names: Sequence[str]) -> list[str]:
    """Return different systems, real sentences first, then by name."""
    return sorted(set(names), key=lambda name: (name != REAL, name))


def matrix(
    ratings: Table, scale: Scale, raters: Sequence[str]
) -> tuple[Float[np.ndarray, "raters items"], list[str]]:
    """Return a scale as numbers, NaN where there is no answer, and the ids of the items."""
    items = sorted({row["item_id"] for row in ratings})
    row_of = {rater: place for place, rater in enumerate(raters)}
    column_of = {item: place for place, item in enumerate(items)}
    values = np.full((len(raters), len(items)), np.nan)
    for row in ratings:
        code = scale.codes.get(row[scale.column], np.nan)
        values[row_of[row["rater"]], column_of[row["item_id"]]] = code
    return values, items


def by_system(
    ratings: Table, scale: Scale, raters: Sequence[str]
) -> dict[str, tuple[Float[np.ndarray, "raters _"], Int[np.ndarray, " _"]]]:
    """Return the ratings of every system with any on this scale, and the bins of its items."""
    found = {}
    bins = {row["item_id"]: row["bin"] for row in ratings}
    for system in systems_of([row["system"] for row in ratings]):
        values, items = matrix([row for row in ratings if row["system"] == system], scale, raters)
        if not np.isnan(values).all():
            found[system] = values, np.array([bins[item] for item in items])
    return found


def raters_of(rows: Table) -> list[str]:
    """Return the different raters of a table."""
    return sorted({row["rater"] for row in rows})


def means(ratings: Table, rng: np.random.Generator, effort: Effort) -> list[dict[str, Any]]:
    """Return the mean of every system and scale with its bootstrap interval.

    For ``human`` the mean is the Turing pass rate, with Wilson's interval beside it.
    """
    if not ratings:
        return []
    raters = raters_of(ratings)
    rows: dict[str, dict[str, Any]] = {}
    for scale in SCALES:
        values = {name: found for name, (found, _) in by_system(ratings, scale, raters).items()}
        if not values:
            continue
        draws = cluster_bootstrap(values, rng, effort.resamples)
        for system, found in values.items():
            known = found[~np.isnan(found)]
            low, high = percentile_interval(draws[system])
            row = rows.setdefault(system, {"system": system, "items": found.shape[1]})
            row[scale.name] = {"mean": known.mean(), "low": low, "high": high, "n": len(known)}
            if scale.level == "nominal":
                wilson = wilson_interval(int(known.sum()), len(known))
                row[scale.name] |= {"wilson_low": wilson[0], "wilson_high": wilson[1]}
    return [rows[system] for system in systems_of(list(rows))]


def agreement(ratings: Table, rng: np.random.Generator, effort: Effort) -> list[dict[str, Any]]:
    """Return how far raters agree on every scale."""
    if not ratings:
        return []
    raters = raters_of(ratings)
    rows = []
    for scale in SCALES:
        values, _ = matrix(ratings, scale, raters)
        alpha = krippendorff_alpha(values, scale.level)
        low, high = percentile_interval(bootstrap_alpha(values, scale.level, rng, effort.resamples))
        kappas = [
            {"raters": [raters[one], raters[other]], "kappa": kappa}
            for one, other, kappa in pairwise_kappas(values, quadratic=scale.level != "nominal")
        ]
        known = [each["kappa"] for each in kappas if not np.isnan(each["kappa"])]
        rows.append(
            {
                "scale": scale.name,
                "level": scale.level,
                "alpha": alpha,
                "low": low,
                "high": high,
                "meaning": interpretation(alpha),
                "kappas": kappas,
                "mean_kappa": float(np.mean(known)) if known else float("nan"),
                "fleiss": fleiss_kappa(values),
            }
        )
    return rows


def repeats(ratings: Table) -> list[dict[str, Any]]:
    """Return how far each rater repeats an answer when an item comes again.

    ``same`` is the share of equal answers, ``distance`` their mean absolute difference.
    """
    changes: dict[str, dict[str, list[float]]] = {}
    for first, again in _twice(ratings):
        for scale in SCALES:
            change = scale.codes.get(again[scale.column], np.nan) - scale.codes.get(
                first[scale.column], np.nan
            )
            known = changes.setdefault(first["rater"], {}).setdefault(scale.name, [])
            if not np.isnan(change):
                known.append(abs(change))
    return [
        {"rater": rater}
        | {
            name: {
                "n": len(found),
                "same": float(np.mean(np.array(found) == 0)) if found else float("nan"),
                "distance": float(np.mean(found)) if found else float("nan"),
            }
            for name, found in by_scale.items()
        }
        for rater, by_scale in sorted(changes.items())
    ]


def _twice(rows: Table) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the first and the second showing of every item that a rater saw twice."""
    first = {(row["rater"], row["of"]): row for row in rows if row["purpose"] == "item"}
    again = [row for row in rows if row["purpose"] == "repeat"]
    return [
        (first[row["rater"], row["of"]], row) for row in again if (row["rater"], row["of"]) in first
    ]


def contrasts(ratings: Table, rng: np.random.Generator, effort: Effort) -> list[dict[str, Any]]:
    """Return the difference of every two systems on every scale, with p-values.

    The unit is the item, by its mean over raters. All contrasts of all scales are one family for
    Holm's adjustment.
    """
    if not ratings:
        return []
    raters = raters_of(ratings)
    rows: list[dict[str, Any]] = []
    for scale in SCALES:
        values = by_system(ratings, scale, raters)
        if len(values) < 2:
            continue
        draws = cluster_bootstrap(
            {system: found for system, (found, _) in values.items()}, rng, effort.resamples
        )
        for first, second in itertools.combinations(values, 2):
            low, high = percentile_interval(draws[first] - draws[second])
            two = [_item_means(*values[system]) for system in (first, second)]
            p = permutation_test(
                np.concatenate([each for each, _ in two]),
                np.repeat([True, False], [len(each) for each, _ in two]),
                np.concatenate([bins for _, bins in two]),
                rng,
                effort.permutations,
            )
            difference = np.nanmean(values[first][0]) - np.nanmean(values[second][0])
            rows.append(
                {"scale": scale.name, "first": first, "second": second}
                | {"difference": float(difference), "low": low, "high": high, "p": p}
            )
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _item_means(
    values: Float[np.ndarray, "raters items"], bins: Int[np.ndarray, " items"]
) -> tuple[Float[np.ndarray, " rated"], Int[np.ndarray, " rated"]]:
    rated = ~np.isnan(values).all(axis=0)
    return np.nanmean(values[:, rated], axis=0), bins[rated]


def compare(
    every: Table, preferences: Table, rng: np.random.Generator, effort: Effort
) -> dict[str, Any] | None:
    """Return strengths of systems from comparisons, and how they were judged; None without any."""
    if not preferences:
        return None
    systems = systems_of([row[name] for row in preferences for name in ("first", "second")])
    raters = raters_of(preferences)
    place = {system: number for number, system in enumerate(systems)}
    wins = np.zeros((len(raters), len(systems), len(systems)))
    ties = np.zeros_like(wins)
    for row in preferences:
        winner, who = row["winner"], raters.index(row["rater"])
        one, other = place[row["first"]], place[row["second"]]
        if winner == TIE:
            ties[who, one, other] += 1
            ties[who, other, one] += 1
        else:
            better, worse = (one, other) if winner == "first" else (other, one)
            wins[who, better, worse] += 1
    fitted = bradley_terry(wins.sum(axis=0), ties.sum(axis=0))
    # A single rater says nothing about the spread of raters.
    enough = len(raters) > 1
    draws = bootstrap_strengths(wins, ties, rng, effort.resamples) if enough else None
    strengths = []
    for system, number in place.items():
        strength, error = fitted.log_strength[number], fitted.standard_error[number]
        low, high = (
            percentile_interval(draws[:, number])
            if draws is not None
            else (float("nan"), float("nan"))
        )
        row = {"log_strength": strength, "standard_error": error, "low": low, "high": high}
        strengths.append(
            {"system": system} | row | {f"elo_{name}": value * ELO for name, value in row.items()}
        )
    left = [
        (row["winner"] == "first") == (row["first_shown"] == "left")
        for row in preferences
        if row["winner"] != TIE
    ]
    same = [first["winner"] == again["winner"] for first, again in _twice(every)]
    return {
        "model": "Davidson",
        "comparisons": len(preferences),
        "ties": sum(row["winner"] == TIE for row in preferences),
        "raters": len(raters),
        "left_share": float(np.mean(left)) if left else float("nan"),
        "ridge": fitted.ridge,
        "log_tie": fitted.log_tie if np.isfinite(fitted.log_tie) else None,
        "strengths": strengths,
        "pairs": _pairs(systems, wins.sum(axis=0), ties.sum(axis=0)),
        "repeats": {
            "n": len(same),
            "same": float(np.mean(same)) if same else float("nan"),
        },
    }


def _pairs(
    systems: Sequence[str],
    wins: Float[np.ndarray, "systems systems"],
    ties: Float[np.ndarray, "systems systems"],
) -> list[dict[str, Any]]:
    rows = []
    for one, other in itertools.combinations(range(len(systems)), 2):
        won, lost, tied = wins[one, other], wins[other, one], ties[one, other]
        if games := won + lost + tied:
            low, high = wilson_interval(int(won), int(won + lost))
            rows.append(
                {
                    "first": systems[one],
                    "second": systems[other],
                    "won": int(won),
                    "tied": int(tied),
                    "lost": int(lost),
                    "win_rate": (won + tied / 2) / games,
                    "decisive_low": low,
                    "decisive_high": high,
                }
            )
    return rows


def plain(value: Any) -> Any:
    """Return nested results as JSON can hold them: numbers of Python, and null for no number."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
