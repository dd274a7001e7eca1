"""Let people judge sentences: blind sheets and forms, checked ratings, conclusions.

  python src/human_evaluation.py export --experiment NAME --num 50 --raters 3 --output ratings
  python src/human_evaluation.py import ratings sent_back/*.csv
  python src/human_evaluation.py analyse ratings

export takes sentences of a finished experiment, `real` ones among them, and makes a folder for each
rater: a form to open in a browser, and the same as a CSV sheet. Send ratings/rater-1 to the first
rater, and so on; keep ratings/key to yourself. What comes back is checked by import and judged by
analyse. docs/human_evaluation.md goes through it.
"""

import argparse
import secrets
import sys
from pathlib import Path

from seqgan.errors import UserError
from seqgan.failures import guarded
from seqgan.human.analysis import Effort, analyse, plain
from seqgan.human.design import Plan, design
from seqgan.human.export import KEY, write_export
from seqgan.human.items import REAL, Pool, read_pool
from seqgan.human.key import Key, read_key
from seqgan.human.ratings import (
    collect,
    problems_and_answers,
    read_collected,
    write_collected,
)
from seqgan.human.tables import render
from seqgan.records import readable_json, write_atomically

SHOWN_PROBLEMS = 50
MANY_RATERS = 1000


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(
        prog="src/human_evaluation.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_export(commands)
    _add_import(commands)
    _add_analyse(commands)
    given = parser.parse_args()
    sys.exit(guarded(lambda: given.run(given), "human_evaluation"))


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "export",
        help="make sheets and forms for raters",
        description="Make a folder for each rater, and the key apart.",
        epilog="example: python src/human_evaluation.py export --experiment captions "
        "--methods mle seqgan --num 50 --raters 3 --output ratings",
    )
    add = command.add_argument
    add("--experiment", required=True, metavar="NAME", help="a finished one: results/NAME/samples")
    add("--output", type=Path, required=True, metavar="FOLDER", help="a new folder")
    add(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="systems to judge beside the real sentences (default: all)",
    )
    add("--seed", type=int, help="training seed (default: an equal share of each)")
    add("--num", type=int, default=50, help="sentences of each system (default: 50)")
    add(
        "--pairs",
        type=int,
        metavar="NUM",
        help="comparisons of every two systems, 0 for none (default: 20, at most --num)",
    )
    add("--raters", type=int, default=3, help="number of raters (default: 3)")
    add(
        "--shuffle-seed",
        type=int,
        default=0,
        help="the same seed chooses the same sentences in the same orders (default: 0)",
    )
    add("--key", type=Path, metavar="FILE", help=f"where the key goes (default: FOLDER/{KEY})")
    command.set_defaults(run=export)


def _add_import(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "import",
        help="check what raters sent back",
        description="Check every cell, drop inattentive raters, and write FOLDER/ratings.csv, "
        "preferences.csv and raters.csv. One mistake, and nothing is written.",
        epilog="example: python src/human_evaluation.py import ratings sent_back/*.csv",
    )
    add = command.add_argument
    add("folder", type=Path, metavar="FOLDER", help="the folder that export made")
    add("files", type=Path, nargs="+", metavar="FILE", help="all sheets, of all raters")
    add("--key", type=Path, metavar="FILE", help=f"the key (default: FOLDER/{KEY})")
    add(
        "--attention",
        type=float,
        default=0.6,
        metavar="SHARE",
        help="share of attention checks that a rater must pass (default: 0.6)",
    )
    add("--allow-missing", action="store_true", help="accept unanswered questions")
    command.set_defaults(run=import_ratings)


def _add_analyse(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "analyse",
        help="print what can be concluded",
        description="Print means, agreement, contrasts and strengths, and write them in full "
        "precision to FOLDER/analysis.json and analysis.txt.",
        epilog="example: python src/human_evaluation.py analyse ratings",
    )
    add = command.add_argument
    add("folder", type=Path, metavar="FOLDER", help="the folder that import wrote to")
    effort = Effort()
    add("--bootstrap", type=int, default=effort.resamples, help="samples (default: %(default)s)")
    add("--permutations", type=int, default=effort.permutations, help="(default: %(default)s)")
    add("--shuffle-seed", type=int, default=effort.seed, help="of all draws (default: 0)")
    command.set_defaults(run=analyse_ratings)


def at_least(least: int, **options: int | None) -> None:
    """Raise :class:`UserError` for an option that is given and too small."""
    for name, value in options.items():
        if value is not None and value < least:
            raise UserError(f"--{name.replace('_', '-')} must be at least {least}, but is {value}")


