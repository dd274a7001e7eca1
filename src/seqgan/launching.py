"""Several processes for one training run, by ``torchrun``, and how they end together."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module

from seqgan.errors import UserError
from seqgan.failures import Stopped

SECONDS_OF_PATIENCE = 10.0


def members() -> int:
    """Return how many processes share the work of this one, itself included."""
    return int(os.environ.get("WORLD_SIZE", "1"))  # torchrun says so


def member() -> int | None:
    """Return the number of this process in its team, or ``None`` if it works alone."""
    return int(os.environ["RANK"]) if members() > 1 else None


def launch(processes: int, command: Sequence[str]) -> None:
    """Run a command as a team of processes on this machine, as ``torchrun`` does.

    Requests to stop are passed on to all of them.

    Raises:
        UserError: If one was killed from outside. One that ends with an error has said so itself.
        SystemExit: With status 1, in that case.
    """
    api = import_module("torch.distributed.launcher.api")
    multiprocessing = import_module("torch.distributed.elastic.multiprocessing")
    errors = import_module("torch.distributed.elastic.multiprocessing.errors")
    # It tells of every failure over many lines, after the member has said it in one. This process
    # only waits for the others: nothing else speaks through the log here.
    logging.disable()
    settings = api.LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="seqgan",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        api.elastic_launch(settings, sys.executable)(*command)
    except multiprocessing.SignalException:
        sys.exit(1)
    except errors.ChildFailedError as error:
        first = min(error.failures.values(), key=lambda failure: failure.timestamp)
        if first.exitcode < 0 and first.exitcode != -signal.SIGTERM:
            raise UserError(
                f"process {first.local_rank} of {processes} was killed by signal "
                f"{-first.exitcode}; if it was for its memory, give the job more, and start it "
                "again to continue from its last state"
            ) from None
        sys.exit(1)


def patient(work: Callable[[], None]) -> Callable[[], None]:
    """Let the members of a team end with one line: that of the one that knows what went wrong.

    The leader waits where it lost another member; the others wait whatever happens, for what
    happened to all is the leader's to say. ``torchrun`` ends who waits.
    """

    def run() -> None:
        try:
            work()
        except Stopped:
            if member():
                sys.exit(1)
            raise
        except Exception as error:
            if member() or _lost_another(error):
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(SECONDS_OF_PATIENCE)
            raise

    return run


def _lost_another(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if "torch/distributed" in trace.tb_frame.f_code.co_filename.replace(os.sep, "/"):
            return True
        trace = trace.tb_next
    return False
