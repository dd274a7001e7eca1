"""What goes wrong with machines: disks, clocks, memory, two runs at once."""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from projects import small_disk_at
from seqgan.provenance import spec
from seqgan.records import readable_json

from .test_smoke import wait_for

pytestmark = pytest.mark.workflow

SEQGAN = "seed-1/train_adversarially-seqgan"


class Training:
    """The stage that trains `seqgan` of the finished smoke experiment once more, by hand."""

    def __init__(self, project, **method):
        settings = json.loads(
            (project.folder / "results/smoke/.spec/train_adversarially-seqgan.json").read_text()
        )["settings"]
        settings["method"] |= method
        self.project = project
        self.spec = project.folder / "again.json"
        planned = spec("train_adversarially", settings, project.folder / "src")
        self.spec.write_bytes(readable_json(planned))

    def command(self, *more: str) -> list[str]:
        checkpoints = "results/smoke/checkpoints/seed-1"
        return [
            sys.executable, "src/train_adversarially.py", "--spec", "again.json", "--seed", "1",
            "--data", "results/smoke/data",
            "--generator", f"{checkpoints}/pretrain_generator",
            "--discriminator", f"{checkpoints}/pretrain_discriminator",
            "--checkpoint", "again/checkpoint", "--metrics", "again/metrics.jsonl",
            "--receipt", "again/receipt.json", "--device", "cpu", *more,
        ]  # fmt: skip

    def start(self, *more: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*more), cwd=self.project.folder, stderr=subprocess.PIPE, text=True
        )

    def states(self) -> list:
        return sorted(self.project.folder.glob("work/*/*/state-*.safetensors"))

    def interrupt(self, after: int, *more: str) -> str:
        """Run it for some rounds, ask it to stop, and return what it says."""
        with self.start("--log", "again/log", *more) as running:
            log = self.project.folder / "again/log"
            while not (log.exists() and f"round {after}/" in log.read_text()):
                assert running.poll() is None, running.stderr and running.stderr.read()
                time.sleep(0.02)
            running.send_signal(signal.SIGTERM)
            assert running.stderr is not None
            said = running.stderr.read()
        assert running.returncode == 1
        return said

    def result(self) -> dict[str, bytes]:
        folder = self.project.folder / "again"
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != "log"]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def long_training(finished, tmp_path_factory):
    """The outputs of a training of 60 rounds that nothing disturbed."""
    folder = tmp_path_factory.mktemp("long") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    training = Training(type(finished)(folder), rounds=60)
    done = training.project.run(*training.command("--log", "again/log"))
    assert "Traceback" not in done.stderr
    return training.result()


def test_clocks_that_differ_make_nothing_stale(project):
    rng, now = random.Random(1), time.time()
    for path in (project.folder / "results").rglob("*"):
        moment = now + rng.uniform(-7200, 7200)
        os.utime(path, (moment, moment))
    assert project.stale() == set()
    assert "Nothing to be done" in project.snakemake("--cores", "1")


def test_a_read_only_disk_is_one_line_and_nothing_is_lost(finished, fresh):
    with small_disk_at(fresh.folder / "results", "64m") as disk:
        shutil.copytree(finished.folder / "results", disk, dirs_exist_ok=True)
        shutil.copytree(finished.folder / ".snakemake", fresh.folder / ".snakemake")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        before = fresh.content("**/*")
        fresh.edit(lambda smoke: smoke["methods"]["seqgan"].update(rounds=2))
        output = fresh.snakemake("--cores", "1", check=False)
        assert "cannot write to results/: [Errno 30] Read-only file system" in output
        assert "Traceback" not in output
        assert fresh.content("**/*") == before
        training = Training(finished)
        places = ("--receipt", str(disk / "receipt.json"), "--checkpoint", str(disk / "c"))
        done = finished.run(*training.command(*places), check=False)
        assert done.returncode == 1
        assert "Read-only file system; check its permissions" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_process_with_the_same_job_is_told_to_wait(project, processes):
    training = Training(project, rounds=200)
    more = ("--processes", processes, "--threads", processes)
    first = training.start("--log", "again/log", *more)
    wait_for(project.folder / "again/log", first)
    second = training.start("--log", "again/second", *more)
    assert second.stderr is not None
    line = second.stderr.readline()
    assert re.match(rf"train_adversarially: process {first.pid} on \S+ holds work/\S+/lock; ", line)
    assert first.wait(timeout=300) == 0
    made = training.result()
    assert second.wait(timeout=60) == 0
    assert second.stderr.read() == "train_adversarially: the other process has finished it\n"
    assert training.result() == made
    assert list(project.folder.glob("work/*")) == []
    for process in (first, second):
        assert process.stderr is not None
        process.stderr.close()


