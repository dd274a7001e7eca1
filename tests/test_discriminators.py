import pytest
import torch
import torch.nn.functional as F

import slow_twins
from seqgan import discriminators, windows
from seqgan.discriminators import CNNDiscriminator
from seqgan.tokens import PAD, Alphabet

PAPER_WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
PAPER_FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


def make_network(rng: torch.Generator, *, dropout: float = 0.25, **changes) -> CNNDiscriminator:
    settings = {
        "alphabet": Alphabet(9, start=0, end=1, never_emitted=(0, 2)),
        "max_length": 6,
        "embedding_dim": 3,
        "widths": (1, 2, 4, 6),
        "num_filters": (3, 4, 2, 5),
        "l2": 0.2,
    }
    return CNNDiscriminator(**settings | changes, dropout=dropout, rng=rng)


@pytest.fixture(scope="module")
def paper_network() -> CNNDiscriminator:
    return CNNDiscriminator(
        alphabet=Alphabet(5000),
        max_length=20,
        embedding_dim=64,
        widths=PAPER_WIDTHS,
        num_filters=PAPER_FILTERS,
        dropout=0.25,
        l2=0.2,
        rng=torch.Generator().manual_seed(0),
    )


def sentences(rng: torch.Generator, count: int = 12) -> torch.Tensor:
    """Return sentences of every length, some of which fill the row."""
    tokens = torch.randint(3, 9, (count, 6), generator=rng)
    for i in range(count):
        if (length := 1 + i % 7) < 7:
            tokens[i, length - 1] = 1
            tokens[i, length:] = PAD
    return tokens


def test_the_network_equals_nested_loops(rng: torch.Generator):
    network, tokens = make_network(rng), sentences(rng)
    with torch.no_grad():
        for weights in network.parameters():  # larger, so that ReLU and the gate both act
            weights.mul_(3).add_(torch.randn(weights.shape, generator=rng) * 0.3)
    expected = [slow_twins.cnn_log_odds(network, row) for row in tokens.tolist()]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(network.double()(tokens), expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("table_elements", [0, 9 * 2 * 4, 2**28])
def test_many_sentences_are_judged_as_few_are(rng, monkeypatch, table_elements: int):
    """By tables, by windows, and by the one for some widths and the other for the rest."""
    network, tokens = make_network(rng).double(), sentences(rng, count=70)
    monkeypatch.setattr(windows, "TABLE_ELEMENTS", table_elements)
    expected = network(tokens).detach()
    for rows in (1, 7, 1000):
        monkeypatch.setattr(discriminators, "SCORING_ELEMENTS", 14 * rows)
        monkeypatch.setattr(discriminators, "SCORING_TOKENS", 6 * rows)
        found = network.judge(tokens)
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)
        assert not found.requires_grad


def test_the_log_odds_are_those_of_the_two_class_softmax(
    rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
):
    network, tokens = make_network(rng).double(), sentences(rng)
    linear, outputs = F.linear, []

    def record(*arguments: torch.Tensor) -> torch.Tensor:
        outputs.append(linear(*arguments))
        return outputs[-1]

    monkeypatch.setattr(F, "linear", record)
    log_odds = network(tokens)
    shares = outputs[-1].softmax(dim=1)  # the classifier is the last layer
    assert shares.shape == (12, 2)
    torch.testing.assert_close(log_odds.sigmoid(), shares[:, 1], atol=1e-12, rtol=1e-12)


def test_the_number_of_parameters_at_the_size_of_the_paper(paper_network: CNNDiscriminator):
    # 64 * sum(width * filters) = 64 * 12,500; 1,720 features in all.
    by_hand = 320_000 + 800_000 + 1_720 + 2 * (1_720 * 1_720 + 1_720) + (2 * 1_720 + 2)
    assert by_hand == 7_045_402
    assert sum(p.numel() for p in paper_network.parameters()) == by_hand


