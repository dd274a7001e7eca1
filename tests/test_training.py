from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from conftest import ALPHABETS
from seqgan.action_values import ActionValue
from seqgan.checkpoints import load_tree, save_tree
from seqgan.decoding import sample_sentences
from seqgan.errors import NonFiniteError, UserError
from seqgan.generators import Generator
from seqgan.objectives import Loss, MaximumLikelihood, Objective
from seqgan.policy_gradient import PolicyGradient
from seqgan.progress import Progress
from seqgan.randomness import RandomStreams
from seqgan.rewards import RewardModel
from seqgan.tokens import Alphabet, check_tokens
from seqgan.training import (
    AdversarialRound,
    BestWeights,
    DiscriminatorRound,
    GeneratorUpdate,
    LikelihoodEpoch,
    Run,
    StepMetrics,
    add,
    average,
    negatives_per_round,
    train,
)
from training_worlds import FREE_WORLDS, NAMES, Update, corpus_of, likelihood, lstm


def carry_on(run: Run, update: Update, until: int) -> None:
    for step, metrics in train(run, update, until=until):
        run.history.append({"step": step, **metrics})


def saved(run: Run, path: Path) -> bytes:
    save_tree(path, run.state_dict())
    return path.read_bytes()


@pytest.mark.parametrize("make", FREE_WORLDS)
def test_a_resumed_run_equals_an_uninterrupted_one(make, alphabet: Alphabet, tmp_path: Path):
    """Stops after every step and goes on in objects with other weights and other streams."""
    run, update = make(alphabet, seed=1)
    states = [saved(run, tmp_path / "0")]
    for until in range(1, 4):
        carry_on(run, update, until)
        states.append(saved(run, tmp_path / str(until)))
    assert len(set(states)) == 4  # every step changes something
    for step in range(4):
        other, update = make(alphabet, seed=2)
        assert saved(other, tmp_path / "fresh") != states[0]
        other.load_state_dict(load_tree(tmp_path / str(step)))
        assert saved(other, tmp_path / "loaded") == states[step]
        carry_on(other, update, 3)
        assert saved(other, tmp_path / "resumed") == states[3]
        assert other.history == run.history


@pytest.mark.parametrize("make", FREE_WORLDS)
def test_a_run_that_stops_between_any_two_pieces_of_a_step_ends_with_the_same_bytes(
    make, alphabet: Alphabet, tmp_path: Path
):
    run, update = make(alphabet, seed=1)
    carry_on(run, update, 2)
    expected = saved(run, tmp_path / "whole")
    counted, update = make(alphabet, seed=1)
    pauses = []
    counted.progress.pause = lambda: pauses.append(saved(counted, tmp_path / str(len(pauses))))
    carry_on(counted, update, 2)
    assert saved(counted, tmp_path / "paused") == expected
    assert len(pauses) >= 6  # each step has pieces
    assert len(set(pauses)) == len(pauses)
    for number, state in enumerate(pauses):
        other, update = make(alphabet, seed=2)
        other.load_state_dict(load_tree(tmp_path / str(number)))
        assert saved(other, tmp_path / "loaded") == state
        carry_on(other, update, 2)
        assert saved(other, tmp_path / "resumed") == expected, f"stopped at pause {number}"


@pytest.mark.parametrize("make", FREE_WORLDS)
def test_a_run_depends_on_its_seed_alone(make, tmp_path: Path):
    ends = []
    for seed in (1, 1, 2):
        torch.rand(3)  # nor on what happened to the global generator
        run, update = make(ALPHABETS["text"], seed)
        carry_on(run, update, 2)
        ends.append(saved(run, tmp_path / "end"))
    assert ends[0] == ends[1] != ends[2]


def test_a_loaded_state_does_not_grow_with_the_history_of_its_run(tmp_path: Path):
    run, update = likelihood(ALPHABETS["text"], 1)
    carry_on(run, update, 1)
    save_tree(tmp_path / "state", run.state_dict())
    state = load_tree(tmp_path / "state")
    other, update = likelihood(ALPHABETS["text"], 2)
    other.load_state_dict(state)
    carry_on(other, update, 3)
    assert [row["step"] for row in other.history] == [1, 2, 3]
    assert len(state["history"]) == 1


