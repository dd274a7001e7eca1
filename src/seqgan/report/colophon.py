"""Where a report came from and how to make it again: code, machines, time, commands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from seqgan.report.ledger import Entry
from seqgan.report.wording import duration, size

NONE = "–"


def commit_of(job: Entry) -> str:
    """Return the commit of a job, and whether its code was committed at all."""
    if job.commit is None:
        return "unknown"
    return f"{job.commit[:10]}{', with uncommitted changes' if job.dirty else ''}"


def origin(jobs: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """Yield what is true of all jobs together."""
    yield "Code", _together([f"commit {commit_of(job)}" for job in jobs])
    yield "Devices", _together([f"{job.device}, {_threads(job.threads)}" for job in jobs])
    known = [job.seconds for job in jobs if job.seconds is not None]
    missing = len(jobs) - len(known)
    total = f"{duration(sum(known))} in {len(known)} jobs" if known else "unknown"
    yield "Compute time", total + (f"; unknown of {missing} more" if known and missing else "")
    yield "Versions", _together([versions(job) for job in jobs])
    yield "System", _together([job.system or "unknown" for job in jobs])


def _together(texts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(texts)) or "unknown"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''} a job"


def versions(job: Entry) -> str:
    """Return the versions that a job computed with."""
    return ", ".join(f"{name} {number}" for name, number in job.libraries.items())


def stages(jobs: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return time and memory of each stage."""
    groups: dict[str, list[Entry]] = {}
    for job in jobs:
        groups.setdefault(job.stage, []).append(job)
    rows = []
    for name, group in groups.items():
        seconds = [job.seconds for job in group if job.seconds is not None]
        memory = [job.memory for job in group if job.memory is not None]
        rows.append(
            {
                "name": name,
                "jobs": len(group),
                "total": duration(sum(seconds) if seconds else None),
                "longest": duration(max(seconds, default=None)),
                "memory": size(max(memory, default=None)),
            }
        )
    return rows


def job_row(job: Entry) -> dict[str, Any]:
    """Return what the table of jobs shows of one."""
    gpu = "" if job.gpu_memory is None else f", {size(job.gpu_memory)} of the GPU"
    return {
        "name": job.stage if job.method is None else f"{job.stage} {job.method}",
        "seed": NONE if job.seed is None else job.seed,
        "time": duration(job.seconds),
        "memory": f"{size(job.memory)}{gpu}",
        "device": job.device,
        "threads": job.threads,
        "commit": commit_of(job),
        "versions": versions(job),
    }


def reproduction(experiment: str, jobs: Sequence[Entry]) -> str:
    """Say what the command needs, and what may keep it from giving the same numbers."""
    text = (
        f"Save the configuration below as config/{experiment}.yaml and run it. On the same "
        "kind of machine, with the same versions and number of threads, the numbers come out the "
        "same to the last bit."
    )
    if any(job.dirty for job in jobs):
        text += " Some jobs ran with uncommitted changes, which no commit holds."
    if any(job.commit is None for job in jobs):
        text += " The commit of some jobs is unknown."
    return text


def command(experiment: str, jobs: Sequence[Entry]) -> str:
    """Return the commands that run the experiment again."""
    commits = {job.commit for job in jobs if job.commit is not None}
    checkout = [f"git checkout {commits.pop()[:10]}"] if len(commits) == 1 else []
    run = f"snakemake --cores all --configfile config/{experiment}.yaml"
    return "\n".join([*checkout, run])


def as_yaml(value: Mapping[str, Any]) -> str:
    """Return settings as YAML, in their order."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=90).rstrip()
