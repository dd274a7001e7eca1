import pytest
import torch

from seqgan.checkpoints import load_tree, save_tree
from seqgan.progress import Progress


class Stop(BaseException):
    """Ends a step where its state was saved."""


def step(progress: Progress, done: list[str]) -> list[str]:
    """Nested counts with values of their own; what was drawn must not be drawn again."""
    told = progress.keep("told", list)
    for outer in progress.count("outer", 2):
        drawn = progress.keep("drawn", lambda: len(done))
        for inner in progress.count("inner", 3):
            done.append(f"{outer}.{inner}")
            told.append(f"{outer}.{inner} of {drawn}")
    for number in progress.count("last", 1):
        done.append(f"last {number}")
    return told


WHOLE = ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "last 0"]


def test_an_uninterrupted_step():
    done: list[str] = []
    told = step(Progress(), done)
    assert done == WHOLE
    assert told == [f"0.{i} of 0" for i in range(3)] + [f"1.{i} of 3" for i in range(3)]


@pytest.mark.parametrize("moment", range(1, 10))
def test_a_step_goes_on_after_any_pause_in_another_process(tmp_path, moment):
    progress, done, pauses = Progress(), [], 0

    def pause() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == moment:
            save_tree(tmp_path / "state", progress.state_dict())
            raise Stop

    progress.pause = pause
    with pytest.raises(Stop):
        step(progress, done)
    again = Progress()
    again.load_state_dict(load_tree(tmp_path / "state"), "cpu")
    told = step(again, done)
    assert done == WHOLE
    assert told == step(Progress(), [])


def test_there_is_a_pause_after_every_piece_and_every_nest_of_them():
    progress, pauses = Progress(), []
    progress.pause = lambda: pauses.append(progress.describe())
    step(progress, [])
    assert pauses == [
        "outer 0/2, inner 1/3",
        "outer 0/2, inner 2/3",
        "outer 0/2, inner 3/3",
        "outer 1/2",
        "outer 1/2, inner 1/3",
        "outer 1/2, inner 2/3",
        "outer 1/2, inner 3/3",
        "outer 2/2",
        "outer 2/2, last 1/1",
    ]


def test_what_is_kept_is_made_once_and_forgotten_with_its_step():
    progress = Progress()
    first = progress.keep("x", lambda: torch.zeros(2))
    first += 1
    assert progress.keep("x", lambda: torch.zeros(2)).tolist() == [1, 1]
    progress.clear()
    assert progress.state_dict() == {}
    assert progress.keep("x", lambda: torch.zeros(2)).tolist() == [0, 0]


def test_a_loaded_state_is_a_copy_whose_tensors_are_on_the_device():
    state = {"a": {"b": [torch.zeros(2), 1]}, "c": torch.ones(1)}
    progress = Progress()
    progress.load_state_dict(state, "meta")
    found = progress.state_dict()
    assert found["a"]["b"][0].device.type == found["c"].device.type == "meta"
    assert found["a"]["b"][1] == 1
    assert state["c"].device.type == "cpu"


def test_a_sum_that_is_not_finite_is_seen_wherever_it_is_kept():
    progress = Progress()
    progress.keep("order", lambda: torch.arange(3))
    sums = progress.keep("sums", lambda: {"nll": torch.zeros(())})
    assert progress.is_finite()
    sums["nll"] = torch.tensor(torch.nan)
    assert not progress.is_finite()
