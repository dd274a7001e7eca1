"""How time and memory are measured, and what a line of the table holds."""

import multiprocessing
import multiprocessing.connection
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from seqgan.randomness import make_deterministic

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison, a line of the table.

    Attributes:
        name: The benchmark that it belongs to, with the setting where it has several.
        ours_s: Median seconds of the package.
        reference_s: Median seconds of what it is compared with.
        ratio: How many times faster, or how many times as long: the direction is the bar's.
        at_least: The smallest ratio that is good enough.
        at_most: The largest ratio that is good enough.
        judged: Whether the bar applies, which is set for the size of the paper.
        peak_bytes: Most memory that the path took, beyond a process that only imports.
        note: How the numbers came about, where that is not plain.
    """

    name: str
    ours_s: float | None = None
    reference_s: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    judged: bool = True
    peak_bytes: int | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Return whether the ratio is within its bars; ``None`` where nothing can be said."""
        low, high = self.at_least, self.at_most
        if not self.judged or self.ratio is None or (low is None and high is None):
            return None
        return (low is None or self.ratio >= low) and (high is None or self.ratio <= high)

    def record(self) -> dict[str, Any]:
        """Return what a file keeps: every number, and the bars that there are."""
        kept = asdict(self) | {"holds": self.holds}
        return {
            name: value for name, value in kept.items()
            if value is not None or name not in ("at_least", "at_most")
        }  # fmt: skip


def faster(name: str, ours_s: float, reference_s: float, **more: Any) -> Row:
    """Return a row that says how many times faster we are."""
    return Row(name, ours_s, reference_s, reference_s / ours_s, **more)


def longer(name: str, ours_s: float, reference_s: float, **more: Any) -> Row:
    """Return a row that says how many times as long we take."""
    return Row(name, ours_s, reference_s, ours_s / reference_s, **more)


@dataclass(frozen=True)
class Patience:
    """How often a comparison is repeated: until a time is over, and at least some times.

    Attributes:
        seconds: The time.
        at_least: The times.
        warm_up: Whether a first round is thrown away.
        burst: Seconds that a work is repeated for in its turn, as training repeats an update: the
            caches then hold what the last one left there.
    """

    seconds: float
    at_least: int
    warm_up: bool = True
    burst: float = 0.0

    def medians(self, ours: Work, *others: Work) -> list[float]:
        """Return the median seconds of each, called in turn so that a slow minute slows them all.

        Ours computes as the pipeline does, with what it needs to be reproducible; the others as
        PyTorch comes, which costs them less.
        """
        if self.warm_up:
            self._round(ours, *others)
        times: list[list[float]] = []
        end = time.perf_counter() + self.seconds
        while len(times) < self.at_least or time.perf_counter() < end:
            times.append(self._round(ours, *others))
        return [statistics.median(column) for column in zip(*times, strict=True)]

    def _round(self, ours: Work, *others: Work) -> list[float]:
        make_deterministic(torch.get_num_threads())
        first = self._seconds(ours)
        torch.use_deterministic_algorithms(False)
        return [first, *map(self._seconds, others)]

    def _seconds(self, work: Work) -> float:
        start, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - start < self.burst:
            work()
            calls += 1
        return (time.perf_counter() - start) / calls


def peak_bytes(work: Work, baseline: Work) -> int:
    """Return the most memory that a fresh process takes for some work, beyond that of another.

    Both must be picklable: they build all that they need. The baseline imports the same modules.
    """
    return _peak_of_child(work) - _peak_of_child(baseline)


def _peak_of_child(work: Work) -> int:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_report_peak, args=(sender, work, torch.get_num_threads()))
    child.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise MemoryError("the process whose memory was measured died") from None
    finally:
        child.join()


def _report_peak(sender: multiprocessing.connection.Connection, work: Work, threads: int) -> None:
    make_deterministic(threads)
    work()
    sender.send(_own_peak())


def _own_peak() -> int:
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux hands ru_maxrss on from the parent through fork and exec, but not this number.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
