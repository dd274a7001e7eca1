"""A real training stage in processes that are killed.

With src and tests in PYTHONPATH, python tests/killing.py FOLDER STAGE HOW COUNT SEED prints how
often the stage was killed; every time it ended with the same bytes as one that was not.
"""

import json
import os
import random
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from seqgan import resuming
from seqgan.config.training import PolicyGradientMethod
from seqgan.provenance import spec
from seqgan.records import readable_json, write_atomically
from stage_worlds import DISCRIMINATOR, GENERATOR, run_stage, write_oracle_world, write_pretrained

FIT = {
    "epochs": 2,
    "num_sentences": 40,
    "batch_size": 16,
    "learning_rate": 0.01,
    "label_smoothing": 0.0,
    "gradient_penalty": 0.1,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "pretrain_generator": {
        "precision": "float32",
        "generator": GENERATOR,
        "generator_pretraining": {
            "objective": {"kind": "maximum_likelihood"},
            "epochs": 4,
            "batch_size": 32,
            "learning_rate": 0.01,
            "max_grad_norm": 5.0,
            "monitoring": {"num_sentences": 20, "every": 2},
        },
    },
    "pretrain_discriminator": {
        "precision": "float32",
        "hand_over": "best",
        "discriminator": DISCRIMINATOR,
        "discriminator_pretraining": {"rounds": 4, **FIT},
    },
    "train_adversarially": {
        "precision": "float32",
        "hand_over": "best",
        "method": PolicyGradientMethod.model_validate(
            {
                "kind": "policy_gradient",
                "rounds": 3,
                "generator_steps": 2,
                "batch_size": 8,
                "action_value": {"kind": "rollout", "num_rollouts": 2, "tracking_rate": 0.8},
                "reward": {"kind": "discriminator", "steps": 2, **FIT},
                "baseline": {"kind": "critic"},
                "teacher_forcing": {"steps": 1},
                "monitoring": {"num_sentences": 20, "every": 2},
            }
        ).model_dump(mode="json"),
    },
}
MOMENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.scandir", "shutil.rmtree"}
"""Audit events of every change of the file system, and of what may decide one."""


def attempt(
    stage: str,
    folder: Path,
    *,
    kill_after: float | None = None,
    kill_at: int | None = None,
    number: int = signal.SIGKILL,
) -> int:
    """Run the stage in a process of its own, to be killed after a time or at its n-th moment."""
    process = os.fork()
    if process == 0:
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 2)
        if kill_at is not None:
            _die_at(kill_at)
        module = import_module(stage)
        options = [f"--{name}=out/{name}" for name in module.STAGE.outputs]
        options += [f"--{name}=../{name}" for name in module.STAGE.inputs]
        options += [
            "--spec",
            "spec",
            "--seed",
            "3",
            "--receipt",
            "out/receipt",
            "--log",
            "out/log",
            "--device",
            "cpu",
        ]
        try:
            module.STAGE.main(module.run, options)
        except SystemExit as end:
            os._exit(end.code)  # type: ignore[arg-type]
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process, number)
    return os.waitpid(process, 0)[1]


def _die_at(count: int) -> None:
    left = count

    def hook(event: str, arguments: Any) -> None:
        nonlocal left
        if event in MOMENTS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def prepare(stage: str, folder: Path) -> Path:
    """Return a new folder with a spec, from which the stage starts."""
    folder.mkdir()
    write_atomically(folder / "spec", readable_json(spec(stage, SETTINGS[stage])))
    return folder


def result(folder: Path) -> dict[str, bytes]:
    """Return the outputs and the receipt; nothing else may be left."""
    assert not (folder / "work").exists() or not list((folder / "work").iterdir())
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file() and path.name != "log"
    }
    assert "out/receipt" in files
    hidden = [name for name in files if "/." in name]
    assert not hidden, hidden
    json.loads(files["out/receipt"])
    return files


def make_inputs(folder: Path) -> None:
    """Write what the stages read: a dataset, generators, a discriminator."""
    data = write_oracle_world(folder / "data")
    write_pretrained(folder / "generator", import_module("stage_worlds").ALPHABET)
    made = run_stage(
        import_module("pretrain_discriminator"),
        folder / "made",
        SETTINGS["pretrain_discriminator"],
        data=data,
        generator=folder / "generator",
    )
    made["checkpoint"].rename(folder / "discriminator")


def kill_at_random(stage: str, root: Path, expected: dict[str, bytes], count: int) -> int:
    """Kill at random moments until there were ``count`` kills; every run ends the same."""
    kills = trial = 0
    while kills < count:
        folder = prepare(stage, root / f"random-{trial}")
        # Saving at every piece, or only now and then: some work is then done twice.
        resuming.SECONDS_BETWEEN_STATES = random.choice([0.0, 0.05])
        wait = 0.5
        while status := attempt(stage, folder, kill_after=random.random() * wait):
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            kills += 1
            wait += 0.02  # a busy machine must come to an end too
        assert result(folder) == expected, f"trial {trial}"
        trial += 1
    return kills


def kill_everywhere(stage: str, root: Path, expected: dict[str, bytes], stride: int) -> int:
    """Kill once at every ``stride``-th change of the file system, then let it end."""
    resuming.SECONDS_BETWEEN_STATES = 0.0
    kills, moment = 0, 1 + random.randrange(stride)
    while True:
        folder = prepare(stage, root / f"moment-{moment}")
        status = attempt(stage, folder, kill_at=moment)
        if status == 0:
            return kills
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        kills += 1
        assert attempt(stage, folder) == 0
        assert result(folder) == expected, f"moment {moment}"
        moment += stride


def ask_to_stop(stage: str, root: Path, expected: dict[str, bytes], count: int) -> int:
    """Send SIGTERM again and again; each time the state is saved and the work goes on."""
    resuming.SECONDS_BETWEEN_STATES = 1000.0
    stops = trial = 0
    while stops < count:
        folder = prepare(stage, root / f"stopped-{trial}")
        wait = 0.1 + random.random() * 0.2
        while status := attempt(stage, folder, kill_after=wait, number=signal.SIGTERM):
            if os.WIFSIGNALED(status):  # before the stage listens
                wait += 0.05
                continue
            assert os.WEXITSTATUS(status) == 1, status
            assert not (folder / "out/receipt").exists()
            stops += 1
        assert result(folder) == expected, f"trial {trial}"
        trial += 1
    return stops


def main() -> None:
    root, stage, how, count, seed = sys.argv[1:]
    torch.set_num_threads(1)
    random.seed(int(seed))
    make_inputs(Path(root))
    whole = prepare(stage, Path(root, "whole"))
    assert attempt(stage, whole) == 0
    expected = result(whole)
    assert len(expected) >= 3
    how_to = {"random": kill_at_random, "everywhere": kill_everywhere, "stop": ask_to_stop}
    print(how_to[how](stage, Path(root), expected, int(count)))


if __name__ == "__main__":
    main()
