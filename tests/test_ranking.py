import copy
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from conftest import ALPHABETS
from seqgan import ranking
from seqgan.errors import NonFiniteError
from seqgan.progress import Progress
from seqgan.ranking import RankingReward, log_rank
from test_rewards import cnn, two_kinds

CLOSE = {"atol": 1e-12, "rtol": 1e-10}


def reward_of(rng: torch.Generator, **changes) -> RankingReward:
    settings = {
        "learning_rate": 0.01,
        "batch_size": 16,
        "epochs": 2,
        "num_references": 5,
        "num_comparisons": 3,
        "sharpness": 4.0,
    } | changes
    real, _ = two_kinds(40, rng)
    return RankingReward(cnn(rng), real, rng, **settings)


def test_a_rank_is_a_softmax_over_others_for_each_reference(rng):
    sentences, references, others = (
        F.normalize(torch.randn(count, 6, generator=rng, dtype=torch.float64), dim=1)
        for count in (4, 3, 2)
    )
    found = log_rank(sentences, references, others, 2.5)
    for sentence, logarithm in zip(sentences, found, strict=True):
        shares = []
        for reference in references:
            own = math.exp(2.5 * torch.cosine_similarity(sentence, reference, dim=0))
            rest = [
                math.exp(2.5 * torch.cosine_similarity(other, reference, dim=0)) for other in others
            ]
            shares.append(math.log(own / (own + sum(rest))))
        assert logarithm.item() == pytest.approx(sum(shares) / 3, abs=1e-12)


def test_the_reward_is_the_rank_among_real_sentences(rng, monkeypatch):
    reward, (tokens, _) = reward_of(rng), two_kinds(9, rng)
    network = reward.discriminator
    seen = [
        F.normalize(network.features(network.embed(each), each >= 0), dim=1)
        for each in (tokens, reward.references, reward.comparisons)
    ]
    expected = log_rank(*seen, 4.0).exp()
    assert ((expected > 0) & (expected < 1)).all()
    torch.testing.assert_close(reward.score(tokens), expected)
    monkeypatch.setattr(ranking, "SCORING_TOKENS", 10)
    torch.testing.assert_close(reward.score(tokens), expected)
    assert not reward.score(tokens).requires_grad


def test_one_fit_is_adam_on_the_ranks_of_both_kinds(rng):
    """Sets of which every sentence is the same, so that what is drawn from them is known."""
    reward = reward_of(rng, batch_size=8, epochs=1)
    reward.discriminator.double()
    reward.optimizer = torch.optim.Adam(reward.discriminator.parameters(), lr=0.01)
    real, fake = (torch.tensor([row] * 4) for row in ([3, 8, 4, 5, 6], [3, 7, 4, 5, 1]))
    copy = reward_of(torch.Generator().manual_seed(1), batch_size=8)
    copy.discriminator.double().load_state_dict(reward.discriminator.state_dict())
    network = copy.discriminator

    def likeness(one, other):
        features = [network.features(network.embed(each), each >= 0) for each in (one, other)]
        return 4.0 * torch.cosine_similarity(*features, dim=1)

    of_real, of_fake = likeness(real, real), likeness(fake, real)
    rank_of_real = of_real - torch.logaddexp(of_real, of_fake + math.log(3))
    rank_of_fake = of_fake - torch.logaddexp(of_fake, of_real + math.log(3))
    loss = -rank_of_real.mean() - (1 - rank_of_fake.exp()).log().mean()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    loss.backward()
    optimizer.step()
    metrics = reward.fit(real, fake, rng, Progress())
    assert metrics["discriminator_loss"] == pytest.approx(loss.item(), abs=1e-12)
    right = (rank_of_real[0] > -math.log(4)).double() + (rank_of_fake[0] < -math.log(4)).double()
    assert metrics["discriminator_accuracy"] == right / 2
    for mine, theirs in zip(reward.discriminator.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, **CLOSE)


