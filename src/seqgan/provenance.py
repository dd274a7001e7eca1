"""What a stage should be made from (spec), and what it was made from and gave (receipt).

Hashes and bytes only: no modification time, no state of Snakemake, DVC or git is trusted. This
module imports no torch, because every parse of the Snakefile imports it.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seqgan.codebase import SOURCE, code_digests
from seqgan.errors import UserError, one_line
from seqgan.records import (
    canonical_json,
    expand,
    read_json,
    readable_json,
    write_atomically,
)

SCHEMA = 1
RECEIPT = {"spec", "seed", "inputs", "outputs", "environment"}
"""The parts of a receipt beside its schema and digest."""
IGNORED = {".snakemake_timestamp"}
THREADS = 4
"""Files that are read at once."""
LIBRARIES = ("torch", "numpy", "scipy", "pandas", "matplotlib")


def sha256(content: bytes) -> str:
    """Return the digest of some bytes."""
    return hashlib.sha256(content).hexdigest()


def describe_file(path: Path) -> dict[str, Any]:
    """Return digest and size of a file; raise :class:`UserError` if there is none."""
    try:
        with open(path, "rb") as file:
            return {
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
                "bytes": path.stat().st_size,
            }
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None


def describe(path: Path, read: Callable[[Path], dict[str, Any]] = describe_file) -> dict[str, Any]:
    """Return digest and size of a file, or of every file in a folder.

    Args:
        path: A file or folder.
        read: What returns digest and size of a file.

    Raises:
        UserError: If there is neither.
    """
    if path.is_dir():
        files = [
            Path(root, name) for root, _, names in os.walk(path) for name in set(names) - IGNORED
        ]
        by_name = {file.relative_to(path).as_posix(): file for file in files}
        names = sorted(by_name)
        with ThreadPoolExecutor(THREADS) as pool:  # hashing holds no lock of Python
            found = pool.map(read, [by_name[name] for name in names])
            return {"files": dict(zip(names, found, strict=True))}
    return read(path)


# --- spec -----------------------------------------------------------------------------------------


def spec(stage: str, settings: dict[str, Any], source: Path = SOURCE) -> dict[str, Any]:
    """Return what decides the outputs of a stage, apart from its inputs and its seed."""
    return {
        "schema": SCHEMA,
        "stage": stage,
        "settings": settings,
        "code": code_digests(stage, source),
    }


def write_if_changed(path: Path, value: Any) -> None:
    """Write JSON only where it differs, so that a modification time means a modification."""
    content = readable_json(value)
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)


# --- receipt --------------------------------------------------------------------------------------


def receipt(
    spec: dict[str, Any],
    *,
    seed: int | None,
    inputs: dict[str, Any],
    outputs: Iterable[Path],
    environment: dict[str, Any],
) -> dict[str, Any]:
    """Return the record of a finished job: no times, so that equal runs give equal receipts."""
    body = {
        "spec": spec,
        "seed": seed,
        "inputs": inputs,
        "outputs": {path.as_posix(): describe(path) for path in outputs},
        "environment": environment,
    }
    return {"schema": SCHEMA, "sha256": sha256(canonical_json(body)), **body}


def read_receipt(path: Path) -> dict[str, Any]:
    """Return a receipt; raise :class:`UserError` if it is missing, altered or of another kind."""
    try:
        found = read_json(path)
    except UserError as error:
        raise UserError(f"{error}; delete it and start snakemake again") from None
    strange = UserError(
        f"{path} is not a receipt that this version can read; delete it and start snakemake"
    )
    if (
        not isinstance(found, dict)
        or found.get("schema") != SCHEMA
        or not found.keys() >= RECEIPT
        or not all(isinstance(found[part], dict) for part in RECEIPT - {"seed"})
    ):
        raise strange
    body = {key: value for key, value in found.items() if key not in ("schema", "sha256")}
    if sha256(canonical_json(body)) != found.get("sha256"):
        raise UserError(f"{path} was altered after it was written; delete it and run snakemake")
    if not all(map(_is_description, found["outputs"].values())):
        raise strange
    return found


def _is_description(value: Any) -> bool:
    """Return whether a value is what :func:`describe` returns."""
    files = value.get("files", {"": value}) if isinstance(value, dict) else None
    return isinstance(files, dict) and all(
        isinstance(file, dict) and file.keys() == {"sha256", "bytes"} for file in files.values()
    )


def environment(device: str, threads: int, processes: int = 1) -> dict[str, Any]:
    """Return what else may decide the last bits: libraries, device, threads (of each process)."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "libraries": versions,
        "device": device,
        "threads": threads,
        "processes": processes,
    }


