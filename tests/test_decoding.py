import math

import pytest
import torch
from scipy.stats import chisquare

import slow_twins
from conftest import ALPHABETS, make_generator
from seqgan import decoding
from seqgan.decoding import (
    Projection,
    draw,
    end_of_sentence,
    invert_cdf,
    log_prob,
    roll_out,
    sample,
    sample_sentences,
    score,
    truncate,
)
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import PAD, Alphabet, check_tokens, is_real

LARGEST_UNIFORM = 1 - 2**-24


# --- log-probabilities ----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_prob_equals_its_twin(generator: LSTMGenerator, rng, temperature: float):
    tokens = sample_sentences(generator, 12, 5, rng)
    expected = slow_twins.log_prob(generator, tokens, temperature)
    torch.testing.assert_close(
        log_prob(generator, tokens, temperature), expected, atol=1e-10, rtol=1e-10
    )


def test_probabilities_of_all_sentences_sum_to_one(generator: LSTMGenerator):
    sentences = slow_twins.all_sentences(generator.alphabet, 3)
    total = score(generator, sentences).sum(dim=1).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-12)


def test_padding_counts_nothing_whatever_its_length():
    generator = make_generator(ALPHABETS["text"])
    tokens = torch.tensor([[3, 4, 1, PAD], [1, PAD, PAD, PAD], [5, 6, 7, 1]])
    longer = torch.nn.functional.pad(tokens, (0, 5), value=PAD)
    short, long = log_prob(generator, tokens), log_prob(generator, longer)
    torch.testing.assert_close(short, long[:, :4], atol=1e-12, rtol=1e-12)
    assert (long[~is_real(longer)] == 0).all()
    assert (short[is_real(tokens)] < 0).all()


def test_padding_has_no_gradient():
    generator = make_generator(ALPHABETS["text"])

    def gradient(tokens: list[int]) -> list[torch.Tensor]:
        generator.zero_grad()
        log_prob(generator, torch.tensor([tokens])).sum().backward()
        return [p.grad.clone() for p in generator.parameters()]

    for mine, theirs in zip(gradient([3, 1]), gradient([3, 1, PAD, PAD]), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-14, rtol=1e-12)


@pytest.mark.parametrize("elements", [1, 10, 2**20])
def test_score_is_log_prob_in_chunks(generator: LSTMGenerator, rng, monkeypatch, elements: int):
    tokens = sample_sentences(generator, 23, 5, rng)
    monkeypatch.setitem(decoding.CHUNK_ELEMENTS, "cpu", elements)
    scores = score(generator, tokens, 0.9)
    torch.testing.assert_close(scores, log_prob(generator, tokens, 0.9), atol=1e-12, rtol=1e-12)
    assert not scores.requires_grad


# --- the inverse of the cumulative distribution ---------------------------------------------------


