"""A disk that fills up stops the run with one line, and nothing is lost."""

import shutil
import subprocess

import pytest

from projects import DETERMINISTIC

pytestmark = pytest.mark.workflow


@pytest.fixture
def small_disk(fresh):
    """`results/` and `work/` on a disk of their own that is too small."""
    disk = fresh.folder / "disk"
    disk.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount` to make a small disk with")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    for name in ("results", "work"):
        (disk / name).mkdir()
        (fresh.folder / name).symlink_to(disk / name)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room(finished, fresh, small_disk):
    output = fresh.snakemake("--cores", "1", check=False)
    assert "no room left on the disk" in output
    assert "Traceback" not in output
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    fresh.snakemake("--cores", "2")
    assert fresh.content(*DETERMINISTIC) == finished.content(*DETERMINISTIC)