# --- the loop -------------------------------------------------------------------------------------


def test_the_loop_yields_every_step_and_stops():
    run = Run({}, RandomStreams(0, names=()))
    seen = list(train(run, lambda run: {"before": float(run.step)}, until=3))
    assert seen == [(1, {"before": 0.0}), (2, {"before": 1.0}), (3, {"before": 2.0})]
    assert list(train(run, lambda run: {}, until=3)) == []
    assert [step for step, _ in train(run, lambda run: {}, until=5)] == [4, 5]


class Formula(Objective):
    """A loss given by a function of the generator; remembers the batches and steps."""

    def __init__(self, value: Callable[[Generator], Tensor]) -> None:
        self.value, self.seen, self.steps, self.streams = value, [], [], []

    def __call__(
        self, generator: Generator, real: Tensor, *, step: int, rng: torch.Generator
    ) -> Loss:
        self.seen.append(real)
        self.steps.append(step)
        self.streams.append(rng)
        value = self.value(generator)
        return Loss(value, {"loss": value.detach()})


def update_with(value: Callable[[Generator], Tensor], *, limit: float, lr: float = 1.0):
    generator = lstm(ALPHABETS["text"], 0)
    optimizer = torch.optim.SGD(generator.parameters(), lr=lr)
    objective = Formula(value)
    return generator, objective, GeneratorUpdate(generator, objective, optimizer, limit)


def first_bias(generator: Generator) -> Tensor:
    return generator.get_parameter("output_bias")


def test_a_gradient_is_clipped_to_its_norm_and_no_more():
    run = Run({}, RandomStreams(0, names=NAMES))
    for scale, moved in ((100.0, 0.5), (0.01, 0.01 * 3)):  # nine ids: the norm is three times it
        generator, _, update = update_with(lambda g, s=scale: s * first_bias(g).sum(), limit=0.5)
        before = first_bias(generator).detach().clone()
        metrics = update(torch.zeros(1, 4).long(), run)
        assert (before - first_bias(generator)).norm().item() == pytest.approx(moved, rel=1e-4)
        assert metrics["gradient_norm"].item() == pytest.approx(scale * 3, rel=1e-5)


def test_gradients_do_not_add_up_between_updates():
    run = Run({}, RandomStreams(0, names=NAMES))
    generator, objective, update = update_with(lambda g: first_bias(g).sum(), limit=1e9)
    before = first_bias(generator).detach().clone()
    for step in range(3):
        run.step = step
        update(torch.zeros(1, 4).long(), run)
    torch.testing.assert_close(first_bias(generator).detach(), before - 3)
    assert objective.steps == [0, 1, 2]
    assert all(rng is run.streams["sampling"] for rng in objective.streams)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda g: first_bias(g).sum() * float("nan"), "loss is nan and its gradient norm nan"),
        (lambda g: first_bias(g).sum() * float("inf"), "loss is -?inf and its gradient norm"),
        # A finite loss of which the derivative is not.
        (
            lambda g: (first_bias(g) - first_bias(g).detach()).sum().sqrt(),
            "loss is 0.0 and its gradient norm (inf|nan)",
        ),
    ],
)
def test_what_is_not_finite_stops_before_the_weights_move(value, message):
    generator = lstm(ALPHABETS["text"], 0)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.1)
    good, bad = Formula(lambda g: first_bias(g).sum()), Formula(value)
    run = Run({}, RandomStreams(0, names=NAMES))
    states = []

    def step(run: Run) -> StepMetrics:
        objective = good if run.step < 2 else bad
        states.append({name: p.clone() for name, p in generator.state_dict().items()})
        GeneratorUpdate(generator, objective, optimizer, 5.0)(torch.zeros(1, 4).long(), run)
        return {}

    with pytest.raises(NonFiniteError, match=f"^the generator's {message}.* in step 3$"):
        list(train(run, step, until=9))
    assert run.step == 2
    after = generator.state_dict()
    assert all(torch.equal(after[name], states[-1][name]) for name in after)
    assert not torch.equal(after["output_bias"], states[0]["output_bias"])
    assert all(int(each["step"]) == 2 for each in optimizer.state.values())