def weights_of_all_kinds(vocab: int, rng: torch.Generator) -> torch.Tensor:
    """Return 60 rows: even, steep, sparse, and with all weight at one end."""
    rows = torch.rand(60, vocab, generator=rng)
    rows[10:20] = torch.randn(10, vocab, generator=rng).mul(6).exp()
    rows[20:30] *= torch.rand(10, vocab, generator=rng) < 0.1
    rows[30:40, : vocab // 2] = 0
    rows[40:50, (vocab + 1) // 2 :] = 0
    rows[50:, :] = 0
    rows[torch.arange(50, 60), torch.randint(vocab, (10,), generator=rng)] = 1e-30
    empty = rows.sum(dim=1) == 0
    rows[empty, vocab - 1] = 1.0
    return rows


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("vocab", [1, 5, 63, 64, 65, 200, 1024])
def test_invert_cdf_equals_its_twin(vocab: int, dtype: torch.dtype, rng: torch.Generator):
    weights = weights_of_all_kinds(vocab, rng).to(dtype)
    for uniforms in (
        torch.zeros(60),
        torch.full((60,), LARGEST_UNIFORM),
        *torch.rand(4, 60, generator=rng),
    ):
        found = invert_cdf(weights, uniforms)
        for row, u, category in zip(weights, uniforms, found.tolist(), strict=True):
            assert row[category] > 0
            expected = slow_twins.inverse_cdf(row, u.item())
            if category != expected:  # the same edge, but for the rounding of float32
                low, high = sorted((category, expected))
                shares = row.double().cumsum(0) / row.double().sum()
                assert dtype == torch.float32
                assert (shares[low:high] - u.item()).abs().max() < 1e-6


def test_invert_cdf_at_the_edges_of_shares():
    weights = torch.tensor([[0.0, 0.25, 0.0, 0.25, 0.5, 0.0]])
    for uniform, expected in [
        (0.0, 1),
        (0.25 - 2**-25, 1),
        (0.25, 3),
        (0.5 - 2**-25, 3),
        (0.5, 4),
        (LARGEST_UNIFORM, 4),
    ]:
        assert invert_cdf(weights, torch.tensor([uniform])).tolist() == [expected]


def test_a_uniform_that_rounds_to_one_returns_a_category_with_weight():
    weights = torch.zeros(1, 130)
    weights[0, [3, 70, 100]] = torch.tensor([1.0, 1e-12, 0.3])
    assert invert_cdf(weights, torch.ones(1)).tolist() == [100]


@pytest.mark.parametrize("vocab", [5, 64, 130])
def test_weights_that_are_nan_give_some_id_of_the_vocabulary(vocab: int):
    """So that the loss, and not an index out of range, tells of them."""
    drawn = invert_cdf(torch.full((3, vocab), torch.nan), torch.tensor([0.0, 0.5, 1.0]))
    assert ((drawn >= 0) & (drawn < vocab)).all()


@pytest.mark.parametrize("scale", [2.0**-100, 1.0, 2.0**100])
def test_weights_need_no_normalisation(scale: float, rng: torch.Generator):
    weights, uniforms = torch.rand(50, 100, generator=rng), torch.rand(50, generator=rng)
    assert torch.equal(invert_cdf(weights * scale, uniforms), invert_cdf(weights, uniforms))


def test_float32_keeps_the_far_tail(rng: torch.Generator):
    """Half the weight on one id, the rest spread over 20,000 that must all keep their share."""
    vocab = 20_001
    weights = torch.full((1, vocab), 0.5 / 20_000)
    weights[0, 0] = 0.5
    uniforms = 0.5 + torch.arange(2**12) / 2**13
    found = invert_cdf(weights.expand(2**12, vocab), uniforms)
    expected = 1 + ((uniforms.double() - 0.5) * 40_000).floor()
    assert (found - expected).abs().max() <= 1


# --- sampling -------------------------------------------------------------------------------------


def fixed_logits(logits: list[float]) -> LSTMGenerator:
    """Return a generator whose every token has the same distribution."""
    generator = make_generator(Alphabet(len(logits)))
    with torch.no_grad():
        generator.output_weights.zero_()
        generator.output_bias.copy_(torch.tensor(logits))
    return generator


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_frequencies_follow_the_softmax(temperature: float, rng: torch.Generator):
    logits = [0.0, 2.0, -3.0, 1.0, -6.0, 0.5, -1.0]
    generator, count = fixed_logits(logits), 200_000
    features = torch.zeros(count, 5).double()
    drawn = draw(Projection(generator, temperature), features, torch.rand(count, generator=rng))
    observed = drawn.bincount(minlength=7).double()
    expected = (torch.tensor(logits).double() / temperature).softmax(dim=0) * count
    likely = expected > 5
    assert likely.sum() >= 6
    kept, rest = observed[likely], observed[~likely].sum()
    assert rest < expected[~likely].sum() + 10
    assert chisquare(kept, expected[likely] * kept.sum() / expected[likely].sum()).pvalue > 1e-4


def test_the_tail_has_its_share(rng: torch.Generator):
    """5,000 rare ids share a thousandth: each is drawn about as often as it should."""
    logits = [0.0] + [math.log(0.001 / 0.999 / 5000)] * 5000
    generator, count = fixed_logits(logits).float(), 400_000
    uniforms = torch.rand(count, generator=rng)
    drawn = torch.cat(
        [
            draw(Projection(generator), torch.zeros(len(u), 5), u)
            for u in uniforms[uniforms > 0.998].split(512)
        ]
    )
    tail = drawn[drawn > 0]
    assert abs(len(tail) - count * 0.001) < 5 * (count * 0.001) ** 0.5
    quarters = ((tail - 1) // 1250).bincount(minlength=4)
    assert chisquare(quarters.numpy()).pvalue > 1e-4


def test_never_emitted_ids_are_never_drawn(rng: torch.Generator):
    alphabet = Alphabet(70, start=0, end=1, never_emitted=(0, 2, 69))
    generator = make_generator(alphabet).float()
    with torch.no_grad():
        generator.output_bias[[0, 2, 69]] = 50.0
    uniforms = torch.cat([torch.zeros(1), torch.linspace(0, 1, 5000)[:-1], torch.ones(1)])
    uniforms[-2] = LARGEST_UNIFORM
    drawn = draw(Projection(generator), torch.randn(len(uniforms), 5, generator=rng), uniforms)
    assert not torch.isin(drawn, torch.tensor([0, 2, 69])).any()
    check_tokens(sample(generator, uniforms[:5000].view(1000, 5)), alphabet)


def test_low_temperature_is_the_most_likely_token(generator: LSTMGenerator, rng):
    tokens = sample(generator, torch.rand(10, 4, generator=rng), temperature=1e-4)
    best = generator(tokens).argmax(dim=-1)
    assert torch.equal(tokens, torch.where(is_real(tokens), best, PAD))


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_samples_equal_those_of_the_twin(generator: LSTMGenerator, rng, temperature: float):
    uniforms = torch.rand(40, 6, generator=rng)
    expected = slow_twins.sample(generator, uniforms, temperature)
    assert torch.equal(sample(generator, uniforms, temperature=temperature), expected)


@pytest.mark.parametrize("elements", [1, 20, 64])
def test_samples_do_not_depend_on_chunks(generator: LSTMGenerator, rng, monkeypatch, elements):
    uniforms = torch.rand(50, 5, generator=rng)
    expected = sample(generator, uniforms)
    monkeypatch.setitem(decoding.CHUNK_ELEMENTS, "cpu", elements)
    assert torch.equal(sample(generator, uniforms), expected)


def test_samples_do_not_depend_on_how_a_batch_is_split(generator: LSTMGenerator, rng):
    uniforms = torch.rand(50, 5, generator=rng)
    expected = sample(generator, uniforms)
    for rows in (1, 7, 49):
        parts = [sample(generator, some) for some in uniforms.split(rows)]
        assert torch.equal(torch.cat(parts), expected)
    backwards = sample(generator, uniforms.flip(0)).flip(0)
    assert torch.equal(backwards, expected)


def test_a_token_depends_on_no_later_uniform(generator: LSTMGenerator, rng):
    uniforms = torch.rand(30, 5, generator=rng)
    expected = sample(generator, uniforms)
    changed = uniforms.clone()
    changed[:, 3:] = torch.rand(30, 2, generator=rng)
    assert torch.equal(sample(generator, changed)[:, :3], expected[:, :3])
    assert torch.equal(sample(generator, uniforms[:, :3]), expected[:, :3])


def test_a_start_token_that_also_ends_sentences_does_not_end_them_at_once(rng):
    generator = make_generator(Alphabet(5, start=1, end=1))
    tokens = sample_sentences(generator, 50, 4, rng)
    assert is_real(tokens[:, 0]).all()
    check_tokens(tokens, generator.alphabet)


def test_what_follows_the_end_is_padding():
    alphabet = Alphabet(6, start=0, end=1)
    drawn, previous = torch.tensor([4, 4, 4, 1]), torch.tensor([3, 1, PAD, 3])
    assert end_of_sentence(drawn, previous, alphabet).tolist() == [4, PAD, PAD, 1]
    assert end_of_sentence(drawn, previous, Alphabet(6)).tolist() == [4, 4, 4, 1]


def test_fresh_sentences_come_from_the_stream_alone(generator: LSTMGenerator):
    first, again, other = (
        sample_sentences(generator, 20, 5, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- rollouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [2, 3, 6])
def test_rollouts_equal_nested_loops(generator: LSTMGenerator, rng, length: int):
    tokens = sample_sentences(generator, 6, length, rng)
    uniforms = torch.rand(length - 1, 6, 3, length, generator=rng)
    expected = slow_twins.roll_out(generator, tokens, uniforms)
    assert torch.equal(roll_out(generator, tokens, uniforms), expected)


def test_rollouts_keep_their_prefix_and_honour_the_contract(generator: LSTMGenerator, rng):
    tokens = sample_sentences(generator, 40, 6, rng)
    before = tokens.clone()
    completed = roll_out(generator, tokens, torch.rand(5, 40, 4, 6, generator=rng))
    for kept in range(5):
        for k in range(4):
            assert torch.equal(completed[kept, :, k, : kept + 1], tokens[:, : kept + 1])
    check_tokens(completed.flatten(0, 2), generator.alphabet)
    assert torch.equal(tokens, before)
    if generator.alphabet.end is not None:
        ended = (tokens[:, :2] == generator.alphabet.end).any(dim=1)
        assert ended.any()
        assert (completed[1:, ended] == tokens[ended][None, :, None]).all()


@pytest.mark.parametrize("elements", [1, 30])
def test_rollouts_do_not_depend_on_chunks(generator: LSTMGenerator, rng, monkeypatch, elements):
    tokens = sample_sentences(generator, 10, 5, rng)
    uniforms = torch.rand(4, 10, 3, 5, generator=rng)
    expected = roll_out(generator, tokens, uniforms)
    monkeypatch.setitem(decoding.CHUNK_ELEMENTS, "cpu", elements)
    assert torch.equal(roll_out(generator, tokens, uniforms), expected)
    some = roll_out(generator, tokens[3:7], uniforms[:, 3:7])
    assert torch.equal(some, expected[:, 3:7])


def test_a_sentence_of_one_token_has_no_proper_prefix(generator: LSTMGenerator, rng):
    tokens = sample_sentences(generator, 3, 1, rng)
    assert roll_out(generator, tokens, torch.rand(0, 3, 2, 1)).shape == (0, 3, 2, 1)


# --- sizes ----------------------------------------------------------------------------------------


def test_a_member_of_a_team_may_have_no_sentence(generator: LSTMGenerator):
    none = torch.zeros(0, 5).long()
    assert sample(generator, torch.rand(0, 5)).shape == (0, 5)
    assert roll_out(generator, none, torch.rand(4, 0, 2, 5)).shape == (4, 0, 2, 5)
    assert log_prob(generator, none).shape == score(generator, none).shape == (0, 5)


@pytest.mark.parametrize("size", [1.0, 1e3])
def test_large_logits_are_shifted_and_small_ones_need_not_be(
    generator: LSTMGenerator, rng, size: float
):
    """In float32, where powers of two end at 127."""
    generator.float()
    with torch.no_grad():
        generator.output_weights.mul_(size)
    uniforms = torch.rand(40, 5, generator=rng)
    found = sample(generator, uniforms)
    check_tokens(found, generator.alphabet)
    assert torch.equal(found, slow_twins.sample(generator, uniforms))


# --- truncated sampling ---------------------------------------------------------------------------


def kept_by_twin(weights: torch.Tensor, top_k: int | None, top_p: float | None) -> list[int]:
    """Return the tokens of one row that are sampled, by their definitions."""
    order = sorted(range(len(weights)), key=lambda token: -weights[token].item())
    if top_k is not None:
        order = order[:top_k]
    if top_p is not None:
        total, reached = sum(weights[token].item() for token in order), 0.0
        for count, token in enumerate(order, 1):
            reached += weights[token].item() / total
            if reached >= top_p:
                order = order[:count]
                break
    return sorted(order)


@pytest.mark.parametrize("top_k", [None, 1, 3, 7, 100])
@pytest.mark.parametrize("top_p", [None, 0.01, 0.5, 0.9, 0.999])
def test_truncation_keeps_the_tokens_of_its_definition(rng, top_k, top_p):
    weights = torch.rand(50, 7, generator=rng, dtype=torch.float64) ** 3
    found = truncate(weights, top_k, top_p)
    for row, original in zip(found, weights, strict=True):
        kept = row.nonzero()[:, 0].tolist()
        assert kept == kept_by_twin(original, top_k, top_p)
        assert torch.equal(row[kept], original[kept])


def test_tokens_that_are_equally_likely_stay_together():
    weights = torch.tensor([[4.0, 2.0, 2.0, 1.0]])
    assert truncate(weights, 2, None).tolist() == [[4, 2, 2, 0]]
    assert truncate(weights, None, 0.5).tolist() == [[4, 2, 2, 0]]
    assert truncate(weights, None, 0.4).tolist() == [[4, 0, 0, 0]]


def test_truncated_samples_hold_no_other_token(rng):
    generator = make_generator(ALPHABETS["text"])
    greedy = sample_sentences(generator, 40, 5, rng, top_k=1)
    assert (greedy == greedy[0]).all()
    likeliest = generator(greedy[:1]).argmax(dim=-1)
    real = is_real(greedy[:1])
    assert torch.equal(greedy[:1][real], likeliest[real])
    wide = sample_sentences(generator, 400, 5, rng, top_p=0.9)
    check_tokens(wide, generator.alphabet)
    first = generator(wide[:1]).softmax(dim=-1)[0, 0]
    assert set(wide[:, 0].tolist()) == set(kept_by_twin(first, None, 0.9))


def test_many_samples_are_those_of_one_stream(monkeypatch):
    generator = make_generator(ALPHABETS["oracle"])
    expected = sample_sentences(generator, 50, 4, torch.Generator().manual_seed(5))
    monkeypatch.setattr(decoding, "SAMPLED_AT_ONCE", 7)
    found = sample_sentences(generator, 50, 4, torch.Generator().manual_seed(5))
    assert torch.equal(found, expected)
    assert sample_sentences(generator, 0, 4, torch.Generator()).shape == (0, 4)
