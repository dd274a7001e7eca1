"""What each job ran on, how long it took and with which settings, from receipts and provenance."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.provenance import read_receipt
from seqgan.records import read_json


@dataclass(frozen=True)
class Entry:
    """A finished job; ``None`` where its provenance is not there or is that of another run.

    Attributes:
        stage: Name of the stage.
        method: Name of the method, for stages that run once for each.
        seed: Training seed, for stages that run once for each.
        settings: The part of the configuration that it read.
        device: Where it computed.
        threads: Processor threads it could use.
        libraries: Versions that may decide the last bits.
        commit: Commit of the code.
        dirty: Whether tracked files differed from that commit.
        seconds: Wall time of the last start.
        memory: Peak memory, in bytes.
        gpu_memory: Peak memory of the GPU, in bytes.
        system: Operating system.
    """

    stage: str
    method: str | None
    seed: int | None
    settings: dict[str, Any]
    device: str
    threads: int
    libraries: dict[str, str]
    commit: str | None
    dirty: bool | None
    seconds: float | None
    memory: int | None
    gpu_memory: int | None
    system: str | None


def read_ledger(receipts: Iterable[Path]) -> list[Entry]:
    """Return the jobs behind some receipts, in their order."""
    return [read_entry(path) for path in receipts]


def read_entry(path: Path) -> Entry:
    """Return a job from its receipt, and from the provenance beside it where there is one."""
    found = read_receipt(path)
    beside = read_provenance(provenance_of(path))
    if beside.get("receipt") != found["sha256"]:
        beside = {}
    stage = found["spec"]["stage"]
    environment = found["environment"]
    return Entry(
        stage=stage,
        method=path.stem.removeprefix(stage).removeprefix("-") or None,
        seed=found["seed"],
        settings=found["spec"]["settings"],
        device=environment["device"],
        threads=environment["threads"],
        libraries={"python": environment["python"], **environment["libraries"]},
        commit=beside.get("commit"),
        dirty=beside.get("dirty") if beside.get("commit") else None,
        seconds=beside.get("wall_seconds"),
        memory=beside.get("peak_memory_bytes"),
        gpu_memory=beside.get("peak_gpu_memory_bytes"),
        system=beside.get("machine", {}).get("system"),
    )


def provenance_of(receipt: Path) -> Path:
    """Return where the provenance of a receipt lies: the same place in the folder beside."""
    parts = list(receipt.parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place] == "receipts":
            parts[place] = "provenance"
            break
    return Path(*parts)


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what is written of a run; nothing if it is not there or cannot be read."""
    try:
        found = read_json(path)
    except (UserError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def configuration(
    settings: dict[str, Any], jobs: Iterable[Entry], methods: Iterable[str]
) -> dict[str, Any]:
    """Return the whole configuration of the experiment, ready to be run again.

    The report knows its own part; the parts that only other stages read come from their receipts.

    Args:
        settings: What the report knows.
        jobs: Jobs of the experiment.
        methods: Names of the methods in the order of the table.
    """
    parts = (
        "generator", "discriminator", "discriminator_pretraining", "sampling", "evaluation",
        "sweep",
    )  # fmt: skip
    known: dict[str, Any] = {"sweep": {"temperatures": []}}  # what has no job
    for job in jobs:
        known |= {name: job.settings[name] for name in parts if name in job.settings}
    order = (
        "description", "seeds", "corpus", "generator", "discriminator", "generator_pretraining",
        "discriminator_pretraining", "methods", "baseline", "sampling", "evaluation", "sweep",
        "report",
    )  # fmt: skip
    whole = {**settings, **known}
    whole["methods"] = {name: settings["methods"][name] for name in methods}
    experiment = {name: kind_first(whole[name]) for name in order if name in whole}
    name = settings["experiment"]
    return {"run": [name], "experiments": {name: experiment}}


def kind_first(value: Any) -> Any:
    """Return settings with ``kind`` before the others, which a spec has sorted."""
    if isinstance(value, list):
        return [kind_first(each) for each in value]
    if not isinstance(value, dict):
        return value
    ordered = {"kind": value["kind"]} if isinstance(value.get("kind"), str) else {}
    return {key: kind_first(each) for key, each in {**ordered, **value}.items()}
