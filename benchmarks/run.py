"""Measure the speed of every hot path beside a plain PyTorch port of it, in one run.

  python benchmarks/run.py --quick                a minute: small where the paper's size takes long
  python benchmarks/run.py                        all of it, growth and memory too
  python benchmarks/run.py --only rollouts score  some of it
  python benchmarks/run.py --json speed.json      … and kept as a file

Times are medians over turns (ours, reference, ours, …) after a warm-up; what is short is repeated
in its turn. A bar `≥ 20x` asks to
be that many times faster than the reference, `≤ 2.5x` to take no more than that many times as long.
Bars are for the size of the paper; a row of another size says so, and is not judged. Ratios move
with the processor and with who else computes there: take a machine of your own.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))  # the code beside, whatever is installed

import torch

import cases
import growth
import machine
import scores
from cases import Case, Plan
from measure import Row
from seqgan.errors import UserError
from seqgan.failures import guarded
from worlds import PAPER

USUAL: Mapping[str, Case] = cases.CASES | scores.CASES
SLOW: Mapping[str, Case] = growth.CASES | scores.SLOW
ALL: Mapping[str, Case] = {**USUAL, **SLOW, **growth.ON_REQUEST}
HEADINGS = ("", "ours", "reference", "ratio", "bar", "holds", "")
WIDTHS = (34, 9, 9, 8, 8, 6)


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"run.py: error: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    listed = "\n".join(f"  {name:<28}{case.__doc__}" for name, case in ALL.items())
    made = OneLineParser(
        prog="benchmarks/run.py",
        description=__doc__,
        epilog=f"benchmarks:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help="under a minute on two cores")
    made.add_argument("--only", nargs="+", metavar="NAME", help="benchmarks to run")
    made.add_argument("--json", type=Path, metavar="FILE", help="write machine and rows there")
    made.add_argument(
        "--threads", type=int, metavar="N", help="threads; by default PyTorch's choice"
    )
    made.add_argument("--strict", action="store_true", help="fail if a bar does not hold")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the benchmarks, return the exit status."""
    command = parser()
    given = command.parse_args(arguments)
    for name in given.only or ():
        if name not in ALL:
            command.error(f"there is no benchmark `{name}`; there are {', '.join(ALL)}")
    if given.threads is not None and given.threads < 1:
        command.error(f"--threads must be 1 or more, but is {given.threads}")
    return guarded(lambda: measure(given), "run.py")


def measure(given: argparse.Namespace) -> None:
    """Print every row as it is there, and keep them in a file if one is wanted."""
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    plan = cases.QUICK if given.quick else cases.FULL
    hidden = PAPER.generator["hidden_dim"]
    seen = machine.describe(hidden, PAPER.vocab, min(plan.patience.seconds, 2.0) / 4)
    rows: list[Row] = []
    keep(given.json, seen, rows)
    print(f"{seen.lines()}\n\n{line(HEADINGS)}", flush=True)
    try:
        for row in measured(given, plan):
            rows.append(row)
            keep(given.json, seen, rows)
            print(line(cells(row)), flush=True)
    except KeyboardInterrupt:
        raise UserError(f"stopped after {len(rows)} rows") from None
    missed = [row.name for row in rows if row.holds is False]
    if given.strict and missed:
        raise UserError(f"bars that do not hold: {', '.join(missed)}")


def measured(given: argparse.Namespace, plan: Plan) -> Iterator[Row]:
    """Yield the rows that the command line asks for."""
    usual = USUAL if given.quick else {**USUAL, **SLOW}
    for name in given.only or usual:
        yield from ALL[name](plan)


def keep(file: Path | None, seen: machine.Machine, rows: Sequence[Row]) -> None:
    """Write all that is known so far."""
    if file is not None:
        known = {"machine": asdict(seen), "rows": [row.record() for row in rows]}
        file.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def line(texts: Sequence[str]) -> str:
    """Return a line of the table."""
    name, *numbers = (f"{text:<{width}}" for text, width in zip(texts, WIDTHS, strict=False))
    return "  ".join(
        [name, *(text.strip().rjust(len(text)) for text in numbers), texts[-1]]
    ).rstrip()


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as texts."""
    return (
        row.name,
        memory(row.peak_bytes) if row.peak_bytes is not None else seconds(row.ours_s),
        seconds(row.reference_s),
        "" if row.ratio is None else f"{row.ratio:.2f}x",
        bar(row),
        {True: "yes", False: "NO", None: ""}[row.holds],
        row.note,
    )


def bar(row: Row) -> str:
    """Return what a row's ratio must be."""
    if row.at_least is not None:
        return f"{'=' if row.at_least == row.at_most else '≥'} {row.at_least:g}x"
    return "" if row.at_most is None else f"≤ {row.at_most:g}x"


def seconds(value: float | None) -> str:
    """Return a time with three digits and its unit."""
    if value is None:
        return ""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def memory(size: int) -> str:
    """Return a number of bytes in megabytes."""
    return f"{size / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
