"""The references are the same mathematics as the package: so what they are timed at is the task."""

import pytest
import torch
from scipy.stats import chi2_contingency
from torch import Tensor, nn

import references
import slow_twins
from conftest import make_generator
from references import PlainSampler, plain_discriminator, plain_generator
from seqgan.action_values import MonteCarloRollout
from seqgan.adversaries import DiscriminatorReward
from seqgan.decoding import log_prob, roll_out, sample, sample_sentences
from seqgan.discriminators import CNNDiscriminator
from seqgan.objectives import MaximumLikelihood
from seqgan.policy_gradient import PolicyGradient
from seqgan.progress import Progress
from seqgan.randomness import RandomStreams
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import Alphabet
from seqgan.training import GeneratorUpdate, Run

ALPHABET = Alphabet(7, start=3)
LENGTH = 5


@pytest.fixture(params=[1, 2])
def generator(request: pytest.FixtureRequest) -> LSTMGenerator:
    return make_generator(ALPHABET, num_layers=request.param)


def discriminator(*, dropout: float = 0.0) -> CNNDiscriminator:
    return CNNDiscriminator(
        alphabet=ALPHABET,
        max_length=LENGTH,
        embedding_dim=3,
        widths=(1, 2, 5),
        num_filters=(3, 4, 2),
        dropout=dropout,
        l2=0.2,
        rng=torch.Generator().manual_seed(1),
    ).double()


def tokens_of(rng: torch.Generator, count: int = 12) -> Tensor:
    return torch.randint(7, (count, LENGTH), generator=rng)


def sampler(generator: LSTMGenerator, **pick) -> PlainSampler:
    return PlainSampler(plain_generator(generator), ALPHABET.start, **pick)


class Uniforms:
    """Picks by inverse CDF, with given uniforms: one column for each step that samples."""

    def __init__(self, columns: list[Tensor]) -> None:
        self.columns = iter(columns)

    def __call__(self, probabilities: Tensor) -> Tensor:
        pairs = zip(probabilities, next(self.columns).tolist(), strict=True)
        return torch.tensor([slow_twins.inverse_cdf(row, uniform) for row, uniform in pairs])


def assert_same_generator(plain: references.PlainGenerator, ours: LSTMGenerator) -> None:
    expected = plain_generator(ours).state_dict()
    for name, weights in plain.state_dict().items():
        torch.testing.assert_close(weights, expected[name], atol=1e-11, rtol=1e-9, msg=name)


def assert_same_discriminator(plain: references.PlainDiscriminator, ours: CNNDiscriminator) -> None:
    expected = plain_discriminator(ours).state_dict()
    for name, weights in plain.state_dict().items():
        torch.testing.assert_close(weights, expected[name], atol=1e-11, rtol=1e-9, msg=name)


# --- the networks ---------------------------------------------------------------------------------


def test_log_probabilities_agree(generator: LSTMGenerator, rng: torch.Generator):
    tokens = tokens_of(rng)
    found = references.log_prob(plain_generator(generator), tokens, ALPHABET.start)
    torch.testing.assert_close(found, log_prob(generator, tokens), atol=1e-12, rtol=1e-12)


