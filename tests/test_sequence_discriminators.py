import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqgan.adversaries import DiscriminatorReward
from seqgan.discriminators import Discriminator
from seqgan.layers import attend
from seqgan.progress import Progress
from seqgan.sequence_discriminators import (
    PrefixDiscriminator,
    RNNDiscriminator,
    TransformerDiscriminator,
)
from seqgan.tokens import PAD, Alphabet, is_real
from test_discriminators import sentences
from test_rewards import two_kinds

ALPHABET = Alphabet(9, start=0, end=1, never_emitted=(0, 2))
CLOSE = {"atol": 1e-12, "rtol": 1e-12}
OWN = {
    "rnn": (RNNDiscriminator, {"hidden_dim": 3, "pooling": "last"}),
    "rnn-max": (RNNDiscriminator, {"hidden_dim": 3, "pooling": "max"}),
    "prefix": (PrefixDiscriminator, {"hidden_dim": 3}),
    "transformer": (
        TransformerDiscriminator,
        {"num_heads": 2, "num_layers": 2, "feedforward_dim": 6, "pooling": "mean"},
    ),
    "transformer-max": (
        TransformerDiscriminator,
        {"num_heads": 2, "num_layers": 2, "feedforward_dim": 6, "pooling": "max"},
    ),
}


def make(name: str, *, seed: int = 0, std: float = 0.7, **changes) -> Discriminator:
    kind, own = OWN[name]
    settings = {"alphabet": ALPHABET, "max_length": 6, "embedding_dim": 4, "dropout": 0.25, **own}
    rng = torch.Generator().manual_seed(seed)
    return kind(**settings | changes, std=std, rng=rng)


@pytest.fixture(params=list(OWN))
def network(request: pytest.FixtureRequest) -> Discriminator:
    return make(request.param).double()


# --- what all of them promise ---------------------------------------------------------------------


def test_padding_is_never_read(network, rng):
    tokens = sentences(rng, 14)
    whole = network(tokens)
    for row, logit in zip(tokens, whole, strict=True):
        alone = row[row != PAD][None]
        torch.testing.assert_close(network(alone)[0], logit, **CLOSE)
    embedded = network.embed(tokens)
    assert not embedded[~is_real(tokens)].any()
    noisy = torch.where(is_real(tokens)[..., None], embedded, 7.0)
    torch.testing.assert_close(
        network.classify(network.features(noisy, is_real(tokens))), whole, **CLOSE
    )


def test_every_token_and_its_place_count(network, rng):
    tokens = torch.tensor([[3, 4, 5, 6, 7, 8]])
    for t in range(5):
        swapped = tokens.clone()
        swapped[0, [t, t + 1]] = tokens[0, [t + 1, t]]
        assert not torch.allclose(network(swapped), network(tokens), atol=1e-9)


def test_sentences_are_judged_one_by_one_and_many_as_few(network, rng, monkeypatch):
    tokens = sentences(rng, 14)
    whole = network(tokens)
    order = torch.randperm(14, generator=rng)
    torch.testing.assert_close(network(tokens[order]), whole[order], **CLOSE)
    monkeypatch.setattr("seqgan.discriminators.SCORING_TOKENS", 12)
    judged = network.judge(tokens)
    assert not judged.requires_grad
    torch.testing.assert_close(judged, whole.detach(), **CLOSE)


def test_certain_mixtures_are_tokens_and_mixtures_have_a_gradient(network, rng):
    tokens = sentences(rng)
    shares = F.one_hot(tokens.clamp(min=0), 9).double().requires_grad_()
    real = is_real(tokens)
    embedded = shares @ network.embedding_table() * real[..., None]
    logits = network.classify(network.features(embedded, real))
    torch.testing.assert_close(logits, network(tokens), **CLOSE)
    (slopes,) = torch.autograd.grad(logits.sum(), shares)
    assert (slopes[~real] == 0).all()
    if "max" not in str(getattr(network, "pooling", "")):
        assert (slopes[real].abs().sum(dim=1) > 0).all()


def test_dropout_happens_in_calls_with_noise_alone(network, rng):
    tokens = sentences(rng)
    features = network.features(network.embed(tokens), is_real(tokens))
    noise = network.noise(len(tokens), rng).double()
    assert noise.shape == features.shape
    kept = features * (noise >= 0.25) / 0.75
    expected = kept @ network.output_weights + network.output_bias
    torch.testing.assert_close(network(tokens, noise), expected, **CLOSE)
    plain = features @ network.output_weights + network.output_bias
    torch.testing.assert_close(network(tokens), plain, **CLOSE)
    assert not torch.allclose(expected, plain)


def test_without_dropout_there_is_no_noise(rng):
    for name in OWN:
        network = make(name, dropout=0.0)
        assert network.noise(5, rng).shape == (5, 0)
        tokens = sentences(rng)
        assert torch.equal(network(tokens, network.noise(12, rng)), network(tokens))


def test_weights_depend_on_the_stream_alone():
    for name in OWN:
        one, same, other = (make(name, seed=seed).state_dict() for seed in (1, 1, 2))
        assert all(torch.equal(value, same[key]) for key, value in one.items())
        assert any(not torch.equal(value, other[key]) for key, value in one.items())
        assert make(name).penalty() == 0


