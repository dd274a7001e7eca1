"""What the machine is, and how fast it can be at the arithmetic that training consists of."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from seqgan.products import product

LARGE = 2048
"""Rows and columns of the matrices whose product shows the processor's best rate."""
IN_CACHE = 2**15
"""Elements of a vector of float32 that stays in a core's second-level cache."""
LARGE_COPY = 2**26
"""Elements of a vector of float32 that no cache holds."""


@dataclass(frozen=True)
class Machine:
    """A processor, its software, and ceilings that were measured in the same run as the rows.

    Attributes:
        cpu: Model of the processor.
        cores: Cores that this process may use.
        threads: Threads that PyTorch computes with.
        torch: Version of PyTorch.
        python: Version of Python.
        date: When the run began, in UTC.
        gemm_flops: Operations a second in the product of large square matrices.
        product_flops: The same by the library that the package multiplies large matrices with.
        projection_flops: As by PyTorch, for the generator's projection on the vocabulary.
        exponentials: Powers of e a second of numbers in a core's cache, in one thread.
        powers_of_two: The same for powers of two.
        copied_bytes: Bytes a second that a large copy reads and writes.
    """

    cpu: str
    cores: int
    threads: int
    torch: str
    python: str
    date: str
    gemm_flops: float
    product_flops: float
    projection_flops: float
    exponentials: float
    powers_of_two: float
    copied_bytes: float

    def lines(self) -> str:
        """Return the machine as a person reads it."""
        return (
            f"{self.cpu}, {self.threads} of {self.cores} cores, PyTorch {self.torch}, "
            f"Python {self.python}, {self.date}\n"
            f"ceilings: large GEMM {self.gemm_flops / 1e9:.0f} GFLOP/s (by the package's product "
            f"{self.product_flops / 1e9:.0f}), projection {self.projection_flops / 1e9:.0f} "
            f"GFLOP/s, exp {self.exponentials / 1e9:.2f} G/s and exp2 "
            f"{self.powers_of_two / 1e9:.2f} G/s in one thread's cache, copy "
            f"{self.copied_bytes / 1e9:.1f} GB/s"
        )


def describe(hidden_dim: int, vocab: int, seconds: float) -> Machine:
    """Measure the ceilings, each for some seconds, and say what they were measured on."""
    return Machine(
        cpu=_cpu(),
        cores=_cores(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        python=platform.python_version(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        gemm_flops=gemm_flops(LARGE, LARGE, LARGE, seconds),
        product_flops=2.0 * LARGE**3 * rate(_product(), seconds),
        projection_flops=gemm_flops(512, hidden_dim, vocab, seconds),
        exponentials=_powers(torch.exp, seconds),
        powers_of_two=_powers(torch.exp2, seconds),
        copied_bytes=_copied_bytes(seconds),
    )


def gemm(rows: int, inner: int, columns: int) -> Callable[[], object]:
    """Return a product of two matrices of these sizes, to be called."""
    left, right = torch.randn(rows, inner), torch.randn(columns, inner)
    result = torch.empty(rows, columns)
    return lambda: torch.mm(left, right.T, out=result)


def gemm_flops(rows: int, inner: int, columns: int, seconds: float) -> float:
    """Return the operations a second of :func:`gemm`; an addition and a product are two."""
    return 2.0 * rows * inner * columns * rate(gemm(rows, inner, columns), seconds)


def _product() -> Callable[[], object]:
    left, right = torch.randn(2, LARGE, LARGE)
    return lambda: product(left, right)


def _powers(function: Callable[..., object], seconds: float) -> float:
    numbers, result = torch.randn(IN_CACHE), torch.empty(IN_CACHE)
    return IN_CACHE * rate(lambda: function(numbers, out=result), seconds)


def _copied_bytes(seconds: float) -> float:
    source, target = torch.ones(2, LARGE_COPY)  # not zeros, which the system keeps no pages of
    return 2 * 4 * LARGE_COPY * rate(lambda: target.copy_(source), seconds)


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often a second some work can be done: the best of what was seen."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return 1 / best


def _cores() -> int:
    """Return the cores that this process may use, where the system tells them from all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    """Return the name of the processor where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
