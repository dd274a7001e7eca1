import argparse
from pathlib import Path

import pytest
import torch

from seqgan import resuming
from seqgan.checkpoints import ResumeFolder, resume_key
from seqgan.errors import NonFiniteError, UserError
from seqgan.failures import Stopped
from seqgan.randomness import RandomStreams
from seqgan.resuming import carry_through, finite
from seqgan.stage import Context
from seqgan.training import Run, StepMetrics

SRC = Path(__file__).parents[1] / "src"


class Toy:
    """A regression whose every step draws from a stream; Adam has a state of its own."""

    def __init__(self, seed: int = 1) -> None:
        rng = torch.Generator().manual_seed(0)
        self.weights = torch.nn.Linear(3, 1)
        with torch.no_grad():
            for parameter in self.weights.parameters():
                parameter.uniform_(generator=rng)
        self.optimizer = torch.optim.Adam(self.weights.parameters(), lr=0.01)
        self.run = Run(
            {"weights": self.weights, "optimizer": self.optimizer},
            RandomStreams(seed, names=("batches", "monitoring")),
        )
        self.seen: list[int] = []
        self.stop_at = self.fail_at = self.break_at = -1
        self.context: Context | None = None

    def update(self, run: Run) -> StepMetrics:
        step = run.step + 1
        batch = torch.rand(4, 3, generator=run.streams["batches"])
        loss = self.weights(batch).square().mean()
        if step == self.fail_at:
            raise KeyboardInterrupt
        if step == self.break_at:
            raise NonFiniteError("the loss is nan")
        if step == self.stop_at and self.context is not None:
            self.context.stopping = True
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.seen.append(step)
        return {"loss": loss.item()}

    def measure(self, step: int) -> StepMetrics:
        noise = torch.rand((), generator=self.run.streams["monitoring"])
        return {"measured": (noise + self.weights.bias.sum()).item(), "at": float(step)}

    def result(self) -> tuple[bytes, list[StepMetrics]]:
        weights = torch.cat([each.detach().flatten() for each in self.weights.parameters()])
        return weights.numpy().tobytes(), self.run.history


def context(folder: Path, *key: object) -> Context:
    arguments = argparse.Namespace(
        seed=1,
        device="cpu",
        threads=1,
        work=str(folder),
        spec=None,
        receipt="results/x/receipts/toy.json",
    )
    found = Context("toy", arguments, {"settings": {}}, None)
    found.key = key or ("key",)
    return found


def carry(toy: Toy, context: Context, until: int = 10) -> None:
    """Carry a run through, and do what a stage does at its end."""
    toy.context = context
    carry_through(context, toy.run, toy.update, until=until, unit="step", measure=toy.measure)
    for action in context._at_end:
        action()


@pytest.fixture
def uninterrupted(tmp_path):
    toy = Toy()
    carry(toy, context(tmp_path / "uninterrupted"))
    return toy.result()


@pytest.fixture
def always_saving(monkeypatch):
    monkeypatch.setattr(resuming, "SECONDS_BETWEEN_STATES", -1.0)


def test_the_history_has_a_row_for_every_step_and_the_folder_goes(tmp_path, uninterrupted):
    _, history = uninterrupted
    assert [row["step"] for row in history] == list(range(11))
    assert [row["at"] for row in history] == list(range(11))
    assert all("loss" in row for row in history[1:])
    assert "loss" not in history[0]
    assert list((tmp_path / "uninterrupted").glob("*/*")) == []


@pytest.mark.parametrize("moment", [1, 2, 5, 10])
def test_an_interrupted_run_ends_with_the_same_bytes(
    tmp_path, uninterrupted, always_saving, moment
):
    toy = Toy()
    toy.fail_at = moment
    with pytest.raises(KeyboardInterrupt):
        carry(toy, context(tmp_path))
    again = Toy()
    carry(again, context(tmp_path))
    assert again.seen == list(range(moment, 11))
    assert again.result() == uninterrupted
    assert list(tmp_path.glob("*/state*")) == []


def test_a_run_that_is_asked_to_stop_saves_its_state(tmp_path, uninterrupted, capsys):
    done = 0
    for moment in (3, 4, 10):  # states are saved by time: here only when it stops
        toy = Toy()
        toy.stop_at = moment
        with pytest.raises(Stopped):
            carry(toy, context(tmp_path))
        assert toy.seen == list(range(done + 1, moment + 1))
        done = moment
    last = Toy()
    carry(last, context(tmp_path))
    assert last.seen == []
    assert last.result() == uninterrupted
    assert capsys.readouterr().err.splitlines()[-1] == "toy seed 1: continues after step 10 of 10"


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path, uninterrupted, always_saving):
    toy = Toy()
    toy.fail_at = 6
    with pytest.raises(KeyboardInterrupt):
        carry(toy, context(tmp_path))
    *_, newest = sorted(tmp_path.glob("*/*/state-*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-5])
    again = Toy()
    carry(again, context(tmp_path))
    assert again.seen == list(range(5, 11))
    assert again.result() == uninterrupted


def test_another_key_starts_anew(tmp_path, uninterrupted, always_saving):
    toy = Toy()
    toy.fail_at = 6
    with pytest.raises(KeyboardInterrupt):
        carry(toy, context(tmp_path, {"rate": 1}))
    again = Toy()
    carry(again, context(tmp_path, {"rate": 2}))
    assert again.seen == list(range(1, 11))
    assert again.result() == uninterrupted


def test_states_are_saved_by_time(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(ResumeFolder, "save", lambda self, state: saved.append(state["step"]))
    carry(Toy(), context(tmp_path))
    assert saved == [10]  # the last one, in case that writing the outputs fails
    saved.clear()
    monkeypatch.setattr(resuming, "SECONDS_BETWEEN_STATES", -1.0)
    carry(Toy(), context(tmp_path))
    assert saved == list(range(1, 11))


def test_a_loss_that_is_not_finite_names_step_and_last_good_state(tmp_path, monkeypatch):
    toy = Toy()
    toy.break_at = 4
    with pytest.raises(UserError) as caught:
        carry(toy, context(tmp_path))
    assert str(caught.value) == (
        "toy: the loss is nan in step 4; lower `learning_rate` or `max_grad_norm` (last good "
        "state: none saved)"
    )
    monkeypatch.setattr(resuming, "SECONDS_BETWEEN_STATES", -1.0)
    toy = Toy()
    toy.break_at = 4
    with pytest.raises(UserError) as caught:
        carry(toy, context(tmp_path))
    folder = tmp_path / "x.toy" / resume_key("toy", "key")
    place = folder / "state-000000003.safetensors"
    assert str(caught.value).endswith(f"(last good state: {place})")
    assert place.is_file()


def test_a_position_that_no_sentence_has_is_no_failure():
    assert finite({"reward": [None, 0.5], "loss": 1.0}, 1) == {"reward": [None, 0.5], "loss": 1.0}
    for broken in ({"loss": float("nan")}, {"reward": [None, float("inf")]}):
        with pytest.raises(NonFiniteError, match="after step 3"):
            finite(broken, 3)
