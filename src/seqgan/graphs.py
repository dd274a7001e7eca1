"""Updates that a GPU repeats without being told again: CUDA graphs of what has fixed shapes."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

Seen = TypeVar("Seen", Tensor, dict[str, Tensor])
Recorder = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]

# Calls of each shape before it is recorded: the first make what later ones find, such as the
# moments of an optimizer and the workspaces of libraries.
WARM_UP = 3


def record_graph(function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """Record what a function launches on a GPU; return what replays it, and its result."""
    torch.cuda.synchronize()
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    try:
        with torch.cuda.graph(graph):
            seen = function()
    finally:
        torch.cuda.set_stream(stream)  # which a recording that fails may leave
    return graph.replay, seen


class Replayed(Generic[Seen]):
    """A function of tensors that a GPU replays as one launch, and that runs as it is elsewhere.

    An update of a small network is a hundred kernels of a few microseconds, and the processor
    takes longer to launch them than the GPU to run them. From the fourth call with inputs of the
    same shapes on, they are copied to where the third left room and the record is replayed.

    The function takes tensors alone and returns a tensor or a dict of them. It must launch the
    same work whatever the numbers are, without reading them on the host and without drawing
    random numbers, and change nothing but tensors that stay where they are. One that cannot be
    recorded runs as it is.

    Args:
        function: What is called.
        recorder: What records a call; ``None`` records on a GPU alone.
    """

    def __init__(self, function: Callable[..., Seen], recorder: Recorder | None = None) -> None:
        self._function, self._recorder = function, recorder
        self._calls: dict[Any, int] = {}
        self._recorded: dict[Any, tuple[list[Tensor], Callable[[], None], Seen]] = {}
        self._refused = False

    def __call__(self, *inputs: Tensor) -> Seen:
        """Return what the function returns; it belongs to the caller."""
        recorder = self._recorder or (record_graph if inputs[0].is_cuda else None)
        if recorder is None or self._refused:
            return self._function(*inputs)
        key = tuple((each.shape, each.dtype) for each in inputs)
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] <= WARM_UP:
            return self._function(*inputs)
        if key not in self._recorded:
            held = [each.clone() for each in inputs]
            try:
                self._recorded[key] = held, *recorder(lambda: self._function(*held))
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError:  # some operation needs the host
                self._refused = True
                return self._function(*inputs)
        held, replay, seen = self._recorded[key]
        for mine, theirs in zip(held, inputs, strict=True):
            mine.copy_(theirs)
        replay()
        if isinstance(seen, Tensor):
            return seen.clone()
        return {name: value.clone() for name, value in seen.items()}
