"""How a command ends when something goes wrong: one line, and a status that is not zero."""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from seqgan.errors import UserError, one_line


class Stopped(BaseException):
    """The process was asked to stop (SIGTERM, Ctrl-C) at a moment when it can.

    Its text, where it has one, tells what that means for the next start.
    """


def guarded(work: Callable[[], None], name: str, log: Path | None = None) -> int:
    """Run a command and return its exit status; every failure becomes one line.

    The traceback of an error that is ours goes to the log, where there is one.
    """
    try:
        work()
        return 0
    except UserError as error:
        line = str(error)
    except (Stopped, KeyboardInterrupt) as error:
        line = str(error) or "stopped; start it again to continue from its last state"
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        line = _explain_os_error(error)
    except Exception as error:
        line = _explain_memory(error)
        if line is None:
            where = log if log is not None else "standard error"
            trace = traceback.format_exc()
            if log is None:
                print(trace, file=sys.stderr, flush=True)
            _append(log, trace)
            line = (
                f"a mistake in this program: {type(error).__name__}: "
                f"{' '.join(str(error).split())}; please report it with the traceback in {where}"
            )
    line = one_line(line)
    print(f"{name}: error: {line}", file=sys.stderr, flush=True)
    _append(log, f"error: {line}\n")
    return 1


def _append(log: Path | None, text: str) -> None:
    """Add to the log, if the disk that may have caused the error still lets us."""
    if log is not None:
        with contextlib.suppress(OSError), open(log, "a", encoding="utf-8") as file:
            file.write(text)


def _explain_os_error(error: OSError) -> str:
    path = error.filename or "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room left on the disk for {path}; free some and start again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"cannot write or read {path}: {error.strerror}; check its permissions"
    return f"{path}: {error.strerror or error}"


def _explain_memory(error: Exception) -> str | None:
    remedy = "lower `batch_size` or `num_rollouts` of the method, or give the job"
    if type(error).__name__ == "OutOfMemoryError":
        return f"the GPU is out of memory; {remedy} a GPU with more"
    if isinstance(error, MemoryError) or "can't allocate" in str(error):
        return f"out of memory; {remedy} more memory"
    return None
