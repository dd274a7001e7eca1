import pytest
import torch

from conftest import make_generator
from seqgan import decoding
from seqgan.decoding import log_prob, sample_sentences
from seqgan.losses import weighted_nll
from seqgan.tokens import PAD, Alphabet


@pytest.mark.parametrize("elements", [1, 40, 2**20])
def test_the_loss_and_its_gradient_are_those_of_the_log_probabilities(
    small_world: Alphabet, rng, monkeypatch, elements: int
):
    generator = make_generator(small_world, hidden=3)
    tokens = sample_sentences(generator, 9, 5, rng)
    scale = torch.randn(9, 5, generator=rng, dtype=torch.float64)
    naive = -(log_prob(generator, tokens) * scale).sum()
    monkeypatch.setitem(decoding.CHUNK_ELEMENTS, "cpu", elements)
    loss = weighted_nll(generator, tokens, scale)
    torch.testing.assert_close(loss, naive, atol=1e-12, rtol=1e-12)
    parameters = list(generator.parameters())
    mine = torch.autograd.grad(3 * loss, parameters)
    theirs = torch.autograd.grad(3 * naive, parameters)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-10)


def test_no_gradient_is_made_where_none_is_wanted(small_world: Alphabet, rng):
    generator = make_generator(small_world)
    tokens = sample_sentences(generator, 4, 5, rng)
    with torch.no_grad():
        loss = weighted_nll(generator, tokens, torch.ones(4, 5).double())
    assert not loss.requires_grad
    torch.testing.assert_close(loss, -log_prob(generator, tokens).sum().detach())


def test_extreme_logits_neither_overflow_nor_vanish(small_world: Alphabet):
    generator = make_generator(small_world)
    with torch.no_grad():
        generator.output_weights.zero_()
        generator.output_bias.copy_(torch.linspace(-1e6, 1e6, small_world.vocab_size))
    tokens = torch.full((1, 1), small_world.vocab_size - 1)
    loss = weighted_nll(generator, tokens, torch.ones(1, 1).double())
    assert loss.item() == 0
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, generator.parameters()))


# --- entropy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("elements", [1, 40, 2**20])
def test_the_bonus_is_the_entropy_of_what_every_chosen_token_is_drawn_from(
    alphabet: Alphabet, elements: int, monkeypatch, rng
):
    monkeypatch.setitem(decoding.CHUNK_ELEMENTS, "cpu", elements)
    generator = make_generator(alphabet)
    tokens = sample_sentences(generator, 5, 4, rng)
    scale = torch.rand(5, 4, generator=rng, dtype=torch.float64) - 0.5
    logits = generator(tokens)
    emitted = logits[..., logits[0, 0].isfinite()]
    entropy = -(emitted.softmax(dim=2) * emitted.log_softmax(dim=2)).sum(dim=2)
    real = tokens != PAD
    scored = logits.log_softmax(dim=2).gather(2, tokens.clamp(min=0)[..., None])[..., 0]
    naive = -torch.where(real, scored * scale + 0.3 * entropy, 0.0).sum()
    found = weighted_nll(generator, tokens, scale, entropy_bonus=0.3)
    torch.testing.assert_close(found, naive, atol=1e-9, rtol=1e-9)
    for mine, theirs in zip(
        torch.autograd.grad(found, list(generator.parameters())),
        torch.autograd.grad(naive, list(generator.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=1e-7)