# --- what one step does ---------------------------------------------------------------------------


def test_an_epoch_sees_every_sentence_once_and_keeps_the_last_batch():
    _, objective, update = update_with(lambda g: first_bias(g).sum(), limit=1.0)
    corpus = torch.arange(3, 9).repeat(10)[:40].view(10, 4) + torch.arange(10)[:, None] * 10
    epoch = LikelihoodEpoch(update, corpus, 4)
    run = Run({}, RandomStreams(0, names=NAMES))
    epoch(run)
    run.progress.clear()
    first = torch.cat(objective.seen)
    assert [len(batch) for batch in objective.seen] == [4, 4, 2]
    assert sorted(first.tolist()) == sorted(corpus.tolist())
    epoch(run)
    second = torch.cat(objective.seen[3:])
    assert sorted(second.tolist()) == sorted(corpus.tolist())
    assert not torch.equal(first, corpus)
    assert not torch.equal(first, second)  # shuffled anew


def test_likelihood_training_learns(alphabet: Alphabet):
    generator = lstm(alphabet, 1)
    run = Run({}, RandomStreams(1, names=NAMES))
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.05)
    epoch = LikelihoodEpoch(
        GeneratorUpdate(generator, MaximumLikelihood(), optimizer, 5.0), corpus_of(alphabet), 4
    )
    losses = [metrics["nll_train"] for _, metrics in train(run, epoch, until=40)]
    assert losses[-1] < 0.6 * losses[0]


class RecordingReward(RewardModel):
    """Remembers when and with what it was asked."""

    def __init__(self, events: list[Any]) -> None:
        self.events, self.sets = events, []

    def score(self, tokens: Tensor) -> Tensor:
        return torch.ones(len(tokens))

    def fit(
        self, real: Tensor, fake: Tensor, rng: torch.Generator, progress: Progress
    ) -> dict[str, float]:
        self.events.append("fit")
        self.sets.append((real, fake, rng))
        return {"fits": float(len(self.sets))}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class RecordingValue(ActionValue):
    def __init__(self, events: list[Any]) -> None:
        self.events = events

    def __call__(self, tokens: Tensor, rng: torch.Generator) -> Tensor:
        self.events.append(f"value of {len(tokens)}")
        return torch.ones(tokens.shape)

    def track(self, generator: Generator) -> None:
        self.events.append("track")

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def test_a_round_is_one_iteration_of_algorithm_1(alphabet: Alphabet):
    events: list[Any] = []
    reward, value = RecordingReward(events), RecordingValue(events)
    generator, corpus = lstm(alphabet, 0), corpus_of(alphabet)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    update = AdversarialRound(
        GeneratorUpdate(generator, PolicyGradient(value), optimizer, 5.0),
        DiscriminatorRound(generator, reward, corpus, 6),
        generator_steps=2,
        reward_steps=3,
        batch_size=5,
    )
    run = Run({}, RandomStreams(0, names=NAMES))
    metrics = update(run)
    assert events == ["value of 5", "value of 5", "track", "fit", "fit", "fit"]
    assert metrics["fits"] == 3.0
    assert metrics["reward"] == 1.0
    assert len(metrics["reward_per_position"]) == 4
    for real, fake, rng in reward.sets:
        assert real.shape == fake.shape == (6, 4)
        check_tokens(fake, alphabet)
        assert rng is run.streams["discriminator"]
    assert not torch.equal(reward.sets[0][1], reward.sets[1][1])  # fresh negatives


def test_a_warm_up_is_so_many_rounds_of_the_discriminator_before_the_first_update():
    events: list[Any] = []
    reward, value = RecordingReward(events), RecordingValue(events)
    generator = lstm(ALPHABETS["oracle"], 0)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    update = AdversarialRound(
        GeneratorUpdate(generator, PolicyGradient(value), optimizer, 5.0),
        DiscriminatorRound(generator, reward, corpus_of(ALPHABETS["oracle"]), 6),
        generator_steps=1,
        reward_steps=1,
        batch_size=5,
        warm_up=3,
    )
    run = Run({}, RandomStreams(0, names=NAMES))
    update(run)
    assert events == ["fit", "fit", "fit", "value of 5", "track", "fit"]
    run.step, events[:] = 1, []
    run.progress.clear()
    update(run)
    assert events == ["value of 5", "track", "fit"]


