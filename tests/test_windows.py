import pytest
import torch
import torch.nn.functional as F

from seqgan import windows
from seqgan.windows import max_over_table, max_over_time, pays_as_table

CLOSE = {"atol": 1e-12, "rtol": 1e-10}


def convolve(embedded: torch.Tensor, banks: list[torch.Tensor]) -> torch.Tensor:
    """The plain form: PyTorch's convolutions, then their maximum."""
    channels = embedded.transpose(1, 2)
    answers = [F.conv1d(channels, filters.transpose(1, 2)).amax(dim=2) for filters in banks]
    return torch.cat(answers, dim=1)


@pytest.fixture(params=[1, 2, 5, 7])
def filters(request, rng: torch.Generator) -> torch.Tensor:
    return torch.randn(4, request.param, 3, generator=rng, dtype=torch.float64)


@pytest.fixture
def embedding(rng: torch.Generator) -> torch.Tensor:
    return torch.randn(11, 3, generator=rng, dtype=torch.float64)


def test_the_maximum_over_windows_and_its_gradients_are_those_of_a_convolution(filters, rng):
    embedded = torch.randn(6, 7, 3, generator=rng, dtype=torch.float64)
    other = torch.randn(2, 3, 3, generator=rng, dtype=torch.float64)
    factors = torch.randn(6, 10, generator=rng, dtype=torch.float64)

    def run(function) -> list[torch.Tensor]:
        inputs = [each.clone().requires_grad_() for each in (embedded, filters, other, filters)]
        value = function(inputs[0], inputs[1:])
        return [value.detach(), *torch.autograd.grad((value * factors).sum(), inputs)]

    for mine, theirs in zip(run(max_over_time), run(convolve), strict=True):
        torch.testing.assert_close(mine, theirs, **CLOSE)


def test_no_sentence_has_no_gradient(filters):
    """A member of a team may have none."""
    filters.requires_grad_()
    none = torch.zeros(0, 7, 3, dtype=torch.float64, requires_grad=True)
    value = max_over_time(none, [filters])
    assert value.shape == (0, 4)
    of_none, of_filters = torch.autograd.grad(value.sum(), [none, filters])
    assert of_none.shape == none.shape
    assert (of_filters == 0).all()


def test_windows_that_are_alike_share_one_gradient(filters):
    """A token repeated, or padding: whichever window wins, the token's gradient is the same."""
    embedding = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    tokens = torch.tensor([[1] * 7])
    found = [
        torch.autograd.grad(function(embedding[tokens], [filters]).sum(), embedding)[0]
        for function in (max_over_time, convolve)
    ]
    torch.testing.assert_close(*found, **CLOSE)


@pytest.mark.parametrize("elements", [1, 40, 2**20])
def test_looking_up_gives_what_multiplying_gives(filters, embedding, rng, monkeypatch, elements):
    monkeypatch.setattr(windows, "CHUNK_ELEMENTS", elements)
    tokens = torch.randint(11, (23, 7), generator=rng)
    expected = max_over_time(embedding[tokens], [filters])
    torch.testing.assert_close(max_over_table(tokens, embedding, filters), expected, **CLOSE)


def test_a_table_pays_for_many_sentences_and_must_fit_into_memory(monkeypatch):
    filters, many, few = torch.empty(4, 2, 3), torch.zeros(101, 6).int(), torch.zeros(4, 6).int()
    assert pays_as_table(many, 250, filters)
    assert not pays_as_table(many, 260, filters)  # 505 windows do not pay for 260 tokens
    assert not pays_as_table(few, 250, filters)
    monkeypatch.setattr(windows, "TABLE_ELEMENTS", 250 * 2 * 4 - 1)
    assert not pays_as_table(many, 250, filters)
