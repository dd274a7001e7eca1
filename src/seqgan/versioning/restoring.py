"""Putting back what corresponds to the present configuration and code, and nothing else."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import (
    IGNORED,
    State,
    describe,
    read_receipt,
    spec,
    verify,
    write_if_changed,
)
from seqgan.versioning.cache import md5_of, reachable, same_bytes
from seqgan.versioning.git import deleted, not_held, uncommitted
from seqgan.versioning.places import LARGE, inside, is_large
from seqgan.versioning.pointers import read_pointer
from seqgan.versioning.references import all_pointers
from seqgan.versioning.retrieval import Source, top_of
from seqgan.versioning.storage import Store, alone


@dataclass
class Restored:
    """What came of a restoration.

    Attributes:
        states: What is now known of each job.
        placed: Jobs of which outputs were put back.
        refused: Outputs that could not be put back, and why.
        deleted: Receipts that git holds and that are not here.
    """

    states: list[State] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class _Digests:
    """Digests of outputs, without reading again what was just read or written."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, Any]] = {}

    def learn(self, path: Path, description: dict[str, Any]) -> None:
        self._known[path] = description

    def __call__(self, path: Path) -> dict[str, Any]:
        if path not in self._known:
            self._known[path] = describe(path)
        return self._known[path]


def restore(
    jobs: Sequence[Job],
    root: Path,
    *,
    only: Sequence[str] = LARGE,
    offline: bool = False,
    force: bool = False,
    remote: str | None = None,
    say: Callable[[str], None],
) -> Restored:
    """Put back every output whose receipt corresponds to the present configuration and code.

    Each file is copied out of DVC's cache and hashed on the way; an output takes its place only
    if all its bytes are those of its receipt. Receipts of jobs that are neither whole nor
    merely absent are removed, so that snakemake makes these jobs again; all others are
    made to look older than nothing that they read.

    Args:
        jobs: All jobs of an experiment, each after those it reads from.
        root: The project's folder.
        only: Parts of the results to put back, of those that DVC keeps.
        offline: Take from this machine's cache alone.
        force: Put back over outputs that no cache holds.
        remote: Where to fetch from; the default remote if not given.
        say: Where to tell what happens.

    Raises:
        UserError: If snakemake or another snapshot or restoration is at work, if what the
            experiment is made from is not here and cannot be brought, if outputs that no snapshot
            holds stand in the way, or if receipts would have to go that git does not hold:
            nothing has changed then. Also if DVC fails.
    """
    with alone(root):
        store = Store(root)
        for job in jobs:
            spec(job.stage, job.settings)  # read the code while DVC begins
        source = Source(store, None if offline else store.remote(remote), say)
        return _restore(jobs, source, only=only, force=force)


def _restore(jobs: Sequence[Job], source: Source, *, only: Sequence[str], force: bool) -> Restored:
    root, digests = source.root, _Digests()
    _bring_external(jobs, source)
    # Whether a job corresponds is decided by receipts alone: its outputs may be brought.
    by_receipt = {state.name: state for state in verify(jobs, root, None)}
    wanted = [
        (job, Path(output), description)
        for job in jobs
        if by_receipt[job.name].verdict == "ok"
        for output, description in read_receipt(root / job.receipt)["outputs"].items()
        if is_large(Path(output))
        and Path(output).parts[2] in only
        and not ((root / output).exists() and digests(root / output) == description)
    ]
    if not force:
        _check_nothing_is_lost([output for _, output, _ in wanted], source)
        _check_receipts_are_kept(
            [job for job in jobs if by_receipt[job.name].verdict != "ok"], root
        )
    source.make_ready(sorted({top_of(output) for _, output, _ in wanted}))
    result = Restored()
    for job, output, description in wanted:
        reason = source.copy(output, description)
        if reason is None:
            digests.learn(root / output, description)
            result.placed.append(job.name)
        else:
            result.refused.append(f"{output}: {reason}")
    result.states = verify(jobs, root, digests)
    good = [state.name for state in result.states if state.verdict in ("ok", "absent")]
    bad = [job for job in jobs if job.name not in good]
    if not force:
        _check_receipts_are_kept(bad, root)
    if (root / ".git").exists():
        result.deleted = deleted(root, [Path(job.receipt) for job in bad])
    for job in bad:
        (root / job.receipt).unlink(missing_ok=True)
    _settle([job for job in jobs if job.name in good], root)
    return result


def _check_nothing_is_lost(outputs: Sequence[Path], source: Source) -> None:
    """Raise :class:`UserError` if an output that would be replaced is kept nowhere."""
    files = [path for output in outputs for path in _files(source.root / output)]
    if not files:
        return
    # A hash that no commit names is not kept: the next one who cleans up removes it.
    kept = reachable(all_pointers(source.root), source.cache)
    for path in files:
        md5 = md5_of(path)
        if md5 not in kept or not same_bytes(path, source.cache.place(md5)):
            raise UserError(
                f"{path.relative_to(source.root)} differs from its receipt, and no snapshot "
                "holds it; to put the saved one over it, say --force"
            )


def _check_receipts_are_kept(jobs: Sequence[Job], root: Path) -> None:
    """Raise :class:`UserError` if a receipt that would be removed is not in git."""
    receipts = [Path(job.receipt) for job in jobs if (root / job.receipt).exists()]
    if not receipts or not (root / ".git").exists():
        return
    if alone := sorted({*not_held(root, receipts), *uncommitted(root, receipts)}):
        raise UserError(
            f"{len(alone)} results do not correspond to the present configuration and code, and "
            f"git does not hold their receipts ({alone[0]}), which would be removed; commit them, "
            "or say --force"
        )


def _files(path: Path) -> list[Path]:
    if path.is_dir() and not path.is_symlink():
        return sorted(
            each for each in path.rglob("*") if each.is_file() and each.name not in IGNORED
        )
    return [path] if path.is_file() else []


def _bring_external(jobs: Sequence[Job], source: Source) -> None:
    """Put back files of the user that pointers stand for and that are not here.

    What they must be is checked as always: by the receipt of the job that reads them.
    """
    root = source.root
    within, outside = inside([path for job in jobs for path in job.external.values()], root)
    if missing := [path for path in within if _lacks(path, source)]:
        source.make_ready(missing)
        for path in missing:
            source.fill(path)
    absent = [str(path) for path in within if _lacks(path, source)]
    absent += [path for path in outside if not (root / path).exists()]
    if absent:
        raise UserError(
            f"{absent[0]}, from which this experiment is made, is not here as a whole and could "
            "not be brought; put it there (nothing was changed)"
        )


def _lacks(path: Path, source: Source) -> bool:
    """Return whether a file of the user is not here, or files of a folder of theirs are not."""
    here = source.root / path
    if not here.exists():
        return True
    if read_pointer(path, source.root) is None:
        return False
    return not all((here / name).exists() for name in source.files(path) or {})


def _settle(jobs: Sequence[Job], root: Path) -> None:
    """Make snakemake see that nothing is newer than what was made from it."""
    now = time.time_ns()
    for job in jobs:
        write_if_changed(root / job.spec, spec(job.stage, job.settings))
        os.utime(root / job.spec, ns=(now - 10**9, now - 10**9))
        for output in (*job.outputs.values(), job.provenance, job.receipt):
            path = root / output
            for each in (path / ".snakemake_timestamp", path):
                if each.exists():
                    os.utime(each, ns=(now, now))