def export(given: argparse.Namespace) -> None:
    """Make sheets and forms."""
    at_least(1, num=given.num, raters=given.raters)
    at_least(0, pairs=given.pairs, shuffle_seed=given.shuffle_seed)
    if given.raters > MANY_RATERS:
        raise UserError(f"--raters must be at most {MANY_RATERS}, but is {given.raters}")
    if given.pairs is not None and given.pairs > given.num:
        raise UserError(
            f"--pairs must be at most --num, but {given.pairs} is more than {given.num}"
        )
    if Path(given.experiment).name != given.experiment or given.experiment in ("", ".", ".."):
        raise UserError(f"--experiment must be the name of one, but is {given.experiment!r}")
    pool = read_pool(Path("results", given.experiment, "samples"), given.methods, given.seed)
    if REAL not in pool:
        raise UserError(f"results/{given.experiment}/samples has no real sentences; run snakemake")
    num_pairs = min(20, given.num) if given.pairs is None else given.pairs
    plan = Plan(
        given.experiment, given.num, num_pairs, given.raters, given.shuffle_seed,
        secrets.token_bytes(32),
    )  # fmt: skip
    key = design(pool, plan)
    write_export(given.output, key, given.key)
    _report_export(given, pool, key)


def _report_export(given: argparse.Namespace, pool: Pool, key: Key) -> None:
    for system in pool:
        chosen = sum(
            item.system == system and item.purpose == "item" for item in key.items.values()
        )
        different = len({text for texts in pool[system].values() for text in texts})
        print(f"{system}: {chosen} of {different} different sentences")
    sizes = {sheet.task: len(sheet.order) for sheet in key.sheets.values()}
    for task, size in sizes.items():
        print(f"each rater judges {size} {task}, repeats and attention checks included")
    print(f"to send: {given.output}/rater-1 to the first rater, and so on up to {given.raters}")
    print(f"to keep: {given.output / KEY if given.key is None else given.key} (opens the blind)")
    texts = [item.text for item in key.items.values()]
    if all(word.isdecimal() for text in texts for word in text.split()):
        print("note: these sentences are ids of an oracle, which people cannot judge")


def import_ratings(given: argparse.Namespace) -> None:
    """Check ratings and join them with the key."""
    if not 0 <= given.attention <= 1:
        raise UserError(f"--attention must be in 0 … 1, but is {given.attention}")
    key = read_key(given.folder / KEY if given.key is None else given.key)
    problems, answers = problems_and_answers(given.files, key, allow_missing=given.allow_missing)
    if len(problems) == 1:
        raise UserError(problems[0])
    if problems:
        for problem in problems[:SHOWN_PROBLEMS]:
            print(problem, file=sys.stderr)
        raise UserError(
            f"{len(problems)} problems, of which {min(len(problems), SHOWN_PROBLEMS)} are shown "
            "above; nothing was imported"
        )
    collected = collect(answers, key, attention=given.attention)
    dropped = sum(not row["kept"] for row in collected.raters)
    for row in collected.raters:
        verdict = "kept" if row["kept"] else "dropped"
        print(f"{row['rater']}: {row['passed']} of {row['checks']} attention checks: {verdict}")
    print(f"{dropped} of {len(collected.raters)} raters dropped")
    if sent := {sheet.rater for sheet in key.sheets.values()} - {
        row["rater"] for row in collected.raters
    }:
        print(f"nothing yet from {', '.join(sorted(sent))}")
    paths = write_collected(given.folder, collected)
    print(
        f"{len(collected.ratings)} ratings in {paths['ratings']}, "
        f"{len(collected.preferences)} comparisons in {paths['preferences']}"
    )


def analyse_ratings(given: argparse.Namespace) -> None:
    """Print and write what can be concluded."""
    at_least(1, bootstrap=given.bootstrap, permutations=given.permutations)
    at_least(0, shuffle_seed=given.shuffle_seed)
    effort = Effort(given.bootstrap, given.permutations, given.shuffle_seed)
    found = plain(analyse(read_collected(given.folder), effort))
    write_atomically(given.folder / "analysis.json", readable_json(found))
    write_atomically(given.folder / "analysis.txt", render(found, None).encode() + b"\n")
    print(render(found, 3))
    print(f"in full precision: {given.folder}/analysis.json and analysis.txt")


if __name__ == "__main__":
    main()
