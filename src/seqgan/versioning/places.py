"""What of an experiment's results DVC keeps, what git keeps, and what nobody does."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import IGNORED

LARGE = ("source", "data", "encoder", "checkpoints", "samples", "sentences", "figures",
         "report.html")  # fmt: skip
"""Below ``results/EXPERIMENT/``, what DVC keeps."""
SMALL = ("receipts", "provenance", "metrics", "summary.csv", "summary.txt", "means.json",
         "sweep.csv", "judgements.json", "curves.csv", "dvc.yaml", ".gitignore")  # fmt: skip
"""What git keeps, as text that shows what changed."""
IGNORE = ("/.spec/", "/logs/", "/benchmarks/", "/.embeddings/", ".snakemake_timestamp")
"""What can be made again, or is true of one machine alone."""


def check_nothing_runs(root: Path) -> None:
    """Raise :class:`UserError` while snakemake runs here, or was killed."""
    if any((root / ".snakemake" / "locks").glob("*.lock")):
        raise UserError(
            "snakemake is running in this folder; wait for its end (or, if it was killed, say "
            "`snakemake --unlock`)"
        )


def large(name: str, jobs: Iterable[Job]) -> list[Path]:
    """Return the folders and files of an experiment that DVC keeps, those that jobs make."""
    results = Path("results", name)
    made = [Path(output) for job in jobs for output in job.outputs.values()]
    return [
        results / each
        for each in LARGE
        if any(path.is_relative_to(results / each) for path in made)
    ]


def is_large(output: Path) -> bool:
    """Return whether DVC keeps an output of a job."""
    return output.parts[2] in LARGE


def leftovers(name: str, jobs: Iterable[Job], root: Path) -> Iterator[Path]:
    """Yield what stands where DVC would keep it, but is made by no job of the configuration."""
    jobs = list(jobs)
    made = [Path(output) for job in jobs for output in job.outputs.values()]
    for top in large(name, jobs):
        pending = [top]
        while pending:
            path = pending.pop()
            if path in made or path.name in IGNORED:
                continue
            if (root / path).is_dir() and any(each.is_relative_to(path) for each in made):
                pending += [path / each.name for each in sorted((root / path).iterdir())]
            else:
                yield path


def inside(external: Iterable[str], root: Path) -> tuple[list[Path], list[str]]:
    """Return which files of the user are in the project's folder, and which are not."""
    within, outside = [], []
    for given in dict.fromkeys(external):
        try:
            within.append((root / given).resolve().relative_to(root.resolve()))
        except ValueError:
            outside.append(given)
    return within, outside
