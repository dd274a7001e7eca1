import dataclasses

import pytest
import torch
from torch import nn

from conftest import make_generator
from seqgan.decoding import log_prob, sample_sentences
from seqgan.generators import shift_right
from seqgan.objectives import MaximumLikelihood
from seqgan.recurrent import GRUGenerator, GRUState, LSTMGenerator, LSTMState
from seqgan.tokens import PAD, Alphabet

CLOSE = {"atol": 1e-12, "rtol": 1e-12}


def walk(generator: LSTMGenerator, tokens: torch.Tensor) -> torch.Tensor:
    """Return the logits of every position by ``step`` and the output layer."""
    previous = torch.full((len(tokens),), generator.alphabet.start)
    state, logits = generator.init_state(len(tokens)), []
    for t in range(tokens.shape[1]):
        features, state = generator.step(previous, state)
        logits.append(nn.functional.linear(features, *generator.output_layer()))
        previous = tokens[:, t].clamp(min=0)
    return torch.stack(logits, dim=1)


def test_a_network_sees_the_start_token_and_everything_but_the_last():
    tokens = torch.tensor([[3, 4, 1, PAD], [4, 4, 4, 4]])
    seen = shift_right(tokens, Alphabet(6, start=5, end=1))
    assert seen[1].tolist() == [5, 4, 4, 4]
    assert seen[0, :3].tolist() == [5, 3, 4]
    assert (seen >= 0).all()


def test_step_by_step_equals_the_whole(generator: LSTMGenerator, rng: torch.Generator):
    tokens = sample_sentences(generator, 20, 6, rng)
    torch.testing.assert_close(walk(generator, tokens), generator(tokens), **CLOSE)


def test_no_token_is_seen_before_it_is_scored(generator: LSTMGenerator, rng: torch.Generator):
    ordinary = list(range(3, generator.alphabet.vocab_size))
    tokens = torch.tensor(ordinary)[torch.randint(len(ordinary), (1, 6), generator=rng)]
    expected = generator(tokens)
    for t in range(6):
        changed = tokens.clone()
        changed[0, t] = ordinary[0] if tokens[0, t] != ordinary[0] else ordinary[1]
        logits = generator(changed)
        assert torch.equal(logits[:, : t + 1], expected[:, : t + 1])
        if t + 1 < 6:
            assert not torch.equal(logits[:, t + 1], expected[:, t + 1])


def test_the_gates_are_those_of_an_lstm_cell():
    generator = make_generator(Alphabet(7))
    cell = nn.LSTMCell(4, 5).double()
    with torch.no_grad():  # its second bias is left at zero
        cell.weight_ih.copy_(generator.input_weights[0])
        cell.weight_hh.copy_(generator.recurrent_weights[0])
        cell.bias_ih.copy_(generator.biases[0])
        cell.bias_hh.zero_()
    state, expected = generator.init_state(3), (torch.zeros(3, 5).double(),) * 2
    for tokens in torch.tensor([[0, 3, 6], [6, 2, 2], [5, 5, 1]]):
        features, state = generator.step(tokens, state)
        expected = cell(generator.embedding[tokens], expected)
        torch.testing.assert_close(features, expected[0], **CLOSE)
        torch.testing.assert_close(state.hidden[0], expected[0], **CLOSE)
        torch.testing.assert_close(state.cell[0], expected[1], **CLOSE)


def test_stacked_layers_are_those_of_a_torch_lstm(rng: torch.Generator):
    generator = make_generator(Alphabet(7), num_layers=3)
    reference = nn.LSTM(4, 5, num_layers=3, batch_first=True).double()
    with torch.no_grad():
        for layer in range(3):
            reference.get_parameter(f"weight_ih_l{layer}").copy_(generator.input_weights[layer])
            reference.get_parameter(f"weight_hh_l{layer}").copy_(generator.recurrent_weights[layer])
            reference.get_parameter(f"bias_ih_l{layer}").copy_(generator.biases[layer])
            reference.get_parameter(f"bias_hh_l{layer}").zero_()
    tokens = sample_sentences(generator, 8, 5, rng)
    inputs = torch.cat([torch.zeros(8, 1, dtype=torch.int64), tokens[:, :-1]], dim=1)
    hidden, _ = reference(generator.embedding[inputs])
    expected = hidden @ generator.output_weights.T + generator.output_bias
    torch.testing.assert_close(generator(tokens), expected, **CLOSE)


def test_select_and_append_by_hand():
    hidden = torch.arange(12.0).view(2, 3, 2)  # layers, batch, hidden
    state = LSTMState(hidden, -hidden)
    chosen = state.select(torch.tensor([2, 0, 2]))
    assert chosen.hidden.tolist() == [
        [[4.0, 5.0], [0.0, 1.0], [4.0, 5.0]],
        [[10.0, 11.0], [6.0, 7.0], [10.0, 11.0]],
    ]
    assert torch.equal(chosen.cell, -chosen.hidden)
    longer = state.append(chosen.select(torch.tensor([1])))
    assert longer.hidden.tolist() == [
        [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [0.0, 1.0]],
        [[6.0, 7.0], [8.0, 9.0], [10.0, 11.0], [6.0, 7.0]],
    ]
    assert torch.equal(longer.cell, -longer.hidden)


