"""Where a stage computes: on the processor, or on a GPU that no other job of ours uses."""

import contextlib
import os
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.locks import Lock

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
CLAIMED: list[Lock] = []
"""Held until the process ends."""


def kind_of(wanted: str) -> str:
    """Return the kind of device that :func:`choose` will return, without touching one.

    Raises :class:`UserError` for a name that is none.
    """
    if not DEVICE.fullmatch(wanted):
        raise UserError(f"--device must be auto, cpu, cuda, cuda:1, … or mps, but is {wanted!r}")
    if wanted != "auto":
        return wanted.split(":")[0]
    if "torch" in sys.modules and import_module("torch").cuda.is_available():
        return "cuda"
    return "cpu"


def choose(wanted: str, member: int | None) -> str:
    """Return the device to compute on: ``cpu``, or ``cuda:1`` and the like.

    Args:
        wanted: ``auto``, ``cpu``, ``cuda`` or a numbered GPU. ``auto`` and ``cuda`` take a GPU for
            this process alone where the machine has several and one is free, so that jobs on one
            workstation spread over its GPUs.
        member: Number of this process in a team, each of which takes the GPU of its number.

    Raises:
        UserError: If the device cannot be used.
    """
    if (kind := kind_of(wanted)) == "cpu":
        return kind
    torch = import_module("torch")
    if kind == "cuda" and ":" not in wanted and torch.cuda.is_available():
        wanted = _one_of(torch.cuda, member)
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise UserError(f"--device {wanted} cannot be used: {reason}; try --device cpu") from None
    if wanted.startswith("cuda:"):
        torch.cuda.set_device(wanted)
    return wanted


def _one_of(cuda: Any, member: int | None) -> str:
    count = cuda.device_count()
    if member is not None:
        if member >= count:
            raise UserError(
                f"process {member + 1} of a team has no GPU: {count} are visible; lower "
                "`resources.processes` or use --device cpu"
            )
        return f"cuda:{member}"
    if count == 1:
        return "cuda:0"
    folder = Path(tempfile.gettempdir()) / f"seqgan-gpus-{os.getuid()}"
    for number in range(count):
        # By its own name: two jobs may see the same GPU under different numbers.
        lock = Lock(folder / str(cuda.get_device_properties(number).uuid))
        with contextlib.suppress(OSError, UserError):  # the folder may be somebody else's
            if lock.acquire():
                CLAIMED.append(lock)
                return f"cuda:{number}"
    return f"cuda:{os.getpid() % count}"  # all are taken: share one