def test_it_learns_two_kinds_of_sentences_apart(rng):
    reward = reward_of(rng, epochs=4)
    for _ in range(3):
        metrics = reward.fit(*two_kinds(128, rng), rng, Progress())
    assert metrics["discriminator_accuracy"] > 0.75
    real, fake = two_kinds(100, rng)
    of_real, of_fake = reward.score(real), reward.score(fake)
    assert (of_real[:, None] > of_fake).double().mean() > 0.9


def test_every_sentence_is_ranked_once_an_epoch(rng, monkeypatch):
    reward, seen = reward_of(rng, batch_size=6, epochs=2), []

    def spy(real, fake, of_real, of_fake, rng):
        seen.append((of_real.tolist(), of_fake.tolist()))
        return torch.tensor([1.0, 0.5]).double() * len(of_real)

    monkeypatch.setattr(reward, "_step", spy)
    metrics = reward.fit(*two_kinds(7, rng), rng, Progress())
    assert metrics == {"discriminator_loss": 1.0, "discriminator_accuracy": 0.5}
    assert [len(of_real) for of_real, _ in seen] == [3, 3, 1] * 2
    for side in (0, 1):
        order = [row for batch in seen[:3] for row in batch[side]]
        assert sorted(order) == list(range(7))
        assert seen[:3] == seen[3:]
    assert [batch[0] for batch in seen[:3]] != [batch[1] for batch in seen[:3]]


def test_references_and_comparisons_are_real_sentences_of_the_last_fit(rng):
    reward = reward_of(rng)
    before = reward.references.clone(), reward.comparisons.clone()
    real, fake = two_kinds(30, rng)
    reward.fit(real, fake, rng, Progress())
    known = {tuple(row) for row in real.tolist()}
    for old, new, count in zip(
        before, (reward.references, reward.comparisons), (5, 3), strict=True
    ):
        assert new.shape == (count, 5)
        assert {tuple(row) for row in new.tolist()} <= known
        assert not {tuple(row) for row in old.tolist()} <= known
    assert not torch.equal(reward.references[:3], reward.comparisons)


def test_a_restored_judge_learns_on_exactly(rng):
    one, other = reward_of(rng), reward_of(torch.Generator().manual_seed(5))
    real, fake = two_kinds(20, rng)
    one.fit(real, fake, rng, Progress())
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert torch.equal(one.score(fake), other.score(fake))
    for each in (one, other):
        each.fit(real, fake, torch.Generator().manual_seed(9), Progress())
    assert torch.equal(one.score(fake), other.score(fake))


def test_a_loss_that_is_not_finite_stops_before_the_weights_move(rng):
    reward = reward_of(rng)
    with torch.no_grad():
        reward.discriminator.embedding[3:].fill_(float("nan"))
    before = [each.clone() for each in reward.discriminator.parameters()]
    with pytest.raises(NonFiniteError, match="the discriminator's loss is nan"):
        reward.fit(*two_kinds(8, rng), rng, Progress())
    for old, new in zip(before, reward.discriminator.parameters(), strict=True):
        assert torch.equal(old, new) or old.isnan().any()


def test_a_generated_sentence_that_ranks_first_for_sure_leaves_the_loss_finite(rng, monkeypatch):
    """Its doubt would be zero, and the logarithm of that no number."""
    reward = reward_of(rng, sharpness=1e6, epochs=1)
    real, other = two_kinds(16, rng)
    one = real[:1].expand_as(real)
    sets = itertools.cycle([one, other, other])  # references like it, and all the others unlike
    monkeypatch.setattr(reward, "_draw", lambda *_: next(sets))
    metrics = reward.fit(one, one, rng, Progress())
    assert math.isfinite(metrics["discriminator_loss"])
    assert metrics["discriminator_loss"] > -0.6 * math.log(ranking.LEAST_DOUBT)


def test_short_rows_of_a_curriculum_are_ranked(rng):
    reward = reward_of(rng)
    assert reward.score(torch.tensor([[3, 4], [5, 6]])).shape == (2,)
    reward.fit(*(each[:, :2] for each in two_kinds(16, rng)), rng, Progress())
    assert ALPHABETS["text"].vocab_size == len(reward.discriminator.embedding_table())