def test_a_discriminator_round_takes_each_real_sentence_at_most_once():
    reward = RecordingReward([])
    corpus = torch.arange(40).view(10, 4)
    generator = lstm(ALPHABETS["oracle"], 0)
    run = Run({}, RandomStreams(0, names=NAMES))
    DiscriminatorRound(generator, reward, corpus, 7)(run)
    run.progress.clear()
    DiscriminatorRound(generator, reward, corpus, 10)(run)
    some, everything = reward.sets[0][0].tolist(), reward.sets[1][0].tolist()
    assert len({tuple(row) for row in some}) == 7
    assert sorted(everything) == corpus.tolist()
    assert everything != corpus.tolist()
    negatives = RandomStreams(0, names=NAMES)["negatives"]
    assert torch.equal(reward.sets[0][1], sample_sentences(generator, 7, 4, negatives))


def test_batches_are_of_64_bits_though_a_corpus_is_of_32():
    _, objective, update = update_with(lambda g: first_bias(g).sum(), limit=1.0)
    corpus, reward = torch.arange(40, dtype=torch.int32).view(10, 4), RecordingReward([])
    rounds = DiscriminatorRound(lstm(ALPHABETS["oracle"], 0), reward, corpus, 7)
    run = Run({}, RandomStreams(0, names=NAMES))
    LikelihoodEpoch(update, corpus, 4)(run)
    run.progress.clear()
    AdversarialRound(update, rounds, generator_steps=1, reward_steps=1, batch_size=5)(run)
    batches = [*objective.seen, reward.sets[0][0]]
    assert [len(batch) for batch in batches] == [4, 4, 2, 5, 7]
    assert {batch.dtype for batch in batches} == {torch.int64}


def test_negatives_are_as_many_as_real_sentences_unless_told():
    corpus = torch.zeros(10, 4).long()
    assert negatives_per_round(None, corpus) == 10
    assert negatives_per_round(3, corpus) == 3
    assert negatives_per_round(10, corpus) == 10
    with pytest.raises(
        UserError, match=r"^`num_sentences` must not exceed .* 11 is more than 10; "
    ):
        negatives_per_round(11, corpus)


# --- small parts ----------------------------------------------------------------------------------


def test_the_best_weights_are_those_of_the_lowest_score(tmp_path: Path):
    module = nn.Linear(1, 1)
    best = BestWeights(module)

    def offer(score: float, step: int) -> None:
        nn.init.constant_(module.weight, step)
        best.offer(score, step)

    assert best.step == 0
    for step, score in enumerate([3.0, 1.0, 2.0, 1.0, float("nan")], start=1):
        offer(score, step)
    nn.init.constant_(module.weight, 99.0)
    assert (best.score, best.step, best.weights["weight"].item()) == (1.0, 2, 2.0)
    save_tree(tmp_path / "best", best.state_dict())
    other = BestWeights(nn.Linear(1, 1))
    other.load_state_dict(load_tree(tmp_path / "best"))
    assert (other.score, other.step, other.weights["weight"].item()) == (1.0, 2, 2.0)
    assert other.weights.keys() == {"weight", "bias"}


def test_a_score_of_infinity_survives_a_checkpoint(tmp_path: Path):
    save_tree(tmp_path / "best", BestWeights(nn.Linear(1, 1)).state_dict())
    assert load_tree(tmp_path / "best")["score"] == float("inf")


def test_metrics_are_averaged_one_by_one():
    sums: dict[str, Tensor] = {}
    add(sums, {"loss": torch.tensor(1.0), "position": torch.tensor([1.0, 0.0])})
    add(sums, {"loss": torch.tensor(2.0), "position": torch.tensor([3.0, 1.0])})
    assert average(sums, 2) == {"loss": 1.5, "position": [2.0, 0.5]}
    assert average({"position": torch.tensor([torch.nan, 4.0])}, 2) == {"position": [None, 2.0]}
