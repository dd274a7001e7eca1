"""The processes that share one training run, each on a GPU of its own or on some cores."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import final

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor


@final
class Team:
    """What the processes of one run do together; nothing, for a team of one.

    Every member holds the whole model, goes through the same steps and draws the same random
    numbers. The costly parts, rollouts and updates of the discriminator, are divided by rows: a
    member computes :meth:`mine`, and :meth:`gather` or :meth:`add_up` give all of them the whole.
    So the number of members changes the order of sums, and nothing else.

    Attributes:
        rank: Number of this member; member 0 leads: it alone writes files.
        size: Number of members.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this member writes the files."""
        return self.rank == 0

    def mine(self, rows: Shaped[Tensor, "*all"], dim: int = 0) -> Shaped[Tensor, "*share"]:
        """Return this member's share of some rows: neighbours, as many as the others' or one less.

        The share is empty where there are more members than rows.
        """
        return rows.tensor_split(self.size, dim)[self.rank]

    def gather(
        self, mine: Shaped[Tensor, "share *more"], whole: Shaped[Tensor, "all *more"]
    ) -> Shaped[Tensor, "all *more"]:
        """Return all members' rows in order; ``whole`` is a tensor of their shape to write to."""
        if self.size == 1:
            return mine
        whole.zero_()
        self.mine(whole).copy_(mine)
        dist.all_reduce(whole)
        return whole

    def add_up(self, tensors: Iterable[Shaped[Tensor, "..."]]) -> None:
        """Replace each tensor by its sum over the members."""
        self._exchange(tensors, dist.all_reduce)

    def follow_leader(self, tensors: Iterable[Shaped[Tensor, "..."]]) -> None:
        """Replace each tensor by the leader's, so that rounding cannot part the members."""
        self._exchange(tensors, partial(dist.broadcast, src=0))

    def _exchange(self, tensors: Iterable[Tensor], change: Callable[[Tensor], object]) -> None:
        """Change all tensors together, in one exchange."""
        if self.size == 1:
            return
        tensors = list(tensors)
        together = torch.cat([each.flatten() for each in tensors])
        change(together)
        for each, changed in zip(
            tensors, together.split([each.numel() for each in tensors]), strict=True
        ):
            each.copy_(changed.view_as(each))

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up for any member; all of them must ask together."""
        if self.size == 1:
            return flag
        up = torch.tensor([int(flag)])  # on the processor: no GPU waits for it
        dist.all_reduce(up)
        return bool(up.item())


ALONE = Team()


def assemble(device: str, processes: int) -> Team:
    """Join the processes that share a run.

    Args:
        device: Where this member computes.
        processes: How many there are.
    """
    if processes == 1:
        return ALONE
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    return Team(dist.get_rank(), dist.get_world_size())
