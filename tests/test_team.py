"""A run that several processes share is the run of one, but for the order of sums."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from seqgan.checkpoints import load_tree
from seqgan.errors import UserError
from seqgan.failures import Stopped
from seqgan.launching import LOST, STOPPED, _explain, member, members
from seqgan.team import ALONE, Team
from team_member import one_round

HERE = Path(__file__).parent
LAUNCHER = """
import sys
from seqgan.failures import guarded
from seqgan.launching import launch
sys.exit(guarded(lambda: launch(int(sys.argv[1]), sys.argv[2:]), "launcher"))
"""


def begin(folder: Path, size: int, what: str) -> subprocess.Popen:
    command = [sys.executable, "-c", LAUNCHER, str(size), str(HERE / "team_member.py")]
    path = os.pathsep.join([str(HERE.parent / "src"), str(HERE)])
    return subprocess.Popen(
        [*command, str(folder), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def together(folder: Path, size: int, what: str) -> tuple[int, list[str]]:
    with begin(folder, size, what) as process:
        output, _ = process.communicate(timeout=120)
    return process.returncode, output.splitlines()


def both_are_ready(folder: Path) -> None:
    for _ in range(600):
        if all((folder / str(rank)).exists() for rank in (0, 1)):
            return
        time.sleep(0.1)
    raise AssertionError("the members did not start")


def close(one: Any, other: Any) -> None:
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            close(left, right)
    else:
        assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize(
    ("size", "value"),
    [
        pytest.param(2, "rollout", id="two"),
        pytest.param(6, "rollout", id="more than sentences"),
        pytest.param(2, "terminal", id="without rollouts"),
    ],
)
def test_a_team_trains_like_one_process(tmp_path, size, value):
    status, output = together(tmp_path, size, value)
    assert status == 0, "\n".join(output)
    assert output == []
    alone = one_round(ALONE, value)
    assert alone["value"].abs().sum() > 0
    found = [load_tree(tmp_path / f"{rank}.safetensors") for rank in range(size)]
    for one in found:
        close(one, alone)
    # Among themselves the members do not differ by a bit, or they would part in the long run.
    for part in ("generator", "discriminator"):
        for name, weights in found[0][part].items():
            assert all(torch.equal(weights, one[part][name]) for one in found)


def test_a_flag_is_up_if_it_is_for_anybody(tmp_path):
    assert together(tmp_path, 2, "any") == (0, [])
    for rank in (0, 1):
        assert load_tree(tmp_path / f"{rank}.safetensors") == {"seen": [True, False, True]}


def test_what_is_wrong_for_all_is_said_once(tmp_path):
    status, output = together(tmp_path, 2, "both fail")
    assert status == 1
    assert output == ["member: error: what is wrong for all"]


def test_who_lost_another_leaves_the_word_to_it(tmp_path):
    status, output = together(tmp_path, 2, "one fails")
    assert status == 1
    assert output == ["member: error: only the leader knows"]


@pytest.mark.parametrize("what", ["one is killed", "one is killed at work"])
def test_a_member_that_was_killed_is_one_line(tmp_path, what):
    status, output = together(tmp_path, 2, what)
    assert status == 1
    (line,) = output
    assert line == (
        "launcher: error: process 1 of 2 was killed by signal 9; if it was for its memory, give "
        "the job more, and start it again to continue from its last state"
    )


def test_what_torchrun_needs_for_its_logs_goes_with_it(tmp_path):
    before = set(Path(tempfile.gettempdir()).glob("*"))
    assert together(tmp_path, 2, "any")[0] == 0
    left = set(Path(tempfile.gettempdir()).glob("torchelastic*")) - before
    assert left == set()


def test_variables_that_a_site_sets_make_no_team(monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("TORCHELASTIC_RUN_ID", "theirs")):
        monkeypatch.setenv(name, value)
    assert (members(), member()) == (1, None)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "seqgan")
    assert (members(), member()) == (2, 1)


@pytest.mark.parametrize(
    ("statuses", "end"),
    [
        ({0: 1, 1: -15}, "said"),
        ({0: LOST, 1: 1}, "said"),
        ({0: -15, 1: -15}, "stopped"),
        ({0: STOPPED, 1: STOPPED}, "stopped"),
        ({0: LOST, 1: -15}, "stopped"),
        ({0: LOST, 1: -9}, "process 1 of 2 was killed by signal 9"),
        ({0: -11, 1: 1}, "process 0 of 2 was killed by signal 11"),
        ({0: LOST}, "the processes of the team lost each other"),
    ],
)
def test_how_a_team_ended_is_said_once(statuses, end):
    caught = {"said": SystemExit, "stopped": Stopped}.get(end, UserError)
    with pytest.raises(caught, match=end if caught is UserError else None):
        _explain(statuses, 2)


def test_no_member_outlives_a_team_that_is_asked_to_stop(tmp_path):
    with begin(tmp_path, 2, "wait") as process:
        both_are_ready(tmp_path)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output == "launcher: error: stopped; start it again to continue from its last state\n"
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, check=False)
    assert left.stdout == b""


def test_a_team_stops_when_its_launcher_is_killed(tmp_path):
    with begin(tmp_path, 2, "wait") as process:
        both_are_ready(tmp_path)
        process.kill()
    for _ in range(100):
        left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, check=False)
        if not left.stdout:
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {left.stdout!r}")


def test_shares_are_neighbours_in_order_and_cover_everything():
    rows = torch.arange(14).view(7, 2)
    shares = [Team(rank, 3).mine(rows) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 2, 2]
    assert torch.equal(torch.cat(shares), rows)
    assert torch.equal(Team(1, 2).mine(rows, dim=1), rows[:, 1:])


def test_one_process_shares_nothing():
    rows = torch.ones(3)
    assert ALONE.mine(rows).data_ptr() == rows.data_ptr()
    assert ALONE.gather(rows, torch.zeros(3)) is rows
    ALONE.add_up([rows])
    ALONE.follow_leader([rows])
    assert rows.tolist() == [1.0, 1.0, 1.0]
    assert [ALONE.any(flag) for flag in (True, False)] == [True, False]
    assert ALONE.leads
