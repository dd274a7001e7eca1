"""Whatever kills a training stage, at whatever moment, it ends with the same bytes.

SEQGAN_KILLS=200 pytest tests/test_killing.py kills as often at random.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KILLS = int(os.environ.get("SEQGAN_KILLS", "30"))
STAGES = ("pretrain_generator", "pretrain_discriminator", "train_adversarially")


def drive(folder: Path, stage: str, how: str, count: int, seed: int = 1) -> int:
    command = [str(HERE / "killing.py"), str(folder), stage, how, str(count), str(seed)]
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=60 + 20 * count,
        check=False,
        env=os.environ | {"PYTHONPATH": f"{HERE.parent / 'src'}{os.pathsep}{HERE}"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path, stage):
    wanted = -(-KILLS // len(STAGES))
    assert drive(tmp_path, stage, "random", wanted) >= wanted


def test_killed_at_every_change_of_the_file_system_it_ends_with_the_same_bytes(tmp_path):
    """Also inside the writing of a state, its checksum, the outputs and the receipt."""
    assert drive(tmp_path, "train_adversarially", "everywhere", 37) > 20


def test_asked_to_stop_again_and_again_it_ends_with_the_same_bytes(tmp_path):
    assert drive(tmp_path, "train_adversarially", "stop", 5) >= 5
