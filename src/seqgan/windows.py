"""Convolution followed by the maximum over time, for training and for scoring."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.products import product

# A table of a filter bank must not take more than this: 2**28 float32 are a gigabyte.
TABLE_ELEMENTS = 2**28
# Elements of the sums of a few sentences, which stay in a core's cache.
CHUNK_ELEMENTS = 2**20


def max_over_time(
    embedded: Float[Tensor, "batch time embedding"],
    banks: Sequence[Float[Tensor, "_ _ embedding"]],
) -> Float[Tensor, "batch filters"]:
    """Return the greatest answer of each filter to the windows of each sentence.

    ``result[i, f] = max_t sum(filter[f] * embedded[i, t : t + width])``: convolutions as a matrix
    product over the windows for each width. Through the maximum a gradient reaches one window of
    each sentence and filter, and the gradient of the filters is summed over those alone.

    Args:
        embedded: The sentences.
        banks: Filters of one width each: ``filters × width × embedding``.
    """
    return _MaxOverTime.apply(embedded, *banks)


class _MaxOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, embedded: Tensor, *banks: Tensor) -> Tensor:
        batch, time, dim = embedded.shape
        embedded, results, kept = embedded.contiguous(), [], []
        for filters in banks:
            num_filters, width, _ = filters.shape
            places = time - width + 1
            # A window is a run of memory: overlapping views, copied side by side.
            views = embedded.as_strided((batch, places, width * dim), (time * dim, dim, 1))
            windows = views.reshape(batch * places, width * dim)
            answers = product(windows, filters.reshape(num_filters, -1))
            greatest, place = answers.view(batch, places, num_filters).max(dim=1)
            results.append(greatest)
            kept += [windows, place]
        ctx.save_for_backward(embedded, *banks, *kept)
        return torch.cat(results, dim=1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        embedded, *rest = ctx.saved_tensors
        count = len(rest) // 3
        banks, kept = rest[:count], rest[count:]
        if torch.is_grad_enabled():  # this gradient will be differentiated too
            again = _by_convolution(embedded, banks)
            return torch.autograd.grad(again, [embedded, *banks], gradient, create_graph=True)
        batch, time, _ = embedded.shape
        of_embedded = gradient.new_zeros(batch, time, banks[0].shape[2])
        of_banks = []
        for filters, windows, place, of_result in zip(
            banks,
            kept[::2],
            kept[1::2],
            gradient.split([len(filters) for filters in banks], dim=1),
            strict=True,
        ):
            num_filters, width, dim = filters.shape
            places = time - width + 1
            rows = torch.arange(batch, device=place.device)[:, None] * places + place
            of_filters = F.embedding_bag(
                rows.T.flatten(),
                windows,
                torch.arange(num_filters, device=place.device) * batch,
                mode="sum",
                per_sample_weights=of_result.T.flatten(),
            )
            of_banks.append(of_filters.view_as(filters))
            answers = gradient.new_zeros(batch, places, num_filters)
            answers.scatter_(1, place[:, None], of_result[:, None])
            of_windows = product(answers.view(-1, num_filters), filters.reshape(num_filters, -1).T)
            of_windows = of_windows.view(batch, places, width, dim)
            for offset in range(width):
                of_embedded[:, offset : offset + places] += of_windows[:, :, offset]
        return of_embedded, *of_banks


def _by_convolution(
    embedded: Float[Tensor, "batch time embedding"],
    banks: Sequence[Float[Tensor, "_ _ embedding"]],
) -> Float[Tensor, "batch filters"]:
    """Return :func:`max_over_time` by operations that any number of gradients can pass."""
    signals = embedded.transpose(1, 2)
    answers = [F.conv1d(signals, filters.transpose(1, 2)) for filters in banks]
    return torch.cat([each.amax(dim=2) for each in answers], dim=1)


def pays_as_table(
    tokens: Int[Tensor, "batch time"],
    vocab_size: int,
    filters: Float[Tensor, "filters width embedding"],
) -> bool:
    """Tell whether :func:`max_over_table` costs less than a product over all windows."""
    num_filters, width, _ = filters.shape
    windows = len(tokens) * (tokens.shape[1] - width + 1)
    return windows > 2 * vocab_size and vocab_size * width * num_filters <= TABLE_ELEMENTS


@torch.no_grad()
def max_over_table(
    tokens: Int[Tensor, "batch time"],
    embedding: Float[Tensor, "vocab embedding"],
    filters: Float[Tensor, "filters width embedding"],
) -> Float[Tensor, "batch filters"]:
    """Return :func:`max_over_time` of embedded tokens, for many sentences and no gradient.

    With fixed weights a filter's answer to a window is a sum of one number for each of its
    tokens: the products of every token and every offset are made once, and then looked up.
    """
    time, vocab = tokens.shape[1], len(embedding)
    num_filters, width, dim = filters.shape
    by_offset = filters.transpose(0, 1).reshape(width * num_filters, dim)
    table = product(embedding, by_offset).view(vocab * width, num_filters)
    offsets, places = torch.arange(width, dtype=torch.int32), time - width + 1
    rows = max(1, CHUNK_ELEMENTS // (places * max(num_filters, width)))
    results = []
    for some in tokens.split(rows):
        windows = some.int().unfold(1, width, 1) * width + offsets
        answers = F.embedding_bag(windows.reshape(-1, width), table, mode="sum")
        results.append(answers.view(len(some), places, num_filters).amax(dim=1))
    return torch.cat(results)
