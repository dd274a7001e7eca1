import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import slow_twins
from conftest import ALPHABETS, make_generator
from seqgan import action_values, assembly, discriminators, windows
from seqgan.action_values import MonteCarloRollout, PrefixValue, TerminalReward
from seqgan.adversaries import DiscriminatorReward, centred, squared_slopes
from seqgan.assembly import build_fit
from seqgan.decoding import sample_sentences
from seqgan.discriminators import CNNDiscriminator, Discriminator
from seqgan.errors import NonFiniteError
from seqgan.progress import Progress
from seqgan.rewards import ConstantReward, RewardModel
from seqgan.sequence_discriminators import PrefixDiscriminator
from seqgan.tokens import PAD, Alphabet, is_real

FREQUENCIES = (1.3, 2.9, 0.7, 1.9, 3.1, 0.4)


class SentenceReward(RewardModel):
    """A fixed judge with a value of its own for every sentence; remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def score(self, tokens: Tensor) -> Tensor:
        self.seen.append(tokens)
        frequencies = torch.tensor(FREQUENCIES[: tokens.shape[1]], dtype=torch.float64)
        return ((tokens * frequencies).sum(dim=1).sin() + 1) / 2

    def fit(
        self, real: Tensor, fake: Tensor, rng: torch.Generator, progress: Progress
    ) -> dict[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def value_of(sentence: list[int]) -> float:
    return SentenceReward().score(torch.tensor([sentence])).item()


class RecordingDiscriminator(Discriminator):
    """Log-odds are one weight; remembers the batches and whether they came with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.max_length = 0
        self.weight = nn.Parameter(torch.zeros(()))
        self.batches: list[list[list[int]]] = []
        self.streams: list[torch.Generator] = []

    def noise(self, batch: int, rng: torch.Generator) -> Tensor:
        self.streams.append(rng)
        return torch.rand(batch, 1)

    def embedding_table(self) -> Tensor:
        return torch.arange(100.0)[:, None]

    def features(self, embedded: Tensor, real: Tensor) -> Tensor:
        self.batches.append(embedded[..., 0].int().tolist())
        return embedded[:, 0]

    def classify(self, features: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.weight.expand(len(features))

    def penalty(self) -> Tensor:
        return self.weight * 0


def cnn(rng: torch.Generator, dropout: float = 0.25, l2: float = 0.2) -> CNNDiscriminator:
    return CNNDiscriminator(
        alphabet=ALPHABETS["text"],
        max_length=5,
        embedding_dim=4,
        widths=(1, 2),
        num_filters=(8, 8),
        dropout=dropout,
        l2=l2,
        rng=rng,
    )


def two_kinds(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return sentences with and without a certain token in a place that varies."""
    real, fake = torch.randint(3, 8, (2, count, 5), generator=rng)
    real[torch.arange(count), torch.randint(4, (count,), generator=rng)] = 8
    return real, fake


# --- a discriminator as reward model --------------------------------------------------------------


def test_fit_learns_two_kinds_of_sentences_apart(rng):
    reward = DiscriminatorReward(cnn(rng), learning_rate=0.01, batch_size=16, epochs=3)
    before = reward.fit(*two_kinds(50, rng), rng, Progress())
    for _ in range(7):
        after = reward.fit(*two_kinds(50, rng), rng, Progress())
    assert before["discriminator_accuracy"] < 0.8
    assert after["discriminator_accuracy"] > 0.95
    assert after["discriminator_loss"] < before["discriminator_loss"]
    real, fake = two_kinds(200, rng)
    assert reward.score(real).mean() > 0.9  # real, not fake, is what a high score means
    assert reward.score(fake).mean() < 0.1


def test_every_sentence_is_seen_once_an_epoch_and_the_last_batch_is_kept(rng):
    network = RecordingDiscriminator()
    reward = DiscriminatorReward(network, learning_rate=0.1, batch_size=8, epochs=3)
    real, fake = torch.arange(20).view(10, 2), torch.arange(20, 40).view(10, 2)
    reward.fit(real, fake, rng, Progress())
    assert [len(batch) for batch in network.batches] == [8, 8, 4] * 3
    first, second, third = (
        [row for batch in network.batches[i : i + 3] for row in batch] for i in (0, 3, 6)
    )
    assert sorted(first) == torch.cat([real, fake]).tolist()
    assert first == second == third  # shuffled together once
    assert first != sorted(first)
    assert len(network.streams) == 9
    assert all(stream is rng for stream in network.streams)


def test_one_fit_is_adam_on_cross_entropy_and_penalty(rng):
    network = cnn(rng, dropout=0.0, l2=5.0)
    twin = cnn(torch.Generator(), dropout=0.0, l2=5.0)
    twin.load_state_dict(network.state_dict())
    real, fake = two_kinds(6, rng)
    reward = DiscriminatorReward(network, learning_rate=0.01, batch_size=12, epochs=2)
    measured = reward.fit(real, fake, rng, Progress())
    optimizer, losses, correct = torch.optim.Adam(twin.parameters(), lr=0.01), [], 0
    for _ in range(2):
        optimizer.zero_grad()
        of_real, of_fake = twin(real), twin(fake)
        loss = (-F.logsigmoid(of_real).sum() - F.logsigmoid(-of_fake).sum()) / 12
        (loss + twin.penalty()).backward()
        optimizer.step()
        losses.append(loss.item())
        correct += ((of_real > 0).sum() + (of_fake <= 0).sum()).item()
    for mine, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    assert measured["discriminator_loss"] == pytest.approx(sum(losses) / 2, rel=1e-5)
    assert measured["discriminator_accuracy"] == pytest.approx(correct / 24)


def test_scores_are_probabilities_without_dropout_or_gradient(rng, monkeypatch):
    network = cnn(rng, dropout=0.9)
    reward = DiscriminatorReward(network, learning_rate=0.1, batch_size=8, epochs=1)
    tokens = torch.randint(3, 9, (11, 5), generator=rng)
    expected = 1 / (1 + (-network(tokens).detach()).exp())
    monkeypatch.setattr(windows, "TABLE_ELEMENTS", 0)  # else nothing is read in batches
    for rows in (1, 4, 1024):
        monkeypatch.setattr(discriminators, "SCORING_TOKENS", 5 * rows)
        scores = reward.score(tokens)
        torch.testing.assert_close(scores, expected)
        assert not scores.requires_grad


def test_a_loss_that_is_not_finite_stops_before_the_weights_move(rng):
    network = cnn(rng)
    with torch.no_grad():
        network.embedding[8] = torch.nan  # a token of the real sentences alone
    before = {name: p.clone() for name, p in network.state_dict().items()}
    reward = DiscriminatorReward(network, learning_rate=0.01, batch_size=64, epochs=1)
    with pytest.raises(NonFiniteError, match=r"^the discriminator's loss is nan"):
        reward.fit(*two_kinds(20, rng), rng, Progress())
    for name, weights in network.state_dict().items():
        assert torch.equal(weights.nan_to_num(), before[name].nan_to_num())


def test_a_restored_discriminator_learns_on_exactly(rng):
    def make(seed: int) -> DiscriminatorReward:
        network = cnn(torch.Generator().manual_seed(seed))
        return DiscriminatorReward(network, learning_rate=0.01, batch_size=16, epochs=1)

    one, other = make(1), make(2)
    sets = two_kinds(20, rng)
    one.fit(*sets, torch.Generator().manual_seed(5), Progress())
    other.load_state_dict(copy.deepcopy(one.state_dict()))  # as if through a file
    for reward in (one, other):
        reward.fit(*sets, torch.Generator().manual_seed(6), Progress())
    mine, theirs = one.discriminator.state_dict(), other.discriminator.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


# --- the control ----------------------------------------------------------------------------------


def test_a_constant_reward_knows_and_learns_nothing(rng):
    reward = ConstantReward(0.25)
    tokens = torch.tensor([[3, 1, PAD], [3, 4, 5]])
    assert reward.score(tokens).tolist() == [0.25, 0.25]
    assert reward.fit(tokens, tokens, rng, Progress()) == {}
    reward.load_state_dict(reward.state_dict())
    assert reward.score(tokens).tolist() == [0.25, 0.25]
    assert ConstantReward().score(tokens).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"has no state, but was given \['x'\]"):
        reward.load_state_dict({"x": 1})


# --- action values --------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens_at_once", [1, 4 * 7 * 5 * 2, 2**25])
def test_some_sentences_at_a_time_give_the_same_values(rng, monkeypatch, tokens_at_once: int):
    generator = make_generator(ALPHABETS["text"])
    tokens = sample_sentences(generator, 6, 5, rng)
    rollout = MonteCarloRollout(generator, SentenceReward(), num_rollouts=7, tracking_rate=0.0)
    seeded = torch.Generator().manual_seed(5)
    expected = rollout(tokens, seeded)
    monkeypatch.setattr(action_values, "ROLLOUT_TOKENS", tokens_at_once)
    found = rollout(tokens, torch.Generator().manual_seed(5))
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


def test_rollouts_converge_to_the_exact_action_value(small_world: Alphabet, rng):
    generator, count = make_generator(small_world), 4000
    sentences = slow_twins.all_sentences(small_world, 3)
    exact = slow_twins.action_values(generator, sentences, value_of)
    rollout = MonteCarloRollout(generator, SentenceReward(), num_rollouts=count, tracking_rate=0.0)
    values = rollout(sentences, rng)
    assert exact[:, 0].std() > 0.015  # the world tells tokens apart
    assert (values - exact).abs().max() < 4.5 * 0.5 / count**0.5
    assert (values - exact).abs().mean() < 0.5 / count**0.5
    assert not torch.equal(values[:, 0], exact[:, 0])
    assert (values[~is_real(sentences)] == 0).all()


def test_the_value_of_the_last_token_is_that_of_the_sentence(small_world: Alphabet, rng):
    generator, reward = make_generator(small_world), SentenceReward()
    tokens = slow_twins.all_sentences(small_world, 3)
    rolled = MonteCarloRollout(generator, reward, num_rollouts=4, tracking_rate=0.0)(tokens, rng)
    terminal = TerminalReward(generator, reward)(tokens, rng)
    last = is_real(tokens).sum(dim=1, keepdim=True) - 1
    torch.testing.assert_close(rolled.gather(1, last), terminal.gather(1, last))
    assert torch.equal(rolled[:, 2] * is_real(tokens)[:, 2], terminal[:, 2])
    assert torch.equal(terminal[:, 0], reward.score(tokens))
    expected = reward.score(tokens)[:, None] * is_real(tokens)
    assert torch.equal(terminal, expected)


def test_a_rollout_of_one_token_is_the_terminal_reward(generator, rng):
    reward, tokens = SentenceReward(), sample_sentences(generator, 5, 1, rng)
    rollout = MonteCarloRollout(generator, reward, num_rollouts=4, tracking_rate=0.0)
    assert torch.equal(rollout(tokens, rng), TerminalReward(generator, reward)(tokens, rng))


def test_each_value_is_the_mean_over_its_own_completions(generator, rng):
    """Rewards go to the sentence, the prefix and the rollout that they were given for."""
    reward, tokens = SentenceReward(), sample_sentences(generator, 6, 5, rng)
    rollout = MonteCarloRollout(generator, reward, num_rollouts=3, tracking_rate=0.0)
    values = rollout(tokens, rng)
    completions = next(seen for seen in reward.seen if len(seen) == 4 * 6 * 3).view(4, 6, 3, 5)
    for i in range(6):
        for t in range(4):
            if tokens[i, t] == PAD:
                assert values[i, t] == 0
                continue
            assert (completions[t, i, :, : t + 1] == tokens[i, : t + 1]).all()
            expected = sum(value_of(y) for y in completions[t, i].tolist()) / 3
            assert values[i, t].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("rate", "share"), [(0.0, 1.0), (0.5, 0.5), (0.8, 0.2), (1.0, 0.0)])
def test_the_rollout_policy_keeps_the_share_that_it_is_told(rate: float, share: float):
    generator = make_generator(ALPHABETS["text"], seed=1)
    rollout = MonteCarloRollout(generator, ConstantReward(), num_rollouts=1, tracking_rate=rate)
    before = [p.clone() for p in rollout.policy.parameters()]
    with torch.no_grad():
        for weights in generator.parameters():
            weights.add_(1.0)
    assert all(map(torch.equal, rollout.policy.parameters(), before))  # a copy
    rollout.track(generator)
    for now, old, live in zip(
        rollout.policy.parameters(), before, generator.parameters(), strict=True
    ):
        if share in (0.0, 1.0):
            assert torch.equal(now, live if share else old)
        torch.testing.assert_close(now.detach(), old + share)
        assert not now.requires_grad
        assert live.requires_grad


def test_completions_come_from_the_tracked_policy(rng):
    live, tokens = make_generator(Alphabet(5)), torch.tensor([[0, 1, 2, 3]])
    reward = SentenceReward()
    rollout = MonteCarloRollout(live, reward, num_rollouts=8, tracking_rate=1.0)
    with torch.no_grad():
        live.output_bias[4] = 1000.0  # the live generator now says nothing else
    rollout(tokens, rng)
    assert (reward.seen[0][:8, 1:] != 4).any()
    rollout.load_state_dict({"policy": live.state_dict()})
    rollout(tokens, rng)
    assert (reward.seen[2][:8, 1:] == 4).all()


def test_the_state_of_a_rollout_is_its_policy():
    first, second = (make_generator(ALPHABETS["text"], seed=seed) for seed in (1, 2))
    one, other = (
        MonteCarloRollout(each, ConstantReward(), num_rollouts=1, tracking_rate=0.8)
        for each in (first, second)
    )
    other.load_state_dict(one.state_dict())
    assert all(map(torch.equal, other.policy.parameters(), one.policy.parameters()))


def test_a_terminal_reward_has_no_state(generator):
    terminal = TerminalReward(generator, ConstantReward())
    terminal.track(generator)
    assert terminal.state_dict() == {}
    with pytest.raises(ValueError, match=r"has no state, but was given \['policy'\]"):
        terminal.load_state_dict({"policy": {}})


# --- shapes of the reward, smoothed labels --------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "of"),
    [
        ("probability", lambda d: d),
        ("centred", lambda d: 2 * d - 1),
        ("log_probability", math.log),
        ("logit", lambda d: math.log(d / (1 - d))),
        ("odds", lambda d: d / (1 - d)),
    ],
)
def test_the_reward_is_a_shape_of_the_probability(shape: str, of, rng):
    network = cnn(rng)
    settings = {"learning_rate": 0.1, "batch_size": 4, "epochs": 1} | {
        "label_smoothing": 0.0,
        "gradient_penalty": 0.0,
    }
    reward = build_fit(settings | {"shape": shape}, network)
    tokens = torch.randint(7, (6, 5), generator=rng)
    probability = reward.probability(tokens)
    assert torch.equal(probability, network(tokens).sigmoid())
    expected = torch.tensor([of(each) for each in probability.tolist()])
    torch.testing.assert_close(reward.score(tokens), expected, atol=1e-5, rtol=1e-4)


def test_extreme_shapes_are_finite():
    logits = torch.tensor([-200.0, 200.0])
    for shape in assembly.SHAPES.values():
        assert shape(logits).isfinite().all()
    assert assembly.SHAPES["log_probability"](logits).tolist() == [-200.0, 0.0]
    assert assembly.SHAPES["odds"](logits)[1] > 4e8


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_real_sentences_are_to_have_a_probability_less_than_one(smoothing: float):
    network = RecordingDiscriminator()
    reward = DiscriminatorReward(
        network, learning_rate=0.01, batch_size=8, epochs=1, label_smoothing=smoothing
    )
    with torch.no_grad():
        network.weight.fill_(0.7)
    real, fake = torch.zeros(3, 2, dtype=torch.int64), torch.ones(3, 2, dtype=torch.int64)
    found = reward.fit(real, fake, torch.Generator(), Progress())
    probability = 1 / (1 + math.exp(-0.7))
    of_real = (1 - smoothing) * math.log(probability) + smoothing * math.log(1 - probability)
    expected = -(of_real + math.log(1 - probability)) / 2
    assert found["discriminator_loss"] == pytest.approx(expected, abs=1e-6)


# --- the gradient penalty -------------------------------------------------------------------------


def plain_log_odds(network: CNNDiscriminator, embedded: Tensor) -> Tensor:
    """Return the network's log-odds by operations of torch alone."""
    features = torch.cat(
        [
            F.conv1d(embedded.transpose(1, 2), filters.transpose(1, 2), bias).amax(dim=2).relu()
            for filters, bias in zip(network.filters, network.filter_biases, strict=True)
        ],
        dim=1,
    )
    gate = F.linear(features, network.gate_weights, network.gate_bias).sigmoid()
    other = F.linear(features, network.highway_weights, network.highway_bias).relu()
    features = gate * other + (1 - gate) * features
    fake, real = F.linear(features, network.output_weights, network.output_bias).unbind(dim=1)
    return real - fake


@pytest.mark.parametrize("few", [0, 2**40], ids=["fast", "usual"])
def test_the_squared_slopes_are_those_of_plain_operations(few: int, rng, monkeypatch):
    """Also where products go through kernels of our own, which must pass two gradients."""
    monkeypatch.setattr("seqgan.products.FEW", few)
    network = cnn(rng)
    tokens = torch.tensor([[3, 4, 5, 1, PAD], [8, 7, 6, 5, 4]])
    slopes = squared_slopes(network, tokens)
    embedded = network.embed(tokens).detach().requires_grad_()
    (by_token,) = torch.autograd.grad(
        plain_log_odds(network, embedded).sum(), embedded, create_graph=True
    )
    by_token = torch.where(is_real(tokens)[..., None], by_token, 0.0)
    expected = by_token.square().sum(dim=(1, 2))
    torch.testing.assert_close(slopes, expected)
    assert by_token[0, 4].eq(0).all()
    weights = [each for each in network.parameters() if each is not network.embedding]
    found = torch.autograd.grad(slopes.sum(), weights, allow_unused=True)
    wanted = torch.autograd.grad(expected.sum(), weights, allow_unused=True)
    for mine, theirs in zip(found, wanted, strict=True):
        mine = torch.zeros(1) if mine is None else mine
        theirs = torch.zeros(1) if theirs is None else theirs
        torch.testing.assert_close(*torch.broadcast_tensors(mine, theirs), atol=1e-5, rtol=1e-4)


def test_real_sentences_alone_are_penalised_by_half_the_mean(rng):
    network, twin = cnn(rng, dropout=0.0, l2=0.0), None
    twin = copy.deepcopy(network)
    reward = DiscriminatorReward(
        network, learning_rate=0.01, batch_size=8, epochs=1, gradient_penalty=3.0
    )
    real, fake = two_kinds(4, rng)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(2))
    tokens, labels = torch.cat([real, fake])[order], order < 4
    loss = F.binary_cross_entropy_with_logits(twin(tokens), labels.float())
    loss = loss + 3.0 / 2 * squared_slopes(twin, real).mean()
    loss.backward()
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    optimizer.step()
    reward.fit(real, fake, torch.Generator().manual_seed(2), Progress())
    for mine, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_a_penalised_discriminator_is_flatter(rng):
    real, fake = two_kinds(64, rng)
    steepness = []
    for penalty in (0.0, 10.0):
        stream = torch.Generator().manual_seed(4)
        network = cnn(stream, dropout=0.0)
        reward = DiscriminatorReward(
            network, learning_rate=0.01, batch_size=16, epochs=10, gradient_penalty=penalty
        )
        reward.fit(real, fake, stream, Progress())
        steepness.append(squared_slopes(network, real).mean().item())
    assert steepness[1] < steepness[0] / 3


# --- values of prefixes ---------------------------------------------------------------------------


class PrefixReward(SentenceReward):
    def prefix_score(self, tokens: Tensor) -> Tensor:
        return torch.stack([self.score(tokens[:, : t + 1]) for t in range(tokens.shape[1])], dim=1)


@pytest.mark.parametrize("discount", [0.0, 0.23, 1.0])
def test_a_dense_value_is_a_discounted_sum_over_what_follows(alphabet: Alphabet, discount, rng):
    generator = make_generator(alphabet)
    tokens, reward = sample_sentences(generator, 9, 5, rng), PrefixReward()
    found = PrefixValue(generator, reward, discount=discount)(tokens, rng)
    scores = reward.prefix_score(tokens)
    for i, row in enumerate(tokens.tolist()):
        length = sum(token != PAD for token in row)
        for t in range(5):
            expected = sum(
                discount ** (s - t) * scores[i, s].item() for s in range(t, length) if t < length
            )
            assert found[i, t].item() == pytest.approx(expected, abs=1e-12)


def test_prefixes_are_judged_in_the_shape_of_the_reward(rng):
    settings = {"alphabet": ALPHABETS["text"], "max_length": 5, "embedding_dim": 4}
    network = PrefixDiscriminator(**settings, hidden_dim=3, dropout=0.2, std=0.5, rng=rng)
    reward = DiscriminatorReward(network, learning_rate=0.01, batch_size=4, epochs=1, shape=centred)
    tokens = torch.tensor([[3, 4, 1], [5, 6, 7]])
    scores = reward.prefix_score(tokens)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(scores[:, 2], reward.score(tokens))
    for t in range(2):
        torch.testing.assert_close(scores[1, t], reward.score(tokens[1:, : t + 1])[0])


def test_judges_of_whole_sentences_say_so(rng):
    for judge in (ConstantReward(), DiscriminatorReward(
        cnn(rng), learning_rate=0.01, batch_size=4, epochs=1
    )):  # fmt: skip
        with pytest.raises(TypeError, match="judges whole sentences alone"):
            judge.prefix_score(torch.tensor([[3, 4, 5, 6, 7]]))


def test_values_of_prefixes_have_no_state(generator):
    value = PrefixValue(generator, ConstantReward())
    value.track(generator)
    value.load_state_dict(value.state_dict())
    with pytest.raises(ValueError, match="values of prefixes have no state"):
        value.load_state_dict({"x": 1})
