"""Remotes that are no folder: a machine with SSH, and a server that speaks like S3."""

import getpass
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clones import CHECKPOINT, Clone

pytestmark = pytest.mark.workflow


@dataclass
class Remote:
    """A remote of DVC.

    Attributes:
        kind: What it is.
        settings: What ``dvc remote modify`` is told of it.
        url: Where it is.
        damage: Overwrites everything that it holds.
        stop: Ends its server.
    """

    kind: str
    url: str
    settings: dict[str, str]
    damage: Callable[[], None]
    stop: Callable[[], None]

    def attach(self, clone: Clone) -> None:
        """Make it the default remote of a clone."""
        clone.dvc("remote", "add", "--force", "--default", self.kind, self.url)
        for name, value in {**self.settings, "verify": "true"}.items():
            clone.dvc("remote", "modify", self.kind, name, value)
        clone.commit(f"the remote {self.kind}")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nobody listens on {port}")


def end(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(30)


def lacking(what: str) -> None:
    """Skip the test where something cannot be had, or fail where it must be there."""
    if os.environ.get("SEQGAN_NEED_REMOTES") == "1":
        pytest.fail(f"SEQGAN_NEED_REMOTES=1, but there is no {what}")
    pytest.skip(f"there is no {what}")


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[Remote]:
    """This machine by SSH: a server of our own, with keys of its own."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None or importlib.util.find_spec("dvc_ssh") is None:
        lacking("sshd with dvc-ssh")
    folder, port = tmp_path / "ssh", free_port()
    (folder / "store").mkdir(parents=True)
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # root's server separates its privileges here
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    command = [str(program), "-D", "-e", "-f", str(folder / "config")]
    with open(tmp_path / "ssh.log", "wb") as log:
        server = subprocess.Popen(command, stderr=log)
    try:
        wait_for(port, server)
        yield Remote(
            "ssh",
            f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}/store",
            {"keyfile": str(folder / "user"), "allow_agent": "false"},
            lambda: [path.write_bytes(b"cut") for path in folder.glob("store/files/md5/??/*")],
            lambda: end(server),
        )
    finally:
        end(server)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """A server on this machine that speaks like S3."""
    if any(importlib.util.find_spec(name) is None for name in ("dvc_s3", "moto", "flask_cors")):
        lacking("moto with dvc-s3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with open(tmp_path / "s3.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)

    import boto3  # comes with moto

    client = boto3.client("s3", endpoint_url=address)

    def damage() -> None:
        for found in client.list_objects_v2(Bucket="bucket")["Contents"]:
            client.put_object(Bucket="bucket", Key=found["Key"], Body=b"cut")

    try:
        wait_for(port, server)
        client.create_bucket(Bucket="bucket")
        yield Remote(
            "cloud", "s3://bucket/seqgan", {"endpointurl": address}, damage, lambda: end(server)
        )
    finally:
        end(server)


@pytest.fixture(params=["ssh", "s3"])
def remote(request: pytest.FixtureRequest) -> Remote:
    return request.getfixturevalue(request.param)


def test_results_go_there_and_come_back_and_nothing_else_is_believed(remote, mine, tmp_path):
    remote.attach(mine)
    assert f"copied to the remote {remote.kind}" in mine.results("snapshot", "smoke")
    mine.git("push", "-q", "origin", "HEAD:main")
    shutil.rmtree(mine.folder.parent / "store")  # the folder that was the remote before
    other = mine.clone(tmp_path / "B")
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")
    assert other.stale() == set()
    assert f"in the cache, on {remote.kind}, here" in other.results("status", "smoke")

    remote.damage()
    third = mine.clone(tmp_path / "C")
    third.results("restore", "smoke", status=1)
    assert not (third.folder / CHECKPOINT).exists()


def test_a_remote_that_does_not_answer_is_one_line_and_costs_nothing(ssh, mine, tmp_path):
    ssh.attach(mine)
    other = mine.clone(tmp_path / "B")
    ssh.stop()
    said = other.results("restore", "smoke", status=1)
    assert "results: error: dvc fetch failed: " in said
    assert len(said.splitlines()) == 2  # what is fetched, and that it failed
    assert other.git("status", "--porcelain") == ""
