import pytest
import torch
import torch.nn.functional as F

import slow_twins
from conftest import SMALL_WORLDS, make_generator
from seqgan.discriminators import CNNDiscriminator
from seqgan.generators import Generator
from seqgan.objectives import Objective
from seqgan.relaxation import GumbelSoftmax, frozen, relaxed_sample
from seqgan.schedules import Exponential, Linear
from seqgan.sequence_discriminators import RNNDiscriminator
from seqgan.tokens import PAD, Alphabet, check_tokens, conditions, is_real

ALWAYS_ONE = Linear(start=1.0, end=1.0, decrease=0.0)


def judge(alphabet: Alphabet, rng: torch.Generator) -> CNNDiscriminator:
    return CNNDiscriminator(
        alphabet=alphabet,
        max_length=5,
        embedding_dim=3,
        widths=(1, 2),
        num_filters=(4, 4),
        dropout=0.5,
        l2=0.2,
        rng=rng,
    ).double()


def uniforms_for(generator: Generator, batch: int, time: int, rng: torch.Generator):
    vocab_size = generator.alphabet.vocab_size
    return torch.rand(batch, time, vocab_size, generator=rng, dtype=torch.float64)


def test_sentences_are_those_of_the_generator_in_law(small_world: Alphabet, rng):
    generator = make_generator(small_world, hidden=3)
    count = 40_000
    with torch.no_grad():
        tokens, _ = relaxed_sample(
            generator, uniforms_for(generator, count, 3, rng), 0.7, straight_through=True
        )
    check_tokens(tokens, small_world)
    sentences, times = torch.unique(tokens, dim=0, return_counts=True)
    expected = slow_twins.probabilities(generator, sentences)
    assert expected.sum() > 0.999
    error = (expected * (1 - expected) / count).sqrt()
    assert ((times / count - expected).abs() < 5 * error).all()


@pytest.mark.parametrize("straight_through", [True, False])
def test_shares_stand_for_the_sampled_tokens(generator, straight_through: bool, rng):
    uniforms = uniforms_for(generator, 50, 4, rng)
    tokens, shares = relaxed_sample(generator, uniforms, 0.5, straight_through=straight_through)
    check_tokens(tokens, generator.alphabet)
    real = is_real(tokens)
    assert not shares[~real].any()
    torch.testing.assert_close(shares.sum(dim=2)[real], torch.ones(int(real.sum())).double())
    assert torch.equal(shares.argmax(dim=2)[real], tokens[real])
    assert (shares[..., list(generator.alphabet.never_emitted)] == 0).all()
    certain = F.one_hot(tokens[real], generator.alphabet.vocab_size).double()
    assert torch.allclose(shares[real], certain, atol=1e-12) == straight_through


def test_a_low_temperature_makes_mixtures_certain(generator, rng):
    uniforms = uniforms_for(generator, 50, 4, rng)
    tokens, shares = relaxed_sample(generator, uniforms, 1e-4, straight_through=False)
    hard, _ = relaxed_sample(generator, uniforms, 1e-4, straight_through=True)
    assert (shares.amax(dim=2)[is_real(tokens)] > 0.99).double().mean() > 0.99
    same = (tokens == hard).all(dim=1)
    assert same.double().mean() > 0.9


def loss_of(objective: Objective, generator: Generator, real, seed: int = 1) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return objective(generator, real, step=0, rng=stream).value


def reader(alphabet: Alphabet, rng: torch.Generator) -> RNNDiscriminator:
    return RNNDiscriminator(
        alphabet=alphabet,
        max_length=5,
        embedding_dim=3,
        hidden_dim=4,
        pooling="max",
        dropout=0.5,
        std=0.5,
        rng=rng,
    ).double()