def test_the_state_of_other_settings_is_kept_until_there_is_a_result(project, long_training):
    training = Training(project, rounds=60)
    training.interrupt(5)
    (kept,) = training.states()
    # Somebody tries more threads, and thinks better of it.
    (project.folder / "again/log").unlink()
    said = training.interrupt(5, "--threads", "2")
    assert "starts anew: the state that is kept belongs to other settings" in said
    assert kept.exists()
    done = project.run(*training.command("--log", "again/log"))
    assert "continues after round" in done.stderr
    assert training.result() == long_training
    assert list(project.folder.glob("work/*")) == []


def test_a_team_that_was_asked_to_stop_continues_to_the_same_bytes(project):
    training = Training(project, rounds=60)
    more = ("--processes", "2", "--threads", "2")
    project.run(*training.command("--log", "again/log", *more))
    whole = training.result()
    shutil.rmtree(project.folder / "again")
    said = training.interrupt(5, *more)
    assert said.splitlines()[-1] == (
        "train_adversarially: error: stopped; start it again to continue from its last state"
    )
    assert training.states()
    done = project.run(*training.command("--log", "again/log", *more))
    assert "continues after round" in done.stderr
    assert training.result() == whole


def test_too_little_memory_is_one_line_with_what_to_change(project):
    rollouts = {"kind": "rollout", "num_rollouts": 256, "tracking_rate": 0.0}
    training = Training(project, batch_size=2048, action_value=rollouts)
    limit = 3 * 10**9 // 2

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        training.command(),
        cwd=project.folder,
        capture_output=True,
        text=True,
        preexec_fn=limited,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "train_adversarially: error: out of memory; lower `batch_size` or `num_rollouts` of the "
        "method, or give the job more memory"
    )
    assert "Traceback" not in done.stderr


def test_a_run_that_was_asked_to_stop_continues_to_the_same_bytes(project, long_training):
    training = Training(project, rounds=60)
    assert training.interrupt(5).endswith("start it again to continue from its last state\n")
    assert training.states()
    done = project.run(*training.command("--log", "again/log"))
    assert "continues after round" in done.stderr
    assert training.result() == long_training


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_state_is_named_and_the_one_before_is_taken(project, long_training, damage):
    training = Training(project, rounds=60)
    for after in (5, 15):
        training.interrupt(after)
        (project.folder / "again/log").unlink()
    _, new = training.states()
    content = bytearray(new.read_bytes())
    content[len(content) // 2] ^= 1
    new.write_bytes(content if damage == "flipped" else content[:-100])
    done = project.run(*training.command("--log", "again/log"))
    assert f"passes over work/{new.parent.parent.name}/{new.parent.name}/{new.name}" in done.stderr
    assert "continues after round" in done.stderr
    assert training.result() == long_training


def test_one_run_in_two_processes_through_the_workflow(project):
    project.edit(lambda smoke: smoke.update(resources={"processes": 2}))
    assert project.stale() == set(), "resources rerun nothing"
    receipt = project.folder / f"results/smoke/receipts/{SEQGAN}.json"
    before = json.loads(receipt.read_text())
    receipt.unlink()
    project.snakemake("--cores", "2", str(receipt.relative_to(project.folder)))
    after = json.loads(receipt.read_text())
    assert before["environment"]["processes"] == 1
    assert after["environment"]["processes"] == 2
    assert after["inputs"] == before["inputs"]
    assert list(project.folder.glob("work/*")) == []
