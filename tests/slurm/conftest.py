"""A cluster for all tests, and campaigns on it that end in time."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from projects import SMOKE, Project

from .cluster import SlurmCluster, temporary_cluster, wait_until

PLUGIN = "snakemake_executor_plugin_slurm"
# Only what makes a test quick; everything else is the profile's.
QUICKLY = (
    "--slurm-init-seconds-before-status-checks=1",
    "--max-status-checks-per-second=2",
    "--latency-wait=10",
)
TRAINING = "results/smoke/receipts/seed-1/train_adversarially-seqgan.json"
ROUNDS = 400


@dataclass(frozen=True)
class SlurmJob:
    """A line of squeue."""

    number: str
    state: str
    minutes: str
    memory: str
    node: str
    rule: str


class Campaign:
    """A run of snakemake that sends its jobs to a cluster."""

    def __init__(
        self, project: Project, cluster: SlurmCluster, process: subprocess.Popen, output: Path
    ) -> None:
        self.project, self.cluster, self.process = project, cluster, process
        self._output = output

    @property
    def output(self) -> str:
        """All that snakemake printed so far."""
        return self._output.read_text()

    def wait(self, *, seconds: float = 180) -> str:
        """Wait for the end and return what was printed; fail if it did not end well."""
        assert self.process.wait(timeout=seconds) == 0, self.output
        return self.output

    def jobs(self) -> list[SlurmJob]:
        """Return the Slurm jobs of this run, the first one first."""
        if not (name := re.search(r"SLURM run ID: (\S+)", self.output)):
            return []
        form = "%i|%T|%l|%m|%N|%k"
        lines = self.cluster.run("squeue", "-h", "-t", "all", "-n", name[1], "-o", form)
        return sorted(
            (SlurmJob(*line.split("|")) for line in lines.splitlines()),
            key=lambda job: int(job.number),
        )

    def await_job(self, state: str, *, number: int = 0) -> SlurmJob:
        """Wait until the job that was sent as number … is in a state."""
        self._until(
            lambda: len(jobs := self.jobs()) > number and jobs[number].state == state,
            f"job {number} is {state}",
        )
        return self.jobs()[number]

    def await_training(self, pattern: str = rf"^round \d{{3,}}/{ROUNDS}") -> None:
        """Wait until the log of the training job has a line; by default, of its hundredth round."""
        log = training_log(self.project)
        self._until(
            lambda: log.exists() and re.search(pattern, log.read_text(), re.MULTILINE), pattern
        )

    def hang(self) -> None:
        """Make the training process hang until Slurm speaks to it (SIGCONT precedes SIGTERM)."""
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if b"src/train_adversarially.py" in words[:3]:
                    assert (folder / "cwd").resolve() == self.project.folder.resolve()
                    os.kill(int(folder.name), signal.SIGSTOP)
                    return
        raise AssertionError("no training process runs")

    def _until(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            held = condition()
            assert held or self.process.poll() is None, f"ended before {what}:\n{self.output}"
            return held

        wait_until(holds, what)


@pytest.fixture(scope="session")
def cluster() -> Iterator[SlurmCluster]:
    """Two nodes with two GPUs each."""
    missing = SlurmCluster.missing()
    if find_spec(PLUGIN) is None:
        missing.append(PLUGIN.replace("_", "-"))
    if missing:
        word = f"not installed: {', '.join(missing)} (see docs/hpc.md)"
        if os.environ.get("CI") or os.environ.get("SEQGAN_NEED_SLURM"):
            pytest.fail(word)
        pytest.skip(word)
    with temporary_cluster() as cluster:
        yield cluster


@contextlib.contextmanager
def campaign(project: Project, cluster: SlurmCluster, *arguments: str) -> Iterator[Campaign]:
    """Start snakemake with the profile for Slurm, and see to it that it ends with the block."""
    driver = Path(__file__).with_name("driver.py")
    command = (driver, "--workflow-profile", "slurm", "--configfile", SMOKE, *QUICKLY, *arguments)
    path = f"{Path(sys.executable).parent}{os.pathsep}{cluster.environment['PATH']}"
    path = f"{cluster.root / 'bin'}{os.pathsep}{path}"
    output = project.folder.with_name(f"{project.folder.name}-campaign.txt")
    with open(output, "w") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=project.folder,
            env={**cluster.environment, "PATH": path, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Campaign(project, cluster, process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # cancels its jobs; SIGTERM would wait for them
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def training(finished: Project, tmp_path: Path) -> Project:
    """The project before a training that takes some seconds; all else is done."""
    project = _copy(finished, tmp_path / "training")
    project.edit(lengthen)
    return project


@pytest.fixture(scope="session")
def reference(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after that training, uninterrupted and without a cluster."""
    project = _copy(finished, tmp_path_factory.mktemp("reference") / "project")
    project.edit(lengthen)
    project.snakemake("--cores", "1", TRAINING)
    return project


def training_log(project: Project) -> Path:
    """Return where the training writes what it does."""
    return project.folder / TRAINING.replace("receipts", "logs").replace(".json", ".log")


def lengthen(smoke: dict) -> None:
    """Make the training of one method long enough to interrupt it."""
    smoke["methods"]["seqgan"]["rounds"] = ROUNDS
    smoke["methods"]["seqgan"]["monitoring"]["every"] = 100


def _copy(project: Project, folder: Path) -> Project:
    shutil.copytree(project.folder, folder, symlinks=True)
    return Project(folder)