def check_inputs(
    paths: Iterable[Path], receipts: Iterable[Path], specs: Path | None = None
) -> dict[str, Any]:
    """Return descriptions of the inputs, after comparing them with the receipts of their makers.

    Args:
        paths: What a stage reads.
        receipts: Receipts of the jobs that made it.
        specs: Folder with the present specs, which those jobs must have followed: a blind
            ``snakemake --touch`` makes nothing true.

    Raises:
        UserError: If an input has other bytes than its receipt records, was made by other
            settings or code than those of now, or has a name that is not UTF-8.
    """
    recorded: dict[str, tuple[Any, Path]] = {}
    for path in receipts:
        made = read_receipt(path)
        planned = None if specs is None else specs / path.name
        present = read_json(planned) if planned is not None and planned.is_file() else made["spec"]
        if old := list(differences(made["spec"], present)):
            raise UserError(
                f"{path} is of other settings or code than now ({'; '.join(old[:3])}); delete it "
                f"and start snakemake again"
            )
        for output, description in made["outputs"].items():
            recorded[output] = (description, path)
    found = {}
    for path in paths:
        key = path.as_posix()
        if any("\ud800" <= sign <= "\udfff" for sign in key):  # how Python reads other bytes
            raise UserError(f"{path}: its name is not UTF-8, so no record can hold it; rename it")
        found[key] = describe(path)
        if key in recorded and recorded[key][0] != found[key]:
            difference = "; ".join(differences(recorded[key][0], found[key]))
            raise UserError(
                f"{path} has not the bytes that {recorded[key][1]} records ({difference}); "
                f"delete that receipt and start snakemake again"
            )
    return found


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield ``key: old → new`` for every leaf in which two trees differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(
                old.get(key), new.get(key), f"{where}.{key}" if where else str(key)
            )
    elif old != new:
        yield f"{one_line(where)}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return one_line(text if len(text) <= 24 else f"{text[:12]}…")


# --- verify ---------------------------------------------------------------------------------------


@dataclass
class State:
    """What :func:`verify` found of a job: ok, absent, stale, damaged or missing, and why."""

    name: str
    verdict: str
    reasons: list[str] = field(default_factory=list)


Describe = Callable[[Path], dict[str, Any]]
"""What returns digest and size of a file, or of every file in a folder."""


def verify(jobs: Iterable[Any], root: Path, describe: Describe | None = describe) -> list[State]:
    """Compare every job's receipt with its present settings, code, inputs and output bytes.

    ``ok`` everything corresponds · ``absent`` the receipt holds but outputs are not here ·
    ``stale`` settings, code or inputs differ, or an upstream job is not ok · ``damaged`` outputs
    or receipt have other bytes · ``missing`` no receipt.

    Args:
        jobs: Jobs of :func:`seqgan.layout.jobs`, each after its upstream.
        root: Folder that holds ``results/``.
        describe: What reads the outputs; without it they are taken for what receipts say.
    """
    states: dict[str, State] = {}
    receipts: dict[str, dict[str, Any]] = {}
    jobs = list(jobs)
    with ThreadPoolExecutor(1) as pool:
        # Outputs are read while code is: neither waits for the other.
        read = None if describe is None else _read_ahead(jobs, root, describe, pool)
        for job in jobs:
            states[job.name] = _verify_job(job, root, states, receipts, read)
    return list(states.values())


def _read_ahead(
    jobs: Iterable[Any], root: Path, describe: Describe, pool: ThreadPoolExecutor
) -> Describe:
    """Begin to describe the outputs of jobs in a pool, and return what waits for each."""
    outputs = [root / output for job in jobs for output in job.outputs.values()]
    begun = {path: pool.submit(describe, path) for path in outputs if path.exists()}
    return lambda path: begun[path].result() if path in begun else describe(path)


def _verify_job(
    job: Any,
    root: Path,
    states: dict[str, State],
    receipts: dict[str, dict[str, Any]],
    describe: Describe | None,
) -> State:
    path = root / job.receipt
    if not path.is_file():
        return State(job.name, "missing", ["no receipt: not run yet"])
    try:
        found = receipts[job.name] = read_receipt(path)
    except UserError as error:
        return State(job.name, "damaged", [str(error)])
    stale = list(differences(found["spec"], spec(job.stage, job.settings)))
    if found["seed"] != job.seed:
        stale.append(f"seed: {found['seed']} → {job.seed}")
    for upstream in job.upstream:
        verdict = states[upstream.name].verdict
        if verdict not in ("ok", "absent"):
            stale.append(f"{upstream.name} is {verdict}")
            continue
        for output, description in receipts[upstream.name]["outputs"].items():
            if output in found["inputs"] and found["inputs"][output] != description:
                stale.append(f"was made from another {output}")
    for external in map(Path, job.external.values()):
        base = root / external
        files = {(external / path.relative_to(base)).as_posix(): path for path in expand(base)}
        recorded = {
            name: made
            for name, made in found["inputs"].items()
            if Path(name).is_relative_to(external)
        }
        for name, path in files.items():
            if name not in recorded:
                stale.append(f"{name} is new")
            elif recorded[name] != describe_file(path):
                stale.append(f"{name} has changed")
        stale += [f"{name} is gone" for name in recorded if name not in files]
    if stale:
        return State(job.name, "stale", stale)
    if found["outputs"].keys() != set(job.outputs.values()):
        return State(job.name, "damaged", ["the receipt names other outputs"])
    if describe is None:
        return State(job.name, "ok")
    gone = [output for output in found["outputs"] if not (root / output).exists()]
    damaged = [
        f"{output}: {each}"
        for output, description in found["outputs"].items()
        if output not in gone
        for each in differences(description, describe(root / output))
    ]
    if damaged:
        return State(job.name, "damaged", damaged)
    if gone:
        return State(job.name, "absent", [f"{output} is not here" for output in gone])
    return State(job.name, "ok")