def test_a_selected_state_continues_like_its_row(generator: LSTMGenerator):
    tokens = torch.tensor([3, 4, 5])
    _, state = generator.step(tokens, generator.init_state(3))
    rows = torch.tensor([2, 2, 0])
    after = torch.tensor([5, 6, 3])
    features, _ = generator.step(after, state.select(rows))
    for i, row in enumerate(rows.tolist()):
        alone, _ = generator.step(after[i : i + 1], state.select(torch.tensor([row])))
        torch.testing.assert_close(features[i], alone[0], **CLOSE)


def test_a_state_is_immutable(generator: LSTMGenerator):
    tokens = torch.tensor([3, 4, 5])
    _, state = generator.step(tokens, generator.init_state(3))
    names = [field.name for field in dataclasses.fields(state)]
    before = {name: getattr(state, name).clone() for name in names}
    generator.step(tokens, state)
    state.append(state.select(torch.tensor([0])))
    for name, value in before.items():
        assert torch.equal(getattr(state, name), value)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(state, name, value)


def test_never_emitted_ids_have_no_share(rng: torch.Generator):
    alphabet = Alphabet(9, start=0, end=1, never_emitted=(0, 2))
    generator = make_generator(alphabet)
    with torch.no_grad():
        generator.output_bias[[0, 2]] = 100.0  # the network itself would like them best
    shares = generator(sample_sentences(generator, 10, 5, rng)).softmax(dim=-1)
    assert (shares[..., [0, 2]] == 0).all()
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(10, 5).double(), **CLOSE)


def test_never_emitted_ids_leave_every_gradient_finite():
    generator = make_generator(Alphabet(9, start=0, end=1, never_emitted=(0, 2)))
    generator(torch.tensor([[3, 1, PAD]])).log_softmax(dim=-1)[0, 0, 3].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


def test_every_parameter_has_the_deviation_asked_for(rng: torch.Generator):
    generator = LSTMGenerator(
        alphabet=Alphabet(5000), embedding_dim=32, hidden_dim=32, std=0.1, rng=rng
    )
    for name, weights in generator.named_parameters():
        count = weights.numel()
        assert abs(weights.std() - 0.1) < 5 * 0.1 / (2 * count) ** 0.5, name
        assert abs(weights.mean()) < 5 * 0.1 / count**0.5, name


def test_the_number_of_parameters_at_the_size_of_the_paper(rng: torch.Generator):
    generator = LSTMGenerator(alphabet=Alphabet(5000), embedding_dim=32, hidden_dim=32, rng=rng)
    expected = 5000 * 32 + 4 * (32 * 32 + 32 * 32 + 32) + 32 * 5000 + 5000
    assert sum(p.numel() for p in generator.parameters()) == expected


