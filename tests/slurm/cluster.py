#!/usr/bin/env python3
"""A throw-away Slurm on this machine, from Debian's packages: two nodes, make-believe GPUs.

    python tests/slurm/cluster.py start DIR           # again: does nothing
    eval "$(python tests/slurm/cluster.py env DIR)"   # sbatch, squeue, snakemake now speak to it
    python tests/slurm/cluster.py stop DIR

It needs slurmctld, slurmd, slurm-client and munge; neither root nor systemd nor a file in /etc. All
it keeps is in DIR, whose path must be short: that of a UNIX socket has 107 bytes at most.
"""

import argparse
import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Slurm wants a character device for each GPU, or it sets no CUDA_VISIBLE_DEVICES.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random")
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
PREFIX = "seqgan-slurm-"

CONFIGURATION = Path(__file__).with_name("slurm.conf.in").read_text(encoding="utf-8")
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 Sockets=1"
    " CoresPerSocket=4 ThreadsPerCore=1 RealMemory=12000 Gres=gpu:{gpus}\n"
)
PARTITIONS = """\
PartitionName=cpu Nodes={nodes} Default=YES MaxTime=UNLIMITED DefaultTime=5 PriorityTier=1
PartitionName=gpu Nodes={nodes} MaxTime=UNLIMITED DefaultTime=5 PriorityTier=1
PartitionName=urgent Nodes={nodes} MaxTime=UNLIMITED DefaultTime=5 PriorityTier=10 PreemptMode=OFF
"""
# The jobstep plugin (0.6.1) takes SLURM_CONF away before it calls srun. Sites have /etc/slurm.
SRUN = """\
#!/bin/sh
SLURM_CONF={conf} exec {srun} "$@"
"""
# Without a database sacct only fails. The plugin turns to it whenever scontrol is slow, and after
# some failures it forgets its jobs and waits for ever: squeue answers in its place.
SACCT = """\
#!/bin/sh
export SLURM_CONF={conf}
name=
while [ $# -gt 0 ]; do [ "$1" = --name ] && name=$2; shift; done
[ -n "$name" ] || exit 0
exec squeue --states=all --noheader --format='%i|%T' --name "$name"
"""