def test_logits_of_the_discriminator_agree(rng: torch.Generator):
    network, tokens = discriminator(dropout=0.5), tokens_of(rng, 150)  # three batches of scoring
    plain = plain_discriminator(network)
    fake, real = plain.eval()(tokens).unbind(dim=1)
    torch.testing.assert_close(real - fake, network(tokens), atol=1e-12, rtol=1e-12)
    ours = DiscriminatorReward(network, learning_rate=0.1, batch_size=4, epochs=1).score(tokens)
    torch.testing.assert_close(references.score(plain, tokens), ours, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(plain.penalty(), network.penalty(), atol=1e-12, rtol=1e-12)


# --- sampling and rollouts ------------------------------------------------------------------------


def test_the_same_uniforms_give_the_same_sentences(generator: LSTMGenerator, rng: torch.Generator):
    uniforms = torch.rand(20, LENGTH, generator=rng)
    plain = sampler(generator, pick=Uniforms(list(uniforms.T)))
    assert torch.equal(plain.sample(20, LENGTH), sample(generator, uniforms))


def test_the_same_uniforms_give_the_same_rollouts(generator: LSTMGenerator, rng: torch.Generator):
    tokens, rollouts = tokens_of(rng, 6), 3
    uniforms = torch.rand(LENGTH - 1, 6, rollouts, LENGTH, generator=rng)
    columns = [
        uniforms[kept, :, k, t]
        for k in range(rollouts) for kept in range(LENGTH - 1) for t in range(kept + 1, LENGTH)
    ]  # fmt: skip
    found = torch.stack(list(sampler(generator, pick=Uniforms(columns)).roll_out(tokens, rollouts)))
    expected = roll_out(generator, tokens, uniforms).permute(2, 0, 1, 3).flatten(0, 1)
    assert torch.equal(found, expected)


def test_multinomial_samples_the_same_distribution(rng: torch.Generator):
    generator, count = make_generator(ALPHABET), 20_000
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = sampler(generator).sample(count, 2)
    ours = sample_sentences(generator, count, 2, rng)
    table = torch.stack([(each @ torch.tensor([7, 1])).bincount(minlength=49)
                         for each in (ours, theirs)])  # fmt: skip
    table = table[:, table.sum(dim=0) > 10]
    assert table.shape[1] > 20
    assert chi2_contingency(table.numpy()).pvalue > 1e-4


# --- updates --------------------------------------------------------------------------------------


def test_an_update_of_the_discriminator_agrees(rng: torch.Generator):
    network, tokens = discriminator(), tokens_of(rng)
    plain = plain_discriminator(network)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01)
    labels = torch.arange(12) < 6
    loss = references.discriminator_update(plain, optimizer, tokens, labels)
    reward = DiscriminatorReward(network, learning_rate=0.01, batch_size=12, epochs=1)
    metrics = reward.fit(tokens[:6], tokens[6:], rng, Progress())
    assert metrics["discriminator_loss"] == pytest.approx(loss.item(), rel=1e-12)
    assert_same_discriminator(plain, network)


def test_an_update_by_likelihood_agrees(generator: LSTMGenerator, rng: torch.Generator):
    generator.alphabet = Alphabet(7)
    tokens, plain = tokens_of(rng), plain_generator(generator)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01)
    loss = references.likelihood_update(plain, optimizer, tokens, 0.05)
    metrics = update_of(generator, MaximumLikelihood(), 0.05)(tokens, fresh_run())
    assert metrics["gradient_norm"] > 0.05  # so that the clipping is compared too
    assert metrics["nll_train"].item() == pytest.approx(loss.item(), rel=1e-12)
    assert_same_generator(plain, generator)


def test_an_update_by_policy_gradient_agrees(
    generator: LSTMGenerator, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
):
    """The uniforms that ours draws from its stream are handed to the reference."""
    network, rollouts, drawn = discriminator(), 2, []
    plain = sampler(generator)
    rand = torch.rand

    def record(*shape: int, **options) -> Tensor:
        drawn.append(rand(*shape, **options))
        return drawn[-1]

    monkeypatch.setattr(torch, "rand", record)
    reward = DiscriminatorReward(network, learning_rate=0.01, batch_size=4, epochs=1)
    values = MonteCarloRollout(generator, reward, num_rollouts=rollouts, tracking_rate=0.0)
    update_of(generator, PolicyGradient(values), 0.05)(tokens_of(rng, 4), fresh_run())
    first, rolled = drawn
    columns = list(first.T) + [
        rolled[kept, :, k, t]
        for k in range(rollouts) for kept in range(LENGTH - 1) for t in range(kept + 1, LENGTH)
    ]  # fmt: skip
    plain = PlainSampler(plain.generator, ALPHABET.start, Uniforms(columns))
    optimizer = torch.optim.Adam(plain.generator.parameters(), lr=0.01)
    references.generator_update(
        plain, plain_discriminator(network), optimizer, (4, LENGTH), rollouts, 0.05
    )
    assert_same_generator(plain.generator, generator)


def update_of(generator: LSTMGenerator, objective, max_grad_norm: float) -> GeneratorUpdate:
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    return GeneratorUpdate(generator, objective, optimizer, max_grad_norm)


def fresh_run() -> Run:
    return Run({}, RandomStreams(0, names=("sampling",)))


def test_the_second_bias_of_torch_stays_as_it_is(generator: LSTMGenerator):
    names = [
        name for name, p in plain_generator(generator).named_parameters() if not p.requires_grad
    ]
    assert names == [f"lstm.bias_hh_l{layer}" for layer in range(generator.num_layers)]
    assert isinstance(plain_generator(generator).lstm, nn.LSTM)
