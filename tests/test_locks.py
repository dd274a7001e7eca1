import errno
import fcntl
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from seqgan import locks
from seqgan.errors import UserError
from seqgan.locks import Lock

SRC = Path(__file__).parents[1] / "src"


def test_one_holds_it_and_the_next_one_gets_it(tmp_path):
    first, second = Lock(tmp_path / "job" / "lock"), Lock(tmp_path / "job" / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []
    second.release()  # nothing more to give back


def test_the_folder_stays_while_something_else_is_in_it(tmp_path):
    lock = Lock(tmp_path / "job" / "lock")
    assert lock.acquire()
    (tmp_path / "job" / "state").write_bytes(b"1")
    lock.release()
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["state"]


def test_a_process_that_waits_says_so_and_gives_up_in_time(tmp_path):
    path = tmp_path / "lock"
    first, said = Lock(path), []
    assert first.acquire()
    with pytest.raises(UserError, match="another process is computing the same result") as caught:
        Lock(path).wait(0.5, said.append)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    holder = f"process {os.getpid()} on {platform.node()}"
    assert said == [f"{holder} holds {path}; waiting up to 0 s for its end"]
    assert holder in str(caught.value)


def test_it_is_free_once_its_holder_was_killed(tmp_path):
    path = tmp_path / "lock"
    script = (
        "import os, sys, time; from pathlib import Path; from seqgan.locks import Lock;"
        "assert Lock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(SRC)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert not Lock(path).acquire()
        holder.kill()
    Lock(path).wait(10.0, lambda line: None)


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_worth_nothing(tmp_path, monkeypatch):
    """Between opening the file and locking it, its holder may have removed it at its end."""
    path, flock = tmp_path / "lock", fcntl.flock
    first = Lock(path)
    assert first.acquire()

    def late(handle, operation):
        monkeypatch.setattr(locks.fcntl, "flock", flock)
        first.release()
        return flock(handle, operation)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    second = Lock(path)
    assert second.acquire()
    assert path.exists()
    assert not Lock(path).acquire()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_file_system_knows_no_locks_work_goes_on(tmp_path, monkeypatch, number):
    def refuse(handle, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    assert Lock(tmp_path / "lock").acquire()


def test_other_errors_are_not_taken_for_a_held_lock(tmp_path, monkeypatch):
    def refuse(handle, operation):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with pytest.raises(OSError, match="input/output error"):
        Lock(tmp_path / "lock").acquire()


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(OSError, match="symbolic link"):
        Lock(tmp_path / "lock").acquire()


def test_a_folder_that_is_none_is_named(tmp_path):
    (tmp_path / "work").symlink_to(tmp_path / "gone")
    with pytest.raises(
        UserError, match="work must be a folder, but is a file or a link that leads"
    ):
        Lock(tmp_path / "work" / "job" / "lock").acquire()
