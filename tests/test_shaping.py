import pytest
import torch

from seqgan import shaping

CHOSEN = torch.tensor([[True, True, True], [True, True, False], [True, False, False]])
VALUE = torch.tensor([[1.0, 2.0, 3.0], [5.0, 7.0, 0.0], [6.0, 0.0, 0.0]])


def test_values_of_their_own_stay_as_they_are(rng):
    state = rng.get_state()
    assert torch.equal(shaping.own(VALUE, CHOSEN, rng), VALUE)
    assert torch.equal(rng.get_state(), state)


def test_shuffled_values_are_those_of_another_sentence_in_the_order_that_was_drawn(rng):
    twin = torch.Generator().manual_seed(rng.initial_seed())
    twin.set_state(rng.get_state())
    order = torch.randperm(3, generator=twin).tolist()
    found = shaping.shuffled(VALUE, CHOSEN, rng)
    lasts = [2, 1, 0]
    for i in range(3):
        for t in range(3):
            other = order[i]
            expected = VALUE[other, min(t, lasts[other])].item() if CHOSEN[i, t] else 0.0
            assert found[i, t].item() == expected


def test_shuffled_values_begin_where_the_other_sentence_does():
    chosen = torch.tensor([[False, True, True], [False, False, True]])
    value = torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 9.0]])
    swapped = torch.tensor([[0.0, 9.0, 9.0], [0.0, 0.0, 2.0]])
    rng = torch.Generator().manual_seed(0)
    seen = {tuple(shaping.shuffled(value, chosen, rng).flatten().tolist()) for _ in range(20)}
    assert seen == {tuple(value.flatten().tolist()), tuple(swapped.flatten().tolist())}


def test_random_values_are_one_number_a_sentence(rng):
    found = shaping.random(VALUE, CHOSEN, rng)
    assert torch.equal(found[0], found[0, 0].expand(3))
    assert found[1].tolist() == [found[1, 0].item()] * 2 + [0.0]
    many = shaping.random(torch.zeros(5000, 1), torch.ones(5000, 1, dtype=torch.bool), rng)
    assert many.min() >= 0
    assert many.max() < 1
    assert many.mean().item() == pytest.approx(0.5, abs=0.02)


def test_shares_have_mean_one_at_every_position():
    found = shaping.as_shares(VALUE, CHOSEN)
    expected = [[3 / 12, 4 / 9, 1.0], [15 / 12, 14 / 9, 0.0], [18 / 12, 0.0, 0.0]]
    torch.testing.assert_close(found, torch.tensor(expected))
    assert shaping.as_shares(torch.zeros(3, 3), CHOSEN).tolist() == torch.zeros(3, 3).tolist()


def test_values_divided_by_their_deviation():
    deviation = VALUE[CHOSEN].std(correction=0)
    torch.testing.assert_close(shaping.by_deviation(VALUE, CHOSEN), VALUE / deviation)
    equal = torch.where(CHOSEN, 0.3, 0.0)
    assert torch.equal(shaping.by_deviation(equal, CHOSEN), equal)
    none = torch.zeros(3, 3, dtype=torch.bool)
    assert shaping.by_deviation(VALUE, none).isfinite().all()
