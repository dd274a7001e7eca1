import pytest
import torch
import torch.nn.functional as F

from seqgan import products
from seqgan.products import linear, product

LARGE, SMALL = (96, 160, 144), (3, 4, 5)


@pytest.fixture(params=[LARGE, SMALL], ids=["large", "small"])
def matrices(request, rng: torch.Generator) -> list[torch.Tensor]:
    rows, inner, columns = request.param
    shapes = [(rows, inner), (columns, inner), (columns,)]
    return [torch.randn(*shape, generator=rng) for shape in shapes]


def test_one_size_is_large_enough_for_the_other_library_and_one_is_not(monkeypatch):
    calls = []
    library = products._ONEDNN
    if library is None:
        pytest.skip("this PyTorch has no oneDNN for this processor")
    monkeypatch.setattr(products, "_ONEDNN", lambda *a: calls.append(1) or library(*a))
    for sizes, expected in ((LARGE, 1), (SMALL, 1)):
        rows, inner, columns = sizes
        product(torch.ones(rows, inner), torch.ones(columns, inner))
        assert len(calls) == expected
    product(torch.ones(*LARGE[:2]).double(), torch.ones(LARGE[2], LARGE[1]).double())
    assert len(calls) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_product_is_a_product(matrices, dtype):
    left, right, _ = (each.to(dtype) for each in matrices)
    exact = left.double() @ right.double().T
    close = {"atol": 1e-4, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 1e-12, "rtol": 0}
    torch.testing.assert_close(product(left, right).double(), exact, **close)
    # Transposed views are what gradients are made of.
    turned = product(left.T.contiguous().T, right.T.contiguous().T)
    torch.testing.assert_close(turned.double(), exact, **close)


def test_a_layer_has_the_value_and_the_gradients_of_the_library_it_replaces(matrices):
    def run(function) -> list[torch.Tensor]:
        inputs = [each.clone().requires_grad_() for each in matrices]
        value = function(*inputs)
        weights = torch.linspace(-1, 1, value.numel()).view_as(value)
        return [value.detach(), *torch.autograd.grad((value * weights).sum(), inputs)]

    for mine, theirs in zip(run(linear), run(F.linear), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(linear(*matrices), F.linear(*matrices), atol=1e-4, rtol=1e-4)


def test_without_the_library_the_other_serves(matrices, monkeypatch):
    monkeypatch.setattr(products, "_ONEDNN", None)
    assert torch.equal(linear(*matrices), F.linear(*matrices))
    assert torch.equal(product(*matrices[:2]), matrices[0] @ matrices[1].T)
