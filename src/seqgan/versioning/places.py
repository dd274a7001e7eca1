"""What of an experiment's results DVC keeps, what git keeps, and what nobody does."""

from collections.abc import Iterable, Iterator
from pathlib import Path

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


def leftovers(jobs: Iterable[Job], root: Path) -> Iterator[Path]:
    """Yield what stands among the results of an experiment, but is made by no job of it."""
    jobs = list(jobs)
    made = {
        Path(path) for job in jobs for path in (*job.outputs.values(), job.receipt, job.provenance)
    }
    above = {folder for path in made for folder in path.parents}
    # What is kept: the rest of results/EXPERIMENT/ is of one machine, or DVC's.
    pending = [path for path in above if len(path.parts) == 3 and (root / path).is_dir()]
    while pending:
        for entry in sorted((root / pending.pop()).iterdir()):
            path = entry.relative_to(root)
            if path in above and entry.is_dir():
                pending.append(path)
            elif path not in made and path.name not in IGNORED:
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
