"""A file that one process holds at a time, on this machine or on another that shares the folder."""

import contextlib
import errno
import fcntl
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from seqgan.errors import UserError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks answer, such as Lustre mounted without ``flock``."""
SECONDS_BETWEEN_TRIES = 0.2


class Lock:
    """An exclusive lock on a file, held until :meth:`release` or the end of the process.

    The file goes with the lock, and its folder if that is empty then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether this process holds it now.

        Where the file system knows no locks it is always free.
        """
        while True:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except FileExistsError as error:
                raise UserError(
                    f"{error.filename} must be a folder, but is a file or a link that leads "
                    "nowhere; remove it"
                ) from None
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            except FileNotFoundError:
                continue  # another process has just removed the folder with its lock
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    os.close(handle)
                    raise
            if self._is_at_its_place(handle):
                self._handle = handle
                with contextlib.suppress(OSError):  # a full disk harms no lock
                    os.ftruncate(handle, 0)
                    os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
                return True
            os.close(handle)  # it was removed by the process that held it before

    def wait(self, seconds: float, say: Callable[[str], None]) -> bool:
        """Take the lock as soon as it is free; return whether another process held it before.

        Raises :class:`UserError` if another process still holds it after some seconds.
        """
        until, told = time.monotonic() + seconds, False
        while not self.acquire():
            if time.monotonic() > until:
                raise UserError(
                    f"another process is computing the same result ({self.holder()} holds "
                    f"{self.path}); wait for it or stop it"
                )
            if not told:
                say(f"{self.holder()} holds {self.path}; waiting up to {seconds:.0f} s for its end")
                told = True
            time.sleep(SECONDS_BETWEEN_TRIES)
        return told

    def release(self) -> None:
        """Give the lock back."""
        if self._handle is None:
            return
        try:
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()
        except OSError:
            pass  # the folder holds a state, or the disk is read-only; the lock is free anyway
        os.close(self._handle)
        self._handle = None

    def holder(self) -> str:
        """Return who holds the lock, as it wrote into the file."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")[:100] or "a process"
        except OSError:
            return "a process"

    def _is_at_its_place(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.path.stat())
        except FileNotFoundError:
            return False
