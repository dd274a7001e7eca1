"""Putting back what corresponds to the present configuration and code, and nothing else."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import (
    IGNORED,
    THREADS,
    State,
    describe,
    read_receipt,
    spec,
    verify,
    write_if_changed,
)
from seqgan.records import put_in_place
from seqgan.versioning.places import LARGE, check_nothing_runs, inside, is_large
from seqgan.versioning.storage import (
    NO_REMOTE,
    Cache,
    Pointer,
    Store,
    git,
    read_pointer,
)

CHUNK = 2**24
"""Bytes that are copied at once."""


@dataclass
class Restored:
    """What came of a restoration.

    Attributes:
        states: What is now known of each job.
        placed: Jobs of which outputs were put back.
        refused: Outputs that could not be put back, and why.
    """

    states: list[State]
    placed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


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
    name: str,
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
        name: The experiment.
        jobs: Its jobs, each after those it reads from.
        root: The project's folder.
        only: Parts of the results to put back, of those that DVC keeps.
        offline: Take from this machine's cache alone.
        force: Put back over outputs that no cache holds.
        remote: Where to fetch from; the default remote if not given.
        say: Where to tell what happens.

    Raises:
        UserError: If snakemake runs, if outputs that no snapshot holds stand in the way, if
            receipts would have to go that git does not hold, or if DVC fails; nothing has changed
            then.
    """
    check_nothing_runs(root)
    store = Store(root)
    for job in jobs:
        spec(job.stage, job.settings)  # read the code while DVC begins
    source = _Source(store, None if offline else store.remote(remote), say)
    digests = _Digests()
    _restore_external(jobs, source)
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
        _check_nothing_is_lost(wanted, source)
        _check_receipts_are_kept(
            [job for job in jobs if by_receipt[job.name].verdict != "ok"], root
        )
    source.make_ready(sorted({_top(output) for _, output, _ in wanted}))
    result = Restored([])
    for job, output, description in wanted:
        reason = source.copy(output, description)
        if reason is None:
            digests.learn(root / output, description)
            result.placed.append(job.name)
        else:
            result.refused.append(f"{output}: {reason}")
    result.states = verify(jobs, root, digests)
    good = [state.name for state in result.states if state.verdict in ("ok", "absent")]
    if not force:
        _check_receipts_are_kept([job for job in jobs if job.name not in good], root)
    for job in jobs:
        if job.name not in good:
            (root / job.receipt).unlink(missing_ok=True)
    _settle([job for job in jobs if job.name in good], root)
    return result


Wanted = tuple[Job, Path, dict[str, Any]]


def _top(output: Path) -> Path:
    """Return what has a pointer: the part of the results that an output is in."""
    return Path(*output.parts[:3])


def _check_nothing_is_lost(wanted: Sequence[Wanted], source: "_Source") -> None:
    """Raise :class:`UserError` if an output that would be replaced is kept nowhere."""
    root = source.root
    for _, output, _ in wanted:
        for path in _files(root / output):
            if not source.has(path):
                raise UserError(
                    f"{path.relative_to(root)} differs from its receipt, and no snapshot holds it; "
                    "to put the saved one over it, say --force"
                )


def _check_receipts_are_kept(jobs: Sequence[Job], root: Path) -> None:
    """Raise :class:`UserError` if a receipt that would be removed is not in git."""
    receipts = [job.receipt for job in jobs if (root / job.receipt).exists()]
    if not receipts or not (root / ".git").exists():
        return
    held = set(git(root, "ls-files", "--", *receipts).splitlines())
    held -= set(git(root, "diff", "--name-only", "HEAD", "--", *receipts).splitlines())
    if alone := [receipt for receipt in receipts if receipt not in held]:
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


