"""A disk that fills up stops the run with one line, and nothing is lost."""

import subprocess

import pytest

from projects import DETERMINISTIC, small_disk_at

pytestmark = pytest.mark.workflow


@pytest.fixture
def small_disk(fresh):
    """`results/` and `work/` on a disk of their own that is too small."""
    with small_disk_at(fresh.folder / "disk", "256k") as disk:
        for name in ("results", "work"):
            (disk / name).mkdir()
            (fresh.folder / name).symlink_to(disk / name)
        yield disk


def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room(finished, fresh, small_disk):
    output = fresh.snakemake("--cores", "1", check=False)
    assert "no room left on the disk" in output
    assert "Traceback" not in output
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    fresh.snakemake("--cores", "2")
    assert fresh.content(*DETERMINISTIC) == finished.content(*DETERMINISTIC)