class SlurmCluster:
    """Daemons, nodes and files of one cluster.

    Args:
        root: Folder for all it keeps.
        nodes: Number of nodes, each of 4 processors, 12 GB and ``gpus`` GPUs on paper.
        gpus: GPUs of a node.
        kill_seconds: Time between SIGTERM and SIGKILL.
        node_timeout: Seconds of silence after which a node counts as lost.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        nodes: int = 2,
        gpus: int = 2,
        kill_seconds: int = 5,
        node_timeout: int = 15,
    ) -> None:
        self.root = Path(root).resolve()
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.gpus, self.kill_seconds, self.node_timeout = gpus, kill_seconds, node_timeout
        self.conf = self.root / "etc" / "slurm.conf"
        self.user = pwd.getpwuid(os.geteuid()).pw_name

    @staticmethod
    def missing() -> list[str]:
        """Return the programs that are not installed here."""
        return [name for name in NEEDED if shutil.which(name, path=SYSTEM_PATH) is None]

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which commands speak to this cluster."""
        foreign = ("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        path = f"{self.root / 'bin'}{os.pathsep}{SYSTEM_PATH}"
        return own | {"SLURM_CONF": str(self.conf), "PATH": path}

    def run(self, *command: object, check: bool = True) -> str:
        """Run a command against the cluster and return what it prints."""
        done = subprocess.run(
            [str(part) for part in command],
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=60,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> "SlurmCluster":
        """Bring the cluster up, empty; a cluster that is up stays as it is."""
        if self.is_up():
            return self
        self.stop()
        for folder in ("state", "spool"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        self._write()
        run = self.root / "run"
        self._daemon(
            "munged",
            f"--key-file={self.root}/etc/munge.key",
            f"--socket={run}/munge.sock",
            f"--pid-file={run}/munged.pid",
            f"--log-file={self.root}/log/munged.log",
            f"--seed-file={run}/munged.seed",
        )
        self._daemon("slurmctld", "-c", "-f", self.conf)
        for node in self.nodes:
            self._daemon("slurmd", "-f", self.conf, "-N", node)
        wait_until(self.is_ready, "the nodes are idle")
        return self

    def stop(self) -> None:
        """End all jobs and daemons; nothing is left running."""
        daemons = self._daemons()
        if "slurmctld" in daemons:  # jobs first: they outlive the daemon of their node
            with contextlib.suppress(RuntimeError, TimeoutError, subprocess.TimeoutExpired):
                self.run("scancel", "--user", self.user)
                wait_until(lambda: not self.run("squeue", "-h").strip(), "jobs end", seconds=15)
        for node in self.nodes:
            _kill(self._processes_of(node))
        # munged last: the others need it to say farewell.
        order = [name for name in daemons if name.startswith("slurmd.")], ["slurmctld"], ["munged"]
        for names in order:
            _end([daemons[name] for name in names if name in daemons])
        _kill(self._keepers())

    def is_ready(self) -> bool:
        """Return whether every node can take jobs."""
        try:
            lines = self.run("sinfo", "-h", "-N", "-o", "%N %T").split("\n")
        except RuntimeError:
            return False
        states = dict(line.split() for line in lines if line)
        usable = {"idle", "mixed", "allocated"}
        return states.keys() == set(self.nodes) and set(states.values()) <= usable

    def is_up(self) -> bool:
        """Return whether all daemons run and every node can take jobs."""
        wanted = {"munged", "slurmctld", *(f"slurmd.{node}" for node in self.nodes)}
        return self.conf.exists() and wanted <= self._daemons().keys() and self.is_ready()

    def crash_node(self, node: str) -> None:
        """Kill all that runs on a node, as a power cut would: nobody is told or asked."""
        _kill([self._daemons()[f"slurmd.{node}"], *self._processes_of(node)])

    def revive_node(self, node: str) -> None:
        """Start the daemon of a node that crashed."""
        self._daemon("slurmd", "-c", "-f", self.conf, "-N", node)
        wait_until(self.is_ready, f"{node} is back")

    def crash_controller(self) -> None:
        """Kill the controller; jobs go on, no command gets an answer."""
        _kill([self._daemons()["slurmctld"]])

    def revive_controller(self) -> None:
        """Start the controller with the state that it saved."""
        self._daemon("slurmctld", "-f", self.conf)
        wait_until(self.is_ready, "the controller is back")

    def _write(self) -> None:
        folders = ("etc", "run", "log", "state", "bin", *(f"spool/{node}" for node in self.nodes))
        for folder in folders:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        # munged refuses a socket in a folder that others cannot enter.
        for folder in (self.root, self.root / "run"):
            folder.chmod(0o755)
        key = self.root / "etc" / "munge.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_bytes(secrets.token_bytes(128))
        host = socket.gethostname().split(".")[0]
        controller_port, *ports = _free_ports(1 + len(self.nodes))
        lines = CONFIGURATION.format(
            **vars(self),
            host=host,
            controller_port=controller_port,
            requeue_seconds=self.kill_seconds + 5,
        )
        for name, port in zip(self.nodes, ports, strict=True):
            lines += NODE.format(name=name, host=host, port=port, gpus=self.gpus)
        self.conf.write_text(lines + PARTITIONS.format(nodes=",".join(self.nodes)))
        (self.root / "etc" / "gres.conf").write_text(
            "".join(
                f"NodeName={node} Name=gpu File={device}\n"
                for node in self.nodes
                for device in DEVICES[: self.gpus]
            )
        )
        self._script("srun", SRUN.format(conf=self.conf, srun=shutil.which("srun")))
        self._script("sacct", SACCT.format(conf=self.conf))

    def _script(self, name: str, text: str) -> None:
        script = self.root / "bin" / name
        script.write_text(text)
        script.chmod(0o755)

    def _daemon(self, *command: object) -> None:
        # Daemons send themselves into the background; they must not hold a pipe of ours open.
        with open(self.root / "log" / "start.log", "a") as log:
            done = subprocess.run(
                [str(part) for part in command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=60,
            )
        if done.returncode:
            raise RuntimeError(f"{command[0]} did not start; see {log.name}")

    def _daemons(self) -> dict[str, int]:
        """Return the process ids of our daemons that live, by the names of their pid files."""
        found = {}
        for file in sorted((self.root / "run").glob("*.pid")):
            with contextlib.suppress(OSError, ValueError):
                pid = int(file.read_text())
                if _name(pid) == file.stem.split(".")[0]:  # it may be somebody else's by now
                    found[file.stem] = pid
        return found

    def _keepers(self) -> list[int]:
        """Return keepers of jobs that wait to tell a controller that never came back."""
        return [
            pid
            for pid, environment in _environments()
            if f"SLURM_CONF={self.conf}".encode() in environment
            and _name(pid).startswith("slurmstepd")
        ]

    def _processes_of(self, node: str) -> list[int]:
        """Return the ids of jobs on a node and of their keepers (slurmstepd)."""
        ours = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={self.conf}".encode()}
        jobs = [pid for pid, environment in _environments() if ours <= environment]
        parents = set()
        for pid in jobs:
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text()
                parents.add(int(stat.rpartition(")")[2].split()[1]))
        # Keepers first, so that none reports the end of its job.
        return [*(pid for pid in parents if _name(pid).startswith("slurmstepd")), *jobs]


def _environments() -> Iterator[tuple[int, set[bytes]]]:
    """Yield the id and the variables of every process that may be asked for them."""
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield int(file.parent.name), {*file.read_bytes().split(b"\0")}


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextlib.contextmanager
def temporary_cluster() -> Iterator[SlurmCluster]:
    """Yield a cluster that ends with the block."""
    end_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with owned(folder):
        cluster = SlurmCluster(folder)
        try:
            yield cluster.start()
        finally:
            cluster.stop()
            shutil.rmtree(folder, ignore_errors=True)


def end_abandoned() -> None:
    """End temporary clusters whose process was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(BlockingIOError, PermissionError), owned(folder):
            SlurmCluster(folder).stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold the lock of a cluster's folder; raise ``BlockingIOError`` if another process does."""
    with open(folder / "owner", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def wait_until(condition: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """Return when a condition holds; raise :class:`TimeoutError` if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.1)


def _free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _kill(pids: list[int], request: signal.Signals = signal.SIGKILL) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, request)


def _end(pids: list[int]) -> None:
    """Ask processes to end, and make them after ten seconds."""
    _kill(pids, signal.SIGTERM)
    try:
        wait_until(lambda: not any(map(_name, pids)), "they end", seconds=10)
    except TimeoutError:
        _kill(pids)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("command", choices=["start", "stop", "env", "status"])
    parser.add_argument("folder", metavar="DIR", help="where the cluster keeps its files")
    given = parser.parse_args()
    cluster = SlurmCluster(given.folder)
    if missing := cluster.missing():
        sys.exit(f"not installed: {', '.join(missing)}; see docs/hpc.md")
    if given.command == "start":
        cluster.start()
    elif given.command == "stop":
        cluster.stop()
    elif given.command == "env":
        print(f"export SLURM_CONF={cluster.conf} PATH={cluster.root / 'bin'}:$PATH:/usr/sbin")
    else:
        print("up" if cluster.is_up() else "down")


if __name__ == "__main__":
    main()
