"""The cluster of the tests leaves nothing behind, even when they are killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from paths import ROOT

from .cluster import SlurmCluster, end_abandoned, wait_until

pytestmark = pytest.mark.slurm

KILLED = """\
from slurm.cluster import temporary_cluster
with temporary_cluster() as cluster:
    cluster.run("sbatch", "-o", "/dev/null", "--wrap", "trap '' TERM; sleep 1000; sleep 1000")
    print(cluster.root, flush=True)
    input()
"""


@pytest.mark.usefixtures("cluster")
def test_a_cluster_whose_process_was_killed_is_ended_by_the_next():
    command = [sys.executable, "-c", KILLED]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT / "tests", **streams) as process:
        abandoned = SlurmCluster(process.stdout.readline().strip())
        wait_until(lambda: "RUNNING" in abandoned.run("squeue", "-h", "-o", "%T"), "the job runs")
        process.kill()
    assert abandoned.is_up()
    end_abandoned()
    assert processes_that_mention(abandoned.root) == []
    assert not abandoned.root.exists()


def processes_that_mention(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(process.name)
    return found


def test_a_cluster_that_is_up_is_left_as_it_is(cluster):
    before = cluster._daemons()
    assert cluster.start()._daemons() == before
