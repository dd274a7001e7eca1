"""What a method is composed of, from its section."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from seqgan.adversaries import DiscriminatorReward, centred
from seqgan.assembly import build_fit, build_generator, save_discriminator
from seqgan.bleu_reward import BleuReward
from seqgan.config.discriminators import CNNDiscriminatorConfig
from seqgan.config.training import GumbelSoftmaxMethod, PolicyGradientMethod
from seqgan.corpus.dataset import Dataset
from seqgan.methods import Surroundings, build_adversarial_objective, build_reward
from seqgan.policy_gradient import PolicyGradient
from seqgan.ranking import RankingReward
from seqgan.relaxation import GumbelSoftmax
from seqgan.repetition import PenalisedReward
from seqgan.schedules import Linear
from seqgan.sequence_discriminators import PrefixDiscriminator, RNNDiscriminator
from seqgan.tokens import Alphabet

ALPHABET = Alphabet(9)
GENERATOR = {"kind": "gru", "embedding_dim": 4, "hidden_dim": 5, "num_layers": 1, "std": 0.3}
CNN = CNNDiscriminatorConfig(embedding_dim=4, widths=(1, 2), num_filters=(3, 3)).model_dump()
POSITIVES = torch.randint(9, (20, 6), generator=torch.Generator().manual_seed(7))
RNN = {"kind": "rnn", "embedding_dim": 3, "hidden_dim": 4}


def around(seed: int = 1, pretrained: Path | None = None) -> Surroundings:
    few = POSITIVES[:2]
    return Surroundings(Dataset(POSITIVES, few, few, ALPHABET), seed, "cpu", pretrained)


def settings(reward: dict, value: str = "terminal", **more) -> dict:
    method = {"kind": "policy_gradient", "action_value": {"kind": value}, "reward": reward}
    return PolicyGradientMethod.model_validate(method | more).model_dump(mode="json")


def reward_of(reward: dict, **more):
    return build_reward(settings(reward)["reward"], around(**more))


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    from seqgan.assembly import build_discriminator

    network = build_discriminator(CNN, ALPHABET, 6, torch.Generator().manual_seed(8))
    fit = settings({"kind": "discriminator"})["reward"]
    save_discriminator(tmp_path / "d", build_fit(fit, network), CNN, ALPHABET, 6)
    return tmp_path / "d"


def weights_of(reward: RankingReward | DiscriminatorReward) -> list[Tensor]:
    return list(reward.discriminator.parameters())


def test_a_network_of_its_own_depends_on_the_seed_alone():
    section = {"kind": "discriminator", "discriminator": RNN, "shape": "centred"}
    one, same, other = (reward_of(section, seed=seed) for seed in (1, 1, 2))
    assert isinstance(one.discriminator, RNNDiscriminator)
    assert one.discriminator.max_length == 6
    assert one.shape is centred
    assert all(map(torch.equal, weights_of(one), weights_of(same)))
    assert not all(map(torch.equal, weights_of(one), weights_of(other)))


@pytest.mark.parametrize("kind", ["discriminator", "shuffled", "ranking"])
def test_without_one_the_pretrained_network_goes_on(kind, pretrained):
    found = reward_of({"kind": kind}, pretrained=pretrained)
    before = reward_of({"kind": "discriminator"}, pretrained=pretrained)
    assert all(map(torch.equal, weights_of(found), weights_of(before)))


def test_a_ranking_reward_is_as_told(pretrained):
    section = {
        "kind": "ranking", "discriminator": RNN, "num_references": 7, "num_comparisons": 5,
        "sharpness": 2.0, "batch_size": 10, "epochs": 4, "learning_rate": 0.03,
    }  # fmt: skip
    one, same, other = (reward_of(section, seed=seed) for seed in (1, 1, 2))
    assert isinstance(one, RankingReward)
    assert (len(one.references), len(one.comparisons), one.sharpness) == (7, 5, 2.0)
    assert (one.half, one.epochs) == (5, 4)
    assert one.optimizer.param_groups[0]["lr"] == 0.03
    known = {tuple(row) for row in POSITIVES.tolist()}
    assert {tuple(row) for row in one.references.tolist()} <= known
    assert torch.equal(one.references, same.references)
    assert not torch.equal(one.references, other.references)


def test_bleu_is_of_some_training_sentences_drawn_by_the_seed():
    one, same, other = (
        reward_of({"kind": "bleu", "order": 2, "num_references": 3}, seed=seed)
        for seed in (1, 1, 2)
    )
    assert isinstance(one, BleuReward)
    scores = [each.score(POSITIVES) for each in (one, same, other)]
    assert one.order == 2
    assert (scores[0] == 1).sum() >= 3
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])
    assert (reward_of({"kind": "bleu"}).score(POSITIVES) == 1).all()  # fewer than asked for


def test_a_repetition_penalty_is_between_the_judge_and_the_action_value():
    generator = build_generator(GENERATOR, ALPHABET, 6, torch.Generator())
    reward = reward_of({"kind": "constant", "value": 0.5})
    penalty = {"order": 3, "weight": 2.0}
    for value in ("terminal", "rollout"):
        section = settings({"kind": "constant"}, value, repetition_penalty=penalty)
        objective = build_adversarial_objective(section, generator, reward)
        assert isinstance(objective, PolicyGradient)
        judge = objective.action_value.reward  # type: ignore[attr-defined]
        assert isinstance(judge, PenalisedReward)
        assert (judge.judge, judge.order, judge.weight) == (reward, 3, 2.0)
    plain = build_adversarial_objective(settings({"kind": "constant"}), generator, reward)
    assert isinstance(plain, PolicyGradient)
    assert plain.action_value.reward is reward  # type: ignore[attr-defined]


def test_dense_values_are_of_a_prefix_discriminator(rng):
    generator = build_generator(GENERATOR, ALPHABET, 6, torch.Generator())
    own = {"kind": "prefix", "embedding_dim": 3, "hidden_dim": 4}
    reward = reward_of({"kind": "discriminator", "discriminator": own})
    assert isinstance(reward.discriminator, PrefixDiscriminator)
    section = settings({"kind": "discriminator"}, "dense")
    objective = build_adversarial_objective(section, generator, reward)
    loss = objective(generator, POSITIVES[:4], step=0, rng=rng)
    assert loss.value.isfinite()
    assert set(objective.parts()) == {"action_value", "baseline"}


def test_gumbel_softmax_is_as_told(rng):
    generator = build_generator(GENERATOR, ALPHABET, 6, torch.Generator())
    method = GumbelSoftmaxMethod.model_validate(
        {
            "kind": "gumbel_softmax",
            "reward": {"kind": "discriminator", "discriminator": RNN},
            "temperature": {"kind": "linear", "start": 2.0, "end": 0.5, "decrease": 0.25},
            "straight_through": False,
        }
    ).model_dump(mode="json")
    reward = build_reward(method["reward"], around())
    objective = build_adversarial_objective(method, generator, reward)
    assert isinstance(objective, GumbelSoftmax)
    assert objective.discriminator is reward.discriminator  # type: ignore[attr-defined]
    assert objective.temperature == Linear(2.0, 0.5, 0.25)
    assert not objective.straight_through
    assert objective.parts() == {}
    objective.track(generator)
    assert objective(generator, POSITIVES[:4], step=0, rng=rng).value.isfinite()
