import pytest
import torch
import torch.nn.functional as F
from torch import nn

from conftest import make_generator, make_transformer
from seqgan.decoding import log_prob, sample_sentences
from seqgan.layers import TransformerLayer, attend, drawing, drop, rotated
from seqgan.objectives import MaximumLikelihood
from seqgan.tokens import Alphabet
from seqgan.transformer import TransformerGenerator, TransformerState

CLOSE = {"atol": 1e-12, "rtol": 1e-12}


def transformer(**more) -> TransformerGenerator:
    return make_generator(Alphabet(7), kind=make_transformer, **more)


# --- layers ---------------------------------------------------------------------------------------


def test_attention_is_that_of_torch(rng):
    queries, keys, values = torch.randn(3, 2, 3, 5, 4, generator=rng, dtype=torch.float64)
    seen = torch.ones(5, 5).tril().bool()
    expected = F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
    found = attend(queries, keys, values, ~seen)
    torch.testing.assert_close(found, expected.transpose(1, 2).flatten(2), **CLOSE)
    whole = F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attend(queries, keys, values), whole, **CLOSE)


def test_a_layer_is_that_of_torch(rng):
    layer = TransformerLayer(6, 3, 10, drawing(0.5, rng)).double()
    reference = nn.TransformerEncoderLayer(
        6, 3, 10, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    with torch.no_grad():
        for name, weights in layer.named_parameters():
            if "weights" not in name:  # so that gains, shifts and biases have a part in it
                weights.add_(torch.randn(weights.shape, generator=rng, dtype=torch.float64) / 3)
        attention = reference.self_attn
        for theirs, mine in {
            attention.in_proj_weight: layer.input_weights,
            attention.in_proj_bias: layer.input_bias,
            attention.out_proj.weight: layer.output_weights,
            attention.out_proj.bias: layer.output_bias,
            reference.linear1.weight: layer.inner_weights,
            reference.linear1.bias: layer.inner_bias,
            reference.linear2.weight: layer.outer_weights,
            reference.linear2.bias: layer.outer_bias,
            reference.norm1.weight: layer.gains[0],
            reference.norm1.bias: layer.shifts[0],
            reference.norm2.weight: layer.gains[1],
            reference.norm2.bias: layer.shifts[1],
        }.items():
            theirs.copy_(mine)
    features = torch.randn(2, 5, 6, generator=rng, dtype=torch.float64)
    later = torch.ones(5, 5).triu(1).bool()
    expected = reference(features, src_mask=later)
    found = layer.add_attended(features, attend(*layer.project(features), later))
    torch.testing.assert_close(found, expected, **CLOSE)


def test_rotary_positions_turn_pairs_by_angles_and_products_know_the_distance_alone(rng):
    one, other = torch.randn(2, 1, 1, 1, 6, generator=rng, dtype=torch.float64)

    def product(here: int, there: int) -> float:
        places = torch.tensor([here]), torch.tensor([there])
        return (rotated(one, places[0]) * rotated(other, places[1])).sum().item()

    assert product(3, 5) == pytest.approx(product(10, 12), abs=1e-12)
    assert product(3, 5) != pytest.approx(product(3, 6), abs=1e-3)
    assert torch.equal(rotated(one, torch.tensor([0])), one)
    turned = rotated(one, torch.tensor([2]))[0, 0, 0]
    for pair, angle in enumerate((2.0, 2 * 10_000 ** (-1 / 3), 2 * 10_000 ** (-2 / 3))):
        left, right = one[0, 0, 0, pair].item(), one[0, 0, 0, pair + 3].item()
        number = complex(left, right) * complex(
            torch.tensor(angle).double().cos(), torch.tensor(angle).double().sin()
        )
        assert turned[pair].item() == pytest.approx(number.real, abs=1e-7)
        assert turned[pair + 3].item() == pytest.approx(number.imag, abs=1e-7)


# --- the generator --------------------------------------------------------------------------------


def test_the_order_of_tokens_counts_with_either_kind_of_positions(rng):
    for positions in ("rotary", "learned"):
        generator = transformer(positions=positions, num_layers=2)
        one, other = torch.tensor([[3, 4, 5, 6]]), torch.tensor([[4, 3, 5, 6]])
        assert not torch.allclose(generator(one)[0, 3], generator(other)[0, 3])
        # Alone the attention of one layer would not tell: so far nothing but positions could.
        assert torch.equal(generator(one)[0, 0], generator(other)[0, 0])


def test_step_by_step_equals_the_whole_with_learned_positions(rng):
    generator = transformer(positions="learned", num_layers=2)
    assert generator.position_table is not None
    tokens = sample_sentences(generator, 5, 12, rng)
    state, previous, seen = generator.init_state(5), torch.zeros(5, dtype=torch.int64), []
    for t in range(12):
        features, state = generator.step(previous, state)
        seen.append(features)
        previous = tokens[:, t]
    torch.testing.assert_close(torch.stack(seen, dim=1), generator.encode(tokens), **CLOSE)
    with pytest.raises(ValueError, match="positions for 12 tokens, but a sentence has 13"):
        generator.step(previous, state)
    with pytest.raises(ValueError, match="positions for 12 tokens, but a sentence has 13"):
        generator.encode(torch.zeros(1, 13, dtype=torch.int64))


def test_heads_must_have_equal_and_even_parts():
    for heads in (3, 4):
        with pytest.raises(ValueError, match=rf"4 is no multiple of 2 · {heads}"):
            transformer(num_heads=heads)
    transformer(num_heads=1)


def test_a_state_holds_keys_and_values_of_every_position(rng):
    generator = transformer(num_layers=2)
    state = generator.init_state(3)
    for count in range(1, 4):
        _, state = generator.step(torch.tensor([3, 4, 5]), state)
        assert state.keys.shape == state.values.shape == (2, 3, 2, count, 2)
        held = state.keys[:, 0].numel() + state.values[:, 0].numel()
        assert held == generator.state_numbers(count)


def test_select_and_append_by_hand():
    keys = torch.arange(12.0).view(1, 3, 1, 2, 2)  # layers, batch, heads, past, head
    state = TransformerState(keys, -keys)
    chosen = state.select(torch.tensor([2, 0]))
    assert chosen.keys.flatten().tolist() == [8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0]
    assert torch.equal(chosen.values, -chosen.keys)
    longer = state.append(chosen)
    assert torch.equal(longer.keys, torch.cat([keys, chosen.keys], dim=1))
    assert torch.equal(longer.values, -longer.keys)


def test_dropout_acts_on_embeddings_and_on_what_each_layer_adds(rng):
    generator, plain = transformer(num_layers=2, dropout=0.5), transformer(num_layers=2)
    tokens = sample_sentences(generator, 4, 5, rng)
    assert torch.equal(generator.encode(tokens), plain.encode(tokens))
    assert plain.noise(4, 5, rng).shape == (4, 5, 0)
    noise = generator.noise(4, 5, rng).double()
    assert noise.shape == (4, 5, 5 * 4)
    inputs = torch.cat([torch.zeros(4, 1, dtype=torch.int64), tokens[:, :-1]], dim=1)
    first, *parts = noise.split([4, 8, 8], dim=2)
    features, later = drop(plain.embedding[inputs], first, 0.5), torch.ones(5, 5).triu(1).bool()
    for layer, uniforms in zip(plain.layers, parts, strict=True):
        queries, keys, values = layer.project(features)
        places = torch.arange(5)
        attended = attend(rotated(queries, places), rotated(keys, places), values, later)
        added = layer.add_attended(features, attended) - features
        mixed = F.linear(attended, layer.output_weights, layer.output_bias)
        assert not torch.allclose(added, mixed)
        features = features + drop(mixed, uniforms[..., :4], 0.5)
        normed = F.layer_norm(features, (4,), layer.gains[1], layer.shifts[1])
        inner = F.gelu(F.linear(normed, layer.inner_weights, layer.inner_bias))
        outer = F.linear(inner, layer.outer_weights, layer.outer_bias)
        features = features + drop(outer, uniforms[..., 4:], 0.5)
    expected = F.layer_norm(features, (4,), plain.last_gain, plain.last_shift)
    torch.testing.assert_close(generator.encode(tokens, noise), expected, **CLOSE)


def test_likelihood_learns_under_dropout_and_from_its_stream_alone(rng):
    generator = transformer(dropout=0.5)
    real = sample_sentences(generator, 6, 5, rng)

    def loss(seed: int) -> torch.Tensor:
        stream = torch.Generator().manual_seed(seed)
        return MaximumLikelihood()(generator, real, step=0, rng=stream).value

    assert torch.equal(loss(1), loss(1))
    assert len({round(loss(seed).item(), 12) for seed in range(5)}) == 5


def test_tied_tokens_have_one_vector(rng):
    generator = transformer(tied=True)
    assert "output_weights" not in generator.state_dict()
    assert generator.output_layer()[0] is generator.embedding_table()
    tokens = sample_sentences(generator, 6, 5, rng)
    untied = transformer()
    state = generator.state_dict()
    untied.load_state_dict({**state, "output_weights": state["embedding"]})
    assert torch.equal(generator(tokens), untied(tokens))
    (mine,) = torch.autograd.grad(log_prob(generator, tokens).sum(), [generator.embedding])
    theirs = torch.autograd.grad(
        log_prob(untied, tokens).sum(), [untied.embedding, untied.output_weights]
    )
    torch.testing.assert_close(mine, sum(theirs), atol=1e-10, rtol=1e-10)


def test_weights_start_as_told_and_depend_on_the_stream_alone():
    wide = {"embedding_dim": 64, "hidden_dim": 128, "num_layers": 2, "num_heads": 4}
    networks = [
        make_transformer(
            alphabet=Alphabet(50), std=0.3, rng=torch.Generator().manual_seed(seed), **wide
        )
        for seed in (1, 1, 2)
    ]
    for (name, one), same, other in zip(
        networks[0].named_parameters(), *(each.parameters() for each in networks[1:]), strict=True
    ):
        assert torch.equal(one, same)
        if one.dim() > 1 and "gains" not in name and "shifts" not in name:
            assert not torch.equal(one, other)
            assert one.std().item() == pytest.approx(0.3, rel=0.1)
        else:
            assert set(one.flatten().tolist()) <= ({1.0} if "gain" in name else {0.0})
