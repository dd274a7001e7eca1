"""What is recorded and replayed, with a recorder that needs no GPU: it calls the function again."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqgan.graphs import WARM_UP, Replayed


class Recorder:
    """Records like a GPU: results stay where they were, whatever is replayed."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        self.recorded += 1
        seen = {"place": torch.zeros(2)}

        def replay() -> None:
            self.replayed += 1
            seen["place"].copy_(function())

        return replay, seen["place"]


def add_up() -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Return a function that changes a sum in its place, and the sum."""
    total = torch.zeros(2)

    def function(increment: Tensor) -> Tensor:
        total.add_(increment[:2])
        return total * 1

    return function, total


def test_a_replayed_function_does_what_it_does_itself():
    (function, total), recorder = add_up(), Recorder()
    replayed = Replayed(function, recorder)
    results = [replayed(torch.tensor([1.0, float(i)])) for i in range(8)]
    assert [each.tolist() for each in results] == [
        [float(i + 1), float(sum(range(i + 1)))] for i in range(8)
    ], "each result is the caller's own"
    assert total.tolist() == [8.0, 28.0]
    assert (recorder.recorded, recorder.replayed) == (1, 8 - WARM_UP)


def test_each_shape_has_a_record_of_its_own():
    (function, total), recorder = add_up(), Recorder()
    replayed = Replayed(function, recorder)
    for _ in range(6):
        replayed(torch.ones(3))
        replayed(torch.ones(2))
    assert total.tolist() == [12.0, 12.0]
    assert (recorder.recorded, recorder.replayed) == (2, 2 * (6 - WARM_UP))


def test_what_cannot_be_recorded_runs_as_it_is():
    function, total = add_up()
    refused: list[int] = []

    def refuse(function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        refused.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    replayed = Replayed(function, refuse)
    for _ in range(7):
        replayed(torch.ones(2))
    assert total.tolist() == [7.0, 7.0]
    assert len(refused) == 1


def test_a_result_may_have_names():
    recorder = Recorder()

    def record(function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        replay, place = recorder(lambda: function()["sum"])
        return replay, {"sum": place}

    replayed = Replayed(lambda x: {"sum": x + 1}, record)
    results = [replayed(torch.full((2,), float(i))) for i in range(6)]
    assert [each["sum"].tolist() for each in results] == [[i + 1.0] * 2 for i in range(6)]


@pytest.mark.parametrize("count", [1, 9])
def test_on_a_processor_nothing_is_recorded(count: int, monkeypatch):
    monkeypatch.setattr("seqgan.graphs.record_graph", None)
    function, total = add_up()
    replayed = Replayed(function)
    for _ in range(count):
        replayed(torch.ones(2))
    assert total.tolist() == [count, count]