@pytest.mark.parametrize("name", list(OWN))
def test_each_learns_two_kinds_of_sentences_apart(name, rng):
    network = make(name, std=0.3, max_length=5, dropout=0.1)
    reward = DiscriminatorReward(network, learning_rate=0.02, batch_size=16, epochs=4)
    for _ in range(3):
        metrics = reward.fit(*two_kinds(128, rng), rng, Progress())
    assert metrics["discriminator_accuracy"] > 0.9
    real, fake = two_kinds(100, rng)
    assert reward.score(real).mean() > 0.8
    assert reward.score(fake).mean() < 0.2


# --- against other programs and by hand -----------------------------------------------------------


@pytest.mark.parametrize("pooling", ["last", "max"])
def test_the_recurrent_network_is_that_of_torch(pooling, rng):
    network = make("rnn", pooling=pooling).double()
    reference = nn.GRU(4, 3, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for suffix, layer in {"": network.rightward, "_reverse": network.leftward}.items():
            layer.biases.add_(torch.randn(2, 9, generator=rng))
            for name, weights in {
                "weight_ih_l0": layer.input_weights,
                "weight_hh_l0": layer.recurrent_weights,
                "bias_ih_l0": layer.biases[0],
                "bias_hh_l0": layer.biases[1],
            }.items():
                reference.get_parameter(name + suffix).copy_(weights)
    tokens = sentences(rng)
    lengths = is_real(tokens).sum(dim=1)
    packed = pack_padded_sequence(
        network.embed(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    states, last = reference(packed)
    states, _ = pad_packed_sequence(states, batch_first=True, padding_value=-torch.inf)
    expected = torch.cat([*last], dim=1) if pooling == "last" else states.amax(dim=1)
    found = network.features(network.embed(tokens), is_real(tokens))
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_the_transformer_equals_a_loop_over_sentences(pooling, rng):
    network = make("transformer", pooling=pooling).double()
    tokens, expected = sentences(rng), []
    for row in tokens:
        kept = row[row != PAD]
        features = (network.embedding[kept] + network.position_table[: len(kept)])[None]
        for layer in network.layers:
            features = layer.add_attended(features, attend(*layer.project(features)))
        features = F.layer_norm(features, (4,), network.last_gain, network.last_shift)[0]
        expected.append(features.mean(dim=0) if pooling == "mean" else features.amax(dim=0))
    found = network.features(network.embed(tokens), is_real(tokens))
    torch.testing.assert_close(found, torch.stack(expected), **CLOSE)


# --- prefixes -------------------------------------------------------------------------------------


def test_the_log_odds_of_a_prefix_are_those_of_it_as_a_sentence(rng):
    network, tokens = make("prefix").double(), sentences(rng)
    found = network.prefix_logits(tokens)
    for row, logits in zip(tokens, found, strict=True):
        for t in range(int(is_real(row).sum())):
            torch.testing.assert_close(network(row[None, : t + 1])[0], logits[t], **CLOSE)


def test_prefixes_are_learnt_as_often_as_sentences(rng):
    network, tokens = make("prefix").double(), sentences(rng)
    goals = torch.rand(12, generator=rng, dtype=torch.float64)
    noise = network.noise(12, rng).double()
    total, logits = network.loss(tokens, goals, noise)
    expected, whole = [], []
    for row, goal, uniforms in zip(tokens, goals, noise, strict=True):
        each = [network(row[None, : t + 1], uniforms[None])[0] for t in range(is_real(row).sum())]
        losses = [-goal * F.logsigmoid(logit) - (1 - goal) * F.logsigmoid(-logit) for logit in each]
        expected.append(torch.stack(losses).mean())
        whole.append(each[-1])
    torch.testing.assert_close(total, torch.stack(expected).sum(), **CLOSE)
    torch.testing.assert_close(logits, torch.stack(whole), **CLOSE)


def test_nobody_judges_a_condition(rng):
    alphabet = Alphabet(9, start=0, end=1, never_emitted=(0, 2), separator=2)
    network = make("prefix", alphabet=alphabet).double()
    tokens = torch.tensor([[4, 2, 5, 1, PAD, PAD], [2, 4, 5, 6, 7, 1]])
    logits, goals = network.prefix_logits(tokens), torch.tensor([1.0, 0.0]).double()
    total, _ = network.loss(tokens, goals, torch.ones(2, 3).double())
    torch.testing.assert_close(
        total * 1.0,
        -F.logsigmoid(_dropped(network, tokens)[0, 2:4]).mean()
        - F.logsigmoid(-_dropped(network, tokens)[1, 1:]).mean(),
        **CLOSE,
    )
    assert logits.shape == (2, 6)


def _dropped(network: Discriminator, tokens: Tensor) -> Tensor:
    """Return log-odds of prefixes with all features kept, and raised as dropout does."""
    bias = network.output_bias
    return (network.prefix_logits(tokens) - bias) / 0.75 + bias


def test_networks_that_read_whole_sentences_have_no_word_on_prefixes(rng):
    for name in ("rnn", "transformer"):
        with pytest.raises(TypeError, match="Discriminator judges whole sentences alone"):
            make(name).prefix_logits(sentences(rng))
