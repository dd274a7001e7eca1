"""Several processes for one training run, by ``torchrun``, and how they end together."""

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from tempfile import TemporaryDirectory

from seqgan.errors import UserError
from seqgan.failures import Stopped

RUN_ID = "seqgan"
"""What ``torchrun`` calls our teams: sites set its other variables for purposes of their own."""
SECONDS_OF_PATIENCE = 10.0
SECONDS_TO_STOP = 600.0
"""Until processes that were asked to stop are killed; schedulers do that themselves, and sooner."""
LOST, STOPPED = 3, 4
"""How a member ends that lost another one, or was asked to stop. The launcher says so, once."""
PARENT_DIED = 1
"""Number of the request for a signal at the end of the parent (``PR_SET_PDEATHSIG`` of Linux)."""


def members() -> int:
    """Return how many processes share the work of this one, itself included."""
    if os.environ.get("TORCHELASTIC_RUN_ID") != RUN_ID:
        return 1
    return int(os.environ["WORLD_SIZE"])


def member() -> int | None:
    """Return the number of this process in its team, or ``None`` if it works alone."""
    return int(os.environ["RANK"]) if members() > 1 else None


def launch(processes: int, command: Sequence[str]) -> None:
    """Run a command as a team of processes on this machine, as ``torchrun`` does.

    Requests to stop are passed on to all of them.

    Raises:
        UserError: If one was killed from outside, or they lost each other.
        Stopped: If they were asked to stop.
        SystemExit: With status 1, if one ended with an error, which it has said itself.
    """
    api = import_module("torch.distributed.launcher.api")
    multiprocessing = import_module("torch.distributed.elastic.multiprocessing")
    errors = import_module("torch.distributed.elastic.multiprocessing.errors")
    # It tells of every failure over many lines, after the member has said it in one. This process
    # only waits for the others: nothing else speaks through the log here.
    logging.disable()
    with TemporaryDirectory() as folder:
        settings = api.LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=RUN_ID,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=multiprocessing.DefaultLogsSpecs(log_dir=folder),
            shutdown_timeout=int(SECONDS_TO_STOP),
        )
        try:
            api.elastic_launch(settings, sys.executable)(*command)
        except multiprocessing.SignalException:
            raise Stopped from None
        except errors.ChildFailedError as error:
            _explain({rank: each.exitcode for rank, each in error.failures.items()}, processes)


def _explain(statuses: dict[int, int], processes: int) -> None:
    again = "start it again to continue from its last state"
    for rank, status in statuses.items():
        if status < 0 and status != -signal.SIGTERM:
            raise UserError(
                f"process {rank} of {processes} was killed by signal {-status}; if it was for "
                f"its memory, give the job more, and {again}"
            )
    ends = set(statuses.values())
    if ends <= {LOST, STOPPED, -signal.SIGTERM} and ends != {LOST}:
        raise Stopped
    if ends == {LOST}:
        raise UserError(f"the processes of the team lost each other; {again}")
    sys.exit(1)


def patient(work: Callable[[], None]) -> Callable[[], None]:
    """Let the members of a team end with one line: that of the one that knows what went wrong.

    Who lost another member leaves the word to it. A member that is not the leader waits whatever
    happened, for what happened to all is the leader's to say; ``torchrun`` ends who waits. All of
    them stop if the launcher dies.
    """

    def run() -> None:
        _stop_with_parent()
        try:
            work()
        except Stopped:
            sys.exit(STOPPED)
        except Exception as error:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if _lost_another(error):
                time.sleep(SECONDS_OF_PATIENCE / 5)  # who is to be ended before this one
                sys.exit(LOST)
            if member():
                time.sleep(SECONDS_OF_PATIENCE)
            raise

    return run


def _stop_with_parent() -> None:
    """Have this process asked to stop when its parent dies, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGTERM)


def _lost_another(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if "torch/distributed" in trace.tb_frame.f_code.co_filename.replace(os.sep, "/"):
            return True
        trace = trace.tb_next
    return False
