"""Ask whether results correspond to the present configuration, code and data.

  python src/results.py verify quickstart

reads bytes and hashes only: it needs no Snakemake, no git and no modification times. Each job is
ok, absent (made, but its outputs are not here), stale (settings, code or inputs differ), damaged
(bytes differ from the receipt) or missing (not run). Exit status 0 if all are ok, else 1.

  python src/results.py show

prints the table and the path of the report of every experiment that the configuration runs.

  python src/results.py snapshot quickstart     save data, checkpoints and samples with DVC
  python src/results.py restore quickstart      put back what corresponds to this commit
  python src/results.py status quickstart       what is saved, and where
  python src/results.py compare quickstart v1   scores and curves of two commits
  python src/results.py garbage                 what the cache holds, and what nobody needs

See docs/versioning.md.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from seqgan.config.experiment import Config, Experiment, validate
from seqgan.config.problems import ConfigError
from seqgan.config.reading import read
from seqgan.errors import UserError, one_line
from seqgan.failures import guarded
from seqgan.layout import jobs
from seqgan.provenance import State, verify
from seqgan.versioning.comparison import NOW, curves_at, draw, means_at, table
from seqgan.versioning.garbage import remove_unused, take_inventory
from seqgan.versioning.places import LARGE
from seqgan.versioning.restoring import restore
from seqgan.versioning.snapshots import describe_saved, snapshot

DEFAULT = Path("config/config.yaml")


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(
        prog="src/results.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("verify", help="compare results with configuration and code")
    command.add_argument("experiment", help="name of an experiment")
    files = {"type": Path, "nargs": "+", "metavar": "FILE"}
    help_of_files = "file that defines it; by default the one in config/ that does"
    command.add_argument("--configfile", **files, help=help_of_files)
    command.set_defaults(run=verify_experiment)
    command = commands.add_parser("show", help="print tables and paths of reports")
    command.add_argument("--configfile", **files, default=[], help="as given to snakemake")
    command.set_defaults(run=show_experiments)
    for name, run, text in (
        ("snapshot", save, "save an experiment with DVC, and stage its pointers in git"),
        ("restore", put_back, "put back what a snapshot holds, as far as it corresponds"),
        ("status", report_status, "say of every part of an experiment whether it is saved"),
        ("compare", compare, "compare scores and curves of two commits"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("experiment", help="name of an experiment")
        command.add_argument("--configfile", **files, help=help_of_files)
        command.set_defaults(run=run)
        if name in ("snapshot", "restore", "status"):
            command.add_argument("--remote", help="name of a remote; by default DVC's default")
        if name == "restore":
            text = "take from this machine's cache alone"
            command.add_argument("--offline", action="store_true", help=text)
            text = "put back over results that no snapshot holds"
            command.add_argument("--force", action="store_true", help=text)
            text = "put back these parts alone"
            command.add_argument("--only", nargs="+", choices=LARGE, default=LARGE, help=text)
        if name == "compare":
            command.add_argument("old", help="commit, branch or tag")
            command.add_argument("new", nargs="?", help="the same; by default what is here now")
            text = "figure to draw: .svg, .png or .pdf"
            command.add_argument("--figure", type=Path, metavar="FILE", help=text)
    command = commands.add_parser("garbage", help="say what the cache holds; remove what is unused")
    command.add_argument("--yes", action="store_true", help="remove without asking")
    text = "remove also what only earlier commits of branches and tags refer to"
    command.add_argument("--tips", action="store_true", help=text)
    command.set_defaults(run=clean)
    given = parser.parse_args()
    sys.exit(guarded(lambda: given.run(given), "results"))


def verify_experiment(given: argparse.Namespace) -> None:
    """Print the state of every job; raise :class:`UserError` unless all are ok."""
    experiment = find_experiment(given.experiment, given.configfile)
    states = verify(jobs(given.experiment, experiment), Path())
    width = max(len(state.name) for state in states)
    for state in states:
        reasons = one_line("; ".join(state.reasons))
        print(f"{state.verdict:<8} {state.name:<{width}} {reasons}".rstrip())
    bad = [state for state in states if state.verdict != "ok"]
    if bad:
        raise UserError(f"{len(bad)} of {len(states)} jobs are not ok; {remedy(given, bad)}")
    print(f"all {len(states)} jobs correspond to the present configuration and code")


def remedy(given: argparse.Namespace, bad: list[State]) -> str:
    """Return what to type: Snakemake does not look into what it has made."""
    folder = f"results/{given.experiment}/receipts"
    gone = [each.name for each in bad if each.verdict in ("damaged", "absent")]
    if not gone:
        return "snakemake brings them up"
    return f"to make them again: rm {' '.join(f'{folder}/{name}.json' for name in gone)}; snakemake"


def show_experiments(given: argparse.Namespace) -> None:
    """Print the table of every experiment that is run, and where its report is."""
    for name in load(given.configfile).run:
        folder = Path("results", name)
        if not (folder / "summary.txt").is_file():
            raise UserError(f"{folder}/summary.txt is not there yet; run snakemake first")
        table = (folder / "summary.txt").read_text(encoding="utf-8", errors="replace")
        print(f"\n{name}\n\n{table}")
        print(f"report: {(folder / 'report.html').resolve()}")


def save(given: argparse.Namespace) -> None:
    """Save an experiment."""
    snapshot(
        given.experiment,
        jobs(given.experiment, find_experiment(given.experiment, given.configfile)),
        Path(),
        configuration=[
            *([DEFAULT] if defines(DEFAULT, given.experiment) else []),
            *(each for each in files_of(given.experiment, given.configfile) if each != DEFAULT),
        ],
        remote=given.remote,
        say=print,
    )


def put_back(given: argparse.Namespace) -> None:
    """Restore an experiment, and say what is there now and what will be computed, and why."""
    made = jobs(given.experiment, find_experiment(given.experiment, given.configfile))
    found = restore(
        made,
        Path(),
        only=given.only,
        offline=given.offline,
        force=given.force,
        remote=given.remote,
        say=print,
    )
    for reason in found.refused:
        print(f"not restored: {one_line(reason)}")
    rest = [state for state in found.states if state.verdict not in ("ok", "absent")]
    for state in rest:
        print(f"{state.verdict}: {state.name}: {one_line('; '.join(state.reasons))}")
    whole = sum(state.verdict == "ok" for state in found.states)
    absent = sum(state.verdict == "absent" for state in found.states)
    print(
        f"{whole} of {len(made)} jobs are whole ({len(set(found.placed))} restored now)"
        + (f", {absent} have their outputs elsewhere" if absent else "")
        + (f", snakemake will compute {len(rest)}" if rest else "")
    )
    if found.deleted:
        print(
            f"git holds the receipts of {len(found.deleted)} of them; if they are wanted: git "
            f"checkout -- results/{given.experiment}/receipts, and restore again"
        )
    if found.refused:
        raise UserError("some outputs could not be restored, see above")


def report_status(given: argparse.Namespace) -> None:
    """Say of every part of an experiment whether it is here, in the cache, on the remote."""
    made = jobs(given.experiment, find_experiment(given.experiment, given.configfile))
    for line in describe_saved(given.experiment, made, Path(), given.remote):
        print(line)


def compare(given: argparse.Namespace) -> None:
    """Print scores that differ between two commits, and draw their curves."""
    means = [means_at(Path(), given.experiment, each) for each in (given.old, given.new)]
    print(table(*means))
    if given.figure is not None:
        if given.figure.suffix not in (".svg", ".png", ".pdf"):
            raise UserError(f"--figure must end in .svg, .png or .pdf, but is {given.figure}")
        curves = [curves_at(Path(), given.experiment, each) for each in (given.old, given.new)]
        draw(curves[0], curves[1], (given.old, given.new or NOW), given.figure)
        print(f"figure: {given.figure}")


def clean(given: argparse.Namespace) -> None:
    """Say what the cache holds, and remove what nothing refers to, after asking."""
    found = take_inventory(Path())
    for each in found.holdings:
        missing = f", {each.missing} not here" if each.missing else ""
        refs = ", ".join(each.refs)
        print(
            f"{each.name} at {each.commit} ({refs}): {each.files} files, {mb(each.size)}{missing}"
        )
    print(f"the cache: {found.whole.files} files, {mb(found.whole.size)}")
    files, size = found.unused.files, found.unused.size
    if found.unused.files:
        print(f"of which no commit refers to {files}, {mb(size)}")
    if found.earlier.files:
        print(
            f"of which only earlier commits refer to {found.earlier.files}, "
            f"{mb(found.earlier.size)}" + ("" if given.tips else "; --tips removes them too")
        )
    if given.tips:
        files, size = files + found.earlier.files, size + found.earlier.size
    if not files:
        print("nothing is unused")
        return
    if given.tips and found.earlier.files and not found.remote:
        print("there is no remote: this machine may have the only copy of them")
    question = f"remove {files} files, {mb(size)}, from this machine? [y/N] "
    if not given.yes and input(question).strip().lower() != "y":
        print("nothing was removed")
        return
    remove_unused(Path(), tips=given.tips)
    print("removed from this machine; what a remote has, it keeps")


def mb(size: int) -> str:
    """Return a number of bytes in megabytes."""
    return f"{size / 1e6:,.1f} MB"


def find_experiment(name: str, files: list[Path] | None) -> Experiment:
    """Return an experiment from the files that snakemake would read.

    Raises:
        UserError: If no file, or more than one, defines it, or the configuration is wrong.
    """
    files = files_of(name, files)
    config = load(files)
    if name not in config.experiments:
        raise UserError(f"{', '.join(map(str, files))} does not define {name}")
    return config.experiments[name]


def files_of(name: str, files: list[Path] | None) -> list[Path]:
    """Return the files that are given, or else the one in ``config/`` that defines an experiment.

    Raises :class:`UserError` if none does, or more than one.
    """
    if files is not None:
        return files
    files = [path for path in sorted(Path("config").glob("*.yaml")) if defines(path, name)]
    if not files:
        raise UserError(f"no file in config/ defines the experiment {name}")
    if len(files) > 1:
        names = ", ".join(map(str, files))
        raise UserError(f"{names} all define {name}; choose one with --configfile")
    return files


def load(files: list[Path]) -> Config:
    """Return the configuration that snakemake makes of the default file and those given.

    Raises:
        UserError: If one cannot be read, or the whole is wrong.
    """
    settings: dict[str, Any] = {}
    try:
        for path in [DEFAULT, *(path for path in files if path != DEFAULT)]:
            merge(settings, read(path))
        return validate(settings)
    except ConfigError as error:
        problems = "; ".join(str(error).split("\n"))
        raise UserError(f"the configuration is wrong: {problems}") from None


def defines(path: Path, name: str) -> bool:
    """Return whether a configuration file defines an experiment of this name."""
    try:
        experiments = read(path).get("experiments")
        return isinstance(experiments, dict) and name in experiments
    except ConfigError as error:
        raise UserError(str(error)) from None


def merge(settings: dict[str, Any], more: dict[str, Any]) -> None:
    """Merge mappings key by key and replace everything else, in place."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            merge(settings[key], value)
        else:
            settings[key] = value


if __name__ == "__main__":
    main()
