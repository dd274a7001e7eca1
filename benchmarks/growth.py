"""How time and memory grow with the size of a problem. Nothing here has a bar."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from cases import Case, Plan
from measure import Patience, Row, longer, peak_bytes
from worlds import PAPER, PATHS, Ours, Size, run_path

LONGEST = 120.0
"""Seconds beyond which a setting is left out."""
PATIENCE = Patience(2.0, 1, warm_up=False)
AXES: dict[str, tuple[int, ...]] = {
    "length": (20, 40, 80, 160),
    "vocab": (5_000, 20_000, 50_000),
    "rollouts": (4, 16, 64),
    "batch": (16, 64, 256),
}
FEW_FILTERS = [10] * len(PAPER.discriminator["num_filters"])
LARGEST = replace(
    PAPER,
    length=160,
    vocab=50_000,
    discriminator={**PAPER.discriminator, "num_filters": FEW_FILTERS},
)


def arithmetic(size: Size, path: str) -> float:
    """Return a number that the time of a path should grow with."""
    if path == "score":
        return size.completions * size.discriminator_flops
    return size.rolled_tokens * size.vocab


def series(axis: str, path: str) -> Iterator[Row]:
    """Measure a path along an axis; ratios are to the first setting."""
    seen: list[tuple[float, float]] = []
    for value in AXES[axis]:
        size = replace(PAPER, **{axis: value})
        name, work = f"growth_{axis} {value} {path}", arithmetic(size, path)
        expected = seen[-1][0] * work / seen[-1][1] if seen else 0.0
        if expected > LONGEST:
            yield Row(name, note=f"left out: it would take about {expected:.0f} s")
            continue
        (seconds,) = PATIENCE.medians(partial(PATHS[path], Ours(size)))
        seen.append((seconds, work))
        note = f"{size}; {work / seen[0][1]:.1f} times the arithmetic of the first"
        yield longer(name, seconds, seen[0][0], note=note)


def grow(axis: str) -> Case:
    """Return the case of an axis, which needs no plan: it has sizes of its own."""

    def case(plan: Plan) -> Iterator[Row]:
        for path in ("roll_out", "score"):
            yield from series(axis, path)

    case.__doc__ = f"Time of rollouts and scoring for {axis} of {', '.join(map(str, AXES[axis]))}."
    return case


def memory(plan: Plan) -> Iterator[Row]:
    """Peak memory of every path, in a process of its own."""
    for path in PATHS:
        yield peak_row(f"memory {path}", plan.heavy, path)


def memory_largest(plan: Plan) -> Iterator[Row]:
    """Peak memory of a generator's step at T=160, V=50,000 (half an hour; only if asked for)."""
    yield peak_row("memory_largest", LARGEST, "update_by_policy_gradient")


def peak_row(name: str, size: Size, path: str) -> Row:
    """Return the row of a path's memory."""
    most = peak_bytes(partial(run_path, size, path), partial(run_path, size, None))
    return Row(name, peak_bytes=most, note=str(size))


CASES: dict[str, Case] = {
    **{f"growth_{axis}": grow(axis) for axis in AXES},
    "memory": memory,
}
ON_REQUEST: dict[str, Case] = {"memory_largest": memory_largest}
