"""Ask whether results correspond to the present configuration, code and data.

  python src/results.py verify quickstart

reads bytes and hashes only: it needs no Snakemake, no git and no modification times. Each job is
ok, absent (made, but its outputs are not here), stale (settings, code or inputs differ), damaged
(bytes differ from the receipt) or missing (not run). Exit status 0 if all are ok, else 1.

  python src/results.py show

prints the table and the path of the report of every experiment that the configuration runs.
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


def find_experiment(name: str, files: list[Path] | None) -> Experiment:
    """Return an experiment from the files that snakemake would read.

    Raises:
        UserError: If no file, or more than one, defines it, or the configuration is wrong.
    """
    if files is None:
        files = [path for path in sorted(Path("config").glob("*.yaml")) if defines(path, name)]
        if not files:
            raise UserError(f"no file in config/ defines the experiment {name}")
        if len(files) > 1:
            names = ", ".join(map(str, files))
            raise UserError(f"{names} all define {name}; choose one with --configfile")
    config = load(files)
    if name not in config.experiments:
        raise UserError(f"{', '.join(map(str, files))} does not define {name}")
    return config.experiments[name]


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