@pytest.mark.parametrize("make", [judge, reader])
def test_what_is_judged_straight_through_is_the_sentence_itself(generator, make, rng):
    network = make(generator.alphabet, rng)
    objective = GumbelSoftmax(network, ALWAYS_ONE)
    real = torch.zeros(20, 4, dtype=torch.int64)
    loss = objective(generator, real, step=0, rng=torch.Generator().manual_seed(3))
    stream = torch.Generator().manual_seed(3)
    uniforms = torch.rand(20, 4, generator.alphabet.vocab_size, generator=stream)
    tokens, _ = relaxed_sample(generator, uniforms, 1.0, straight_through=True)
    logits = network(network.widened(tokens))
    torch.testing.assert_close(loss.value, -F.logsigmoid(logits).mean(), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(loss.metrics["reward"], logits.sigmoid().mean())
    torch.testing.assert_close(loss.metrics["reward_deviation"], logits.sigmoid().std(correction=0))
    assert not any(each.requires_grad for each in loss.metrics.values())


@pytest.mark.parametrize("alphabet", [SMALL_WORLDS["oracle"], Alphabet(5)], ids=["2", "5"])
def test_the_gradient_of_mixtures_is_that_of_finite_differences(alphabet, rng):
    generator, network = make_generator(alphabet, hidden=3), judge(alphabet, rng)
    objective = GumbelSoftmax(network, ALWAYS_ONE, straight_through=False)
    real = torch.zeros(6, 3, dtype=torch.int64)
    loss = loss_of(objective, generator, real)
    slopes = torch.autograd.grad(loss, list(generator.parameters()))
    for weights, slope in zip(generator.parameters(), slopes, strict=True):
        place = tuple(int(each) - 1 for each in weights.shape)
        found = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                weights[place] += step
                found.append(loss_of(objective, generator, real))
                weights[place] -= step
        difference = (found[0] - found[1]) / 2e-6
        torch.testing.assert_close(slope[place], difference, atol=1e-8, rtol=1e-5)


def test_the_gradient_straight_through_is_that_of_the_mixture_at_the_sentence(rng):
    """With one token everything is known: d loss / d logits = (d loss / d token) · d softmax."""
    alphabet = Alphabet(4)
    generator, network = make_generator(alphabet, hidden=3), judge(alphabet, rng)
    real = torch.zeros(7, 1, dtype=torch.int64)
    loss = loss_of(GumbelSoftmax(network, Linear(0.5, 0.5, 0.0)), generator, real)
    (found,) = torch.autograd.grad(loss, [generator.output_bias])
    stream = torch.Generator().manual_seed(1)
    gumbel = -(-torch.rand(7, 1, 4, generator=stream).log()).log()[:, 0].double()
    logits = generator(real)[:, 0].detach().requires_grad_()
    mixture = ((logits + gumbel) / 0.5).softmax(dim=1)
    tokens = F.one_hot((logits + gumbel).argmax(dim=1), 4).double().requires_grad_()
    table = network.embedding_table().detach()
    embedded = F.pad((tokens @ table)[:, None], (0, 0, 0, 4))
    counted = torch.tensor([[True, False, False, False, False]]).expand(7, -1)
    judged = network.classify(network.features(embedded, counted))
    (of_tokens,) = torch.autograd.grad(F.softplus(-judged).mean(), tokens)
    (expected,) = torch.autograd.grad(mixture, logits, of_tokens)
    torch.testing.assert_close(found, expected.sum(dim=0), atol=1e-10, rtol=1e-6)


def test_the_discriminator_learns_nothing_meanwhile(generator, rng):
    network = judge(generator.alphabet, rng)
    loss_of(GumbelSoftmax(network, ALWAYS_ONE), generator, torch.zeros(5, 4).long()).backward()
    assert all(each.grad is None for each in network.parameters())
    assert all(each.requires_grad for each in network.parameters())
    assert all(each.grad is not None for each in generator.parameters())
    with pytest.raises(RuntimeError, match="on the way"), frozen(network):
        raise RuntimeError("on the way")
    assert all(each.requires_grad for each in network.parameters())


def test_the_temperature_is_that_of_the_round(generator, rng):
    objective = GumbelSoftmax(judge(generator.alphabet, rng), Exponential(1.0, 0.1, 0.5))
    for step, expected in {0: 1.0, 2: 0.25, 9: 0.1}.items():
        loss = objective(generator, torch.zeros(3, 4).long(), step=step, rng=rng)
        assert loss.metrics["temperature"].item() == pytest.approx(expected)


def test_conditions_are_read_as_given(rng):
    alphabet = Alphabet(9, start=2, end=1, never_emitted=(0, 2, 3), separator=3)
    generator = make_generator(alphabet)
    real = torch.tensor([[5, 3, 6, 7, 1], [3, 4, 1, PAD, PAD]])
    given = conditions(real, alphabet)
    uniforms = uniforms_for(generator, 2, 5, rng)
    tokens, shares = relaxed_sample(generator, uniforms, 1.0, straight_through=False, given=given)
    check_tokens(tokens, alphabet)
    assert tokens[0, :2].tolist() == [5, 3]
    assert tokens[1, 0] == 3
    assert torch.equal(shares[0, :2].argmax(dim=1), tokens[0, :2])
    assert shares[0, 0].tolist() == F.one_hot(torch.tensor(5), 9).tolist()
    assert shares[1, 1].amax() < 1


def test_it_climbs_what_the_discriminator_likes(rng):
    """A judge that likes one token alone: the generator comes to emit it."""
    alphabet = Alphabet(6)
    generator, network = make_generator(alphabet, std=0.1), judge(alphabet, rng)
    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()
        network.embedding[4] = 1.0
        network.filters[0].fill_(1.0)
        network.gate_bias.fill_(-9.0)
        network.output_weights[1, :4] = 1.0
    objective = GumbelSoftmax(network, Linear(1.0, 1.0, 0.0))
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.05)
    for step in range(60):
        loss = objective(generator, torch.zeros(64, 4).long(), step=step, rng=rng)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    shares = generator(torch.zeros(1, 4).long()).softmax(dim=2)[0, :, 4]
    assert shares.amax() > 0.9