class _Source:
    """The cache of DVC, filled from a remote where it must be."""

    def __init__(
        self,
        store: Store,
        remote: str | None,
        say: Callable[[str], None],
    ) -> None:
        self.root, self._store, self._remote, self._say = store.root, store, remote, say
        self.cache: Cache = store.cache()
        self._files: dict[Path, Mapping[str, str] | None] = {}
        self._fetched_again: set[Path] = set()

    def make_ready(self, tops: Sequence[Path]) -> None:
        """Fetch what pointers stand for and the cache has not."""
        pointers = {top: pointer for top in tops if (pointer := self._pointer(top)) is not None}
        missing = [top for top, pointer in pointers.items() if self.cache.misses(pointer)]
        for top in missing:
            self.cache.drop_damaged_list(pointers[top])
        if missing and self._remote is None:
            self._say(f"not all is in this machine's cache, and {NO_REMOTE}")
        elif missing and self._remote is not None:
            self._say(f"fetches {', '.join(map(str, missing))} from the remote {self._remote}")
            self._store.fetch(missing, self._remote)

    def has(self, path: Path) -> bool:
        """Return whether the cache holds the bytes of a file."""
        return self.cache.place(_md5(path)).is_file()

    def copy(self, output: Path, description: dict[str, Any]) -> str | None:
        """Put an output in its place, or return why that cannot be."""
        reason = self._copy(output, description)
        top = _top(output)
        if reason and self._remote is not None and top not in self._fetched_again:
            self._fetched_again.add(top)
            if self._drop_damaged(top):
                self._store.fetch([top], self._remote)
                return self._copy(output, description)
        return reason

    def _copy(self, output: Path, description: dict[str, Any]) -> str | None:
        files = self._listed(_top(output))
        if files is None:
            return "no snapshot of it is at hand"
        below = output.relative_to(_top(output)).as_posix()
        wanted = description.get("files")
        place = self.root / output
        partial = place.with_name(f".{place.name}.partial")
        _remove(partial)
        place.parent.mkdir(parents=True, exist_ok=True)
        copies: list[tuple[Path, Path, str, dict[str, Any]]] = []
        try:
            for name, each in ({"": description} if wanted is None else wanted).items():
                if _leads_out(name):
                    return f"its receipt names {name}, which leads out of it"
                key = "/".join(part for part in ("" if below == "." else below, name) if part)
                if key not in files:
                    return f"the snapshot has no {key or output}"
                kept = self.cache.place(files[key])
                if not kept.is_file():
                    return f"{key or output} is not in the cache"
                target = partial / name if name else partial
                target.parent.mkdir(parents=True, exist_ok=True)
                copies.append((kept, target, str(key or output), each))
            with ThreadPoolExecutor(THREADS) as pool:
                found = list(pool.map(lambda each: copied(each[0], each[1]), copies))
            for (_, _, key, each), made in zip(copies, found, strict=True):
                if made != each:
                    return f"{key} has other bytes than its receipt says"
            if wanted == {}:
                partial.mkdir()
            put_in_place(partial, place)
            return None
        finally:
            _remove(partial)

    def copy_all(self, top: Path) -> None:
        """Put back everything that a pointer stands for, as far as the cache has it."""
        if self._drop_damaged(top) and self._remote is not None:
            self._store.fetch([top], self._remote)
        for name, md5 in (self._listed(top) or {}).items():
            if _leads_out(name):
                raise UserError(f"the snapshot of {top} names {name}, which leads out of it")
            target = self.root / top / name if name else self.root / top
            if (kept := self.cache.place(md5)).is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = target.with_name(f".{target.name}.partial")
                try:
                    copied(kept, partial)
                    if _md5(partial) == md5:
                        put_in_place(partial, target)
                finally:
                    partial.unlink(missing_ok=True)

    def _drop_damaged(self, top: Path) -> bool:
        """Remove what has other bytes in the cache than its name says; return whether any had."""
        dropped = False
        for md5 in (self._listed(top) or {}).values():
            place = self.cache.place(md5)
            if place.is_file():
                if _md5(place) == md5:
                    continue
                place.unlink()
            dropped = True
        return dropped

    def _pointer(self, top: Path) -> Pointer | None:
        return read_pointer(top, self.root)

    def _listed(self, top: Path) -> Mapping[str, str] | None:
        if self._files.get(top) is None:
            pointer = self._pointer(top)
            self._files[top] = None if pointer is None else self.cache.files(pointer)
        return self._files[top]


def _leads_out(name: str) -> bool:
    """Return whether a name in a list that somebody else wrote leaves the folder it is in."""
    return name.startswith("/") or ".." in name.split("/") or "\0" in name


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def copied(source: Path, target: Path) -> dict[str, Any]:
    """Copy a file and return digest and size of what was written: never a link."""
    digest, size = hashlib.sha256(), 0
    with open(source, "rb") as read, open(target, "wb") as written:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            written.write(chunk)
            size += len(chunk)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _restore_external(jobs: Sequence[Job], source: _Source) -> None:
    """Put back files of the user that a pointer stands for and that are not here.

    What they must be is checked as always: by the receipt of the job that reads them.
    """
    within, _ = inside([path for job in jobs for path in job.external.values()], source.root)
    missing = [
        path
        for path in within
        if not (source.root / path).exists() and read_pointer(path, source.root) is not None
    ]
    source.make_ready(missing)
    for path in missing:
        source.copy_all(path)
    if gone := [path for path in missing if not (source.root / path).exists()]:
        raise UserError(
            f"{gone[0]}, from which this experiment is made, is not here and could not be brought "
            "whole; nothing was changed"
        )


def _settle(jobs: Sequence[Job], root: Path) -> None:
    """Make snakemake see that nothing is newer than what was made from it."""
    now = time.time_ns()
    for job in jobs:
        write_if_changed(root / job.spec, spec(job.stage, job.settings))
        os.utime(root / job.spec, ns=(now - 10**9, now - 10**9))
        provenance = job.receipt.replace("/receipts/", "/provenance/", 1)
        for output in (*job.outputs.values(), provenance, job.receipt):
            path = root / output
            for each in (path / ".snakemake_timestamp", path):
                if each.exists():
                    os.utime(each, ns=(now, now))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
