import os
import tempfile
import types

import pytest
import torch

from seqgan import devices
from seqgan.devices import choose, kind_of
from seqgan.errors import UserError


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """A machine with GPUs, as far as choosing one is concerned; returns how to say how many."""
    chosen = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(devices, "CLAIMED", [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch, "empty", lambda size, device: None)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda number: types.SimpleNamespace(uuid=f"GPU-{number}"),
    )

    def there_are(count):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        return chosen

    yield there_are
    for lock in devices.CLAIMED:
        lock.release()


def test_without_a_gpu_it_is_the_processor():
    assert choose("cpu", None) == "cpu"
    if not torch.cuda.is_available():
        assert choose("auto", None) == "cpu"


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_every_job_of_a_workstation_gets_a_gpu_of_its_own(gpus, wanted):
    chosen = gpus(3)
    found = [choose(wanted, None) for _ in range(3)]  # each stands for a process
    assert found == ["cuda:0", "cuda:1", "cuda:2"]
    assert chosen == found
    devices.CLAIMED.pop(1).release()
    assert choose(wanted, None) == "cuda:1"  # free again
    assert choose(wanted, None) == f"cuda:{os.getpid() % 3}"  # all are taken: shared


def test_a_job_that_sees_one_gpu_takes_it(gpus):
    gpus(1)
    assert [choose("auto", None) for _ in range(2)] == ["cuda:0"] * 2
    assert devices.CLAIMED == []


def test_a_gpu_that_is_named_is_taken(gpus):
    gpus(4)
    assert choose("cuda:2", None) == "cuda:2"
    assert devices.CLAIMED == []


def test_members_of_a_team_take_the_gpus_of_their_numbers(gpus):
    gpus(2)
    assert [choose("auto", number) for number in (0, 1)] == ["cuda:0", "cuda:1"]
    with pytest.raises(UserError, match="process 3 of a team has no GPU: 2 are visible; lower"):
        choose("auto", 2)


def test_where_gpus_cannot_be_claimed_they_are_shared(gpus, tmp_path):
    gpus(2)
    (tmp_path / f"seqgan-gpus-{os.getuid()}").write_text("somebody else's")
    assert choose("auto", None) == f"cuda:{os.getpid() % 2}"


@pytest.mark.parametrize("wanted", ["nonsense", "meta", "", "cuda:", "cuda:x", "cpu:0", "auto\n"])
def test_a_device_that_is_none_is_one_line(wanted):
    with pytest.raises(
        UserError, match=r"^--device must be auto, cpu, cuda, cuda:1, … or mps, but"
    ):
        choose(wanted, None)


def test_a_device_that_cannot_be_used_is_one_line(monkeypatch):
    def refuse(size, device):
        raise RuntimeError("No such device. Here is a long list\nand more")

    monkeypatch.setattr(torch, "empty", refuse)
    with pytest.raises(
        UserError, match=r"^--device mps cannot be used: No such device; try --device"
    ):
        choose("mps", None)


def test_the_kind_is_known_without_touching_a_device(gpus):
    chosen = gpus(3)
    assert [kind_of(each) for each in ("auto", "cuda", "cuda:2", "cpu", "mps")] == [
        "cuda", "cuda", "cuda", "cpu", "mps",
    ]  # fmt: skip
    assert chosen == devices.CLAIMED == []