def test_weights_depend_on_the_stream_alone():
    first, second, third = (make_generator(Alphabet(7), seed=seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert not torch.equal(first.embedding, third.embedding)


# --- gated recurrent units ------------------------------------------------------------------------


def test_stacked_layers_are_those_of_a_torch_gru(rng: torch.Generator):
    generator = make_generator(Alphabet(7), num_layers=3, kind=GRUGenerator)
    reference = nn.GRU(4, 5, num_layers=3, batch_first=True).double()
    with torch.no_grad():
        for layer in range(3):
            reference.get_parameter(f"weight_ih_l{layer}").copy_(generator.input_weights[layer])
            reference.get_parameter(f"weight_hh_l{layer}").copy_(generator.recurrent_weights[layer])
            reference.get_parameter(f"bias_ih_l{layer}").copy_(generator.biases[layer])
            second = reference.get_parameter(f"bias_hh_l{layer}")
            second.zero_()
            second[10:].copy_(generator.candidate_biases[layer])
    tokens = sample_sentences(generator, 8, 5, rng)
    inputs = torch.cat([torch.zeros(8, 1, dtype=torch.int64), tokens[:, :-1]], dim=1)
    hidden, _ = reference(generator.embedding[inputs])
    expected = hidden @ generator.output_weights.T + generator.output_bias
    torch.testing.assert_close(generator(tokens), expected, **CLOSE)


def test_a_gru_is_its_formula():
    generator = make_generator(Alphabet(7), kind=GRUGenerator)
    before = torch.tensor([[0.3, -0.2, 0.5, 0.1, -0.9]]).double()
    token = torch.tensor([4])
    features, state = generator.step(token, GRUState(before[None]))
    inward = generator.embedding[4] @ generator.input_weights[0].T + generator.biases[0]
    recurrent = before[0] @ generator.recurrent_weights[0].T
    reset = (inward[:5] + recurrent[:5]).sigmoid()
    update = (inward[5:10] + recurrent[5:10]).sigmoid()
    candidate = inward[10:] + reset * (recurrent[10:] + generator.candidate_biases[0])
    expected = (1 - update) * candidate.tanh() + update * before[0]
    torch.testing.assert_close(features[0], expected, **CLOSE)
    torch.testing.assert_close(state.hidden[0, 0], expected, **CLOSE)


def test_select_and_append_of_a_gru():
    state = GRUState(torch.arange(6.0).view(1, 3, 2))
    longer = state.select(torch.tensor([2, 0])).append(state.select(torch.tensor([1])))
    assert longer.hidden.tolist() == [[[4.0, 5.0], [0.0, 1.0], [2.0, 3.0]]]


# --- dropout and tied weights ---------------------------------------------------------------------

KINDS = [LSTMGenerator, GRUGenerator]


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_acts_in_calls_with_noise_alone_and_on_every_layer(kind, rng: torch.Generator):
    plain = make_generator(Alphabet(7), num_layers=2, kind=kind)
    generator = make_generator(Alphabet(7), num_layers=2, kind=kind, dropout=0.5)
    tokens = sample_sentences(generator, 4, 5, rng)
    assert torch.equal(generator.encode(tokens), plain.encode(tokens))
    assert plain.noise(4, 5, rng).shape == (4, 5, 0)
    nothing = torch.ones(4, 5, 10, dtype=torch.float64)
    torch.testing.assert_close(
        generator.encode(tokens, nothing[..., :0].new_ones(4, 5, 10)),
        scaled_by_hand(plain, tokens, nothing, 0.5),
        **CLOSE,
    )
    noise = generator.noise(4, 5, rng).double()
    assert noise.shape == (4, 5, 10)
    found = generator.encode(tokens, noise)
    torch.testing.assert_close(found, scaled_by_hand(plain, tokens, noise, 0.5), **CLOSE)
    assert torch.equal(found == 0, noise[..., 5:] < 0.5)


def scaled_by_hand(generator, tokens, noise, dropout):
    """Return the features of two layers under dropout, by a network of torch for each layer."""
    inputs = torch.cat([torch.zeros(len(tokens), 1, dtype=torch.int64), tokens[:, :-1]], dim=1)
    features = generator.embedding[inputs]
    for layer, uniforms in enumerate(noise.split(5, dim=2)):
        one = make_generator(Alphabet(7), kind=type(generator))
        one.embedding = nn.Parameter(torch.zeros(7, features.shape[2]).double())
        for name in ("input_weights", "recurrent_weights", "biases", "candidate_biases"):
            if hasattr(generator, name):
                setattr(one, name, nn.ParameterList([getattr(generator, name)[layer]]))
        state, seen = one.init_state(len(tokens)), []
        for t in range(tokens.shape[1]):
            feature, state = one.step_embedded(features[:, t], state)
            seen.append(feature)
        features = torch.stack(seen, dim=1) * (uniforms >= dropout) / (1 - dropout)
    return features


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_learns_under_dropout_and_from_its_stream_alone(kind, rng: torch.Generator):
    generator = make_generator(Alphabet(7), kind=kind, dropout=0.5)
    real = sample_sentences(generator, 6, 5, rng)

    def loss(seed: int) -> torch.Tensor:
        stream = torch.Generator().manual_seed(seed)
        return MaximumLikelihood()(generator, real, step=0, rng=stream).value

    whole = -log_prob(generator, real).mean()
    assert torch.equal(loss(1), loss(1))
    assert len({round(loss(seed).item(), 12) for seed in range(5)} | {round(whole.item(), 12)}) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_tied_tokens_have_one_vector_that_learns_from_both(kind, rng: torch.Generator):
    generator = make_generator(Alphabet(7), hidden=4, kind=kind, tied=True)
    assert "output_weights" not in generator.state_dict()
    assert generator.output_layer()[0] is generator.embedding_table()
    tokens = sample_sentences(generator, 6, 5, rng)
    untied = make_generator(Alphabet(7), hidden=4, kind=kind)
    state = generator.state_dict()
    untied.load_state_dict({**state, "output_weights": state["embedding"]})
    assert torch.equal(generator(tokens), untied(tokens))
    (mine,) = torch.autograd.grad(log_prob(generator, tokens).sum(), [generator.embedding])
    theirs = torch.autograd.grad(
        log_prob(untied, tokens).sum(), [untied.embedding, untied.output_weights]
    )
    torch.testing.assert_close(mine, sum(theirs), atol=1e-10, rtol=1e-10)
    with pytest.raises(ValueError, match="4 is not 5"):
        make_generator(Alphabet(7), kind=kind, tied=True)