def test_initial_weights_follow_the_released_code(paper_network: CNNDiscriminator):
    glorot = (6 / (1720 + 1720)) ** 0.5
    limits = {
        "embedding": (1.0, 3**-0.5),
        "highway_weights": (glorot, glorot * 3**-0.5),
        "highway_bias": (glorot, glorot * 3**-0.5),
        "gate_weights": (glorot, glorot * 3**-0.5),
        "gate_bias": (glorot, glorot * 3**-0.5),
    }
    truncated = 0.2, 0.08796  # deviation of a normal of 0.1 that is cut at 0.2
    for name, weights in paper_network.named_parameters():
        if name in ("output_bias",) or name.startswith("filter_biases"):
            assert (weights == 0.1).all(), name
            continue
        limit, deviation = limits.get(name, truncated)
        count = weights.numel()
        assert weights.abs().max() <= limit, name
        assert weights.abs().max() > 0.95 * limit, name
        assert abs(weights.std() - deviation) < 5 * deviation / (2 * count) ** 0.5, name
        assert abs(weights.mean()) < 5 * deviation / count**0.5, name


def test_the_penalty_is_half_the_squares_of_the_classifier(rng: torch.Generator):
    network = make_network(rng, l2=0.5)
    with torch.no_grad():
        network.output_weights.fill_(0.0)[0, 0] = 3.0
        network.output_bias.copy_(torch.tensor([1.0, -2.0]))
    assert network.penalty().item() == pytest.approx(0.5 * (9 + 1 + 4) / 2)
    network.penalty().backward()
    touched = {name for name, p in network.named_parameters() if p.grad is not None}
    assert touched == {"output_weights", "output_bias"}


def test_without_a_stream_nothing_is_dropped(rng: torch.Generator):
    network, tokens = make_network(rng, dropout=0.9), sentences(rng)
    network.train()
    before = torch.get_rng_state()
    assert torch.equal(network(tokens), network(tokens))
    assert torch.equal(network(tokens), make_copy(network, dropout=0.0)(tokens))
    assert torch.equal(torch.get_rng_state(), before)


def make_copy(network: CNNDiscriminator, *, dropout: float) -> CNNDiscriminator:
    copy = make_network(torch.Generator(), dropout=dropout)
    copy.load_state_dict(network.state_dict())
    return copy


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.75])
def test_the_rate_and_scale_of_dropout(rate: float, rng: torch.Generator):
    network = make_network(rng, dropout=rate, widths=(1,), num_filters=(400,))
    with torch.no_grad():
        network.output_weights.zero_()[1] = 1.0  # the log-odds are now the sum of the features
        network.output_bias.zero_()
        network.filters[0].zero_()
        network.filter_biases[0].fill_(1.0)
        network.gate_bias.fill_(-100.0)  # closed: every feature is carried through, as 1
        network.gate_weights.zero_()
    tokens = sentences(rng, 100)
    assert torch.equal(network(tokens), torch.full((100,), 400.0))
    kept = network(tokens, network.noise(len(tokens), rng)) * (1 - rate)
    torch.testing.assert_close(kept, kept.round())  # each feature is dropped or scaled
    share, count = kept.sum() / 40_000, 40_000
    assert abs(share - (1 - rate)) < 5 * (rate * (1 - rate) / count) ** 0.5
    assert kept.unique().numel() > 10  # every sentence has a mask of its own


def test_the_stream_decides_what_is_dropped(rng: torch.Generator):
    network, tokens = make_network(rng, dropout=0.5), sentences(rng)
    first, again, other = (
        network(tokens, network.noise(len(tokens), torch.Generator().manual_seed(seed)))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_filter_wider_than_the_sentences_is_refused(rng: torch.Generator):
    message = "^a filter must not be wider than a sentence, but 6 is wider than 5 tokens$"
    with pytest.raises(ValueError, match=message):
        make_network(rng, max_length=5)


def test_padding_embeds_to_zero(rng: torch.Generator):
    network = make_network(rng)
    tokens = torch.tensor([[3, 1, PAD, PAD, PAD, PAD]])
    before = network(tokens)
    with torch.no_grad():
        network.embedding[0] += 100.0  # id 0, which padding is clamped to
    assert torch.equal(network(tokens), before)
    network(tokens).sum().backward()
    seen = network.embedding.grad.abs().sum(dim=1) > 0
    assert seen.nonzero().flatten().tolist() == [1, 3]
