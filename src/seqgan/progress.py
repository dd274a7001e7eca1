"""How far a step of training is: its local variables, where a saved state can hold them."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

Kept = TypeVar("Kept")


class Progress:
    """The pieces of a step that are done, and what the next ones need.

    A round may last minutes: it is divided into pieces of an update each. Between two of them
    :attr:`pause` is called, at which the state of a run may be saved or the run may end; a run that
    continues there goes through the same steps again, finds what was kept, and skips what is done.

    Names must be distinct within a step, or within the body of the :meth:`count` they stand in.
    """

    def __init__(self) -> None:
        self.pause: Callable[[], None] = _go_on
        self._values: dict[str, Any] = {}
        self._totals: dict[str, int] = {}
        self._scope = ""

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under a name, which is made when the step first comes here.

        It may be a tensor, a plain value, or a dict or list of such that the step changes.
        """
        place = self._scope + name
        if place not in self._values:
            self._values[place] = make()
        return self._values[place]

    def count(self, name: str, total: int) -> Iterator[int]:
        """Yield the numbers of the pieces that are left of ``total``; pause after each of them."""
        place, outer = self._scope + name, self._scope
        self._totals[place] = total
        for number in range(self._values.setdefault(place, 0), total):
            self._scope = f"{place}/"
            yield number
            self._forget(f"{place}/")
            self._scope = outer
            self._values[place] = number + 1
            self.pause()

    def describe(self) -> str:
        """Return what is done of each count that has begun, such as ``d-step 2/5, batch 10/30``."""
        begun = (place for place in self._values if place in self._totals)
        return ", ".join(
            f"{place.rpartition('/')[2]} {self._values[place]}/{self._totals[place]}"
            for place in begun
        )

    def is_finite(self) -> bool:
        """Return whether all numbers that are kept are finite, such as sums of losses."""
        return all(map(_is_finite, self._values.values()))

    def clear(self) -> None:
        """Forget everything: the step is done."""
        self._values, self._totals, self._scope = {}, {}, ""

    def _forget(self, scope: str) -> None:
        for values in (self._values, self._totals):
            for place in [place for place in values if place.startswith(scope)]:
                del values[place]

    def state_dict(self) -> dict[str, Any]:
        """Return what is kept."""
        return self._values

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str) -> None:
        """Continue from what :meth:`state_dict` returned, with its tensors on a device."""
        self.clear()
        self._values = {place: _moved(value, device) for place, value in state.items()}


def _go_on() -> None:
    """Pause for nothing."""


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, Tensor) or bool(value.isfinite().all())


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(each, device) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, device) for each in value]
    return value
