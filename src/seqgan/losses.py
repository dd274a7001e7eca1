"""The loss of a language model without the logits of a whole batch in memory."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqgan.decoding import rows_at_once, to_base_two
from seqgan.generators import Generator
from seqgan.products import linear, product
from seqgan.tokens import is_chosen

# A logit that is minus infinity, where only its product with a probability of zero matters.
NEVER = -1e4


def weighted_nll(
    generator: Generator,
    tokens: Int[Tensor, "batch time"],
    scale: Float[Tensor, "batch time"],
    *,
    entropy_bonus: float = 0.0,
    inputs: Int[Tensor, "batch time"] | None = None,
    noise: Float[Tensor, "batch time uniforms"] | None = None,
) -> Float[Tensor, ""]:
    """Return ``-sum scale[i, t] * log p(tokens[i, t] | tokens[i, :t])`` over chosen tokens.

    Padding and conditions add nothing. With a bonus, that times the entropy of every distribution
    that a chosen token is drawn from, in nats, is subtracted. With ``inputs``, those are read in
    place of ``tokens``, which are scored all the same; with ``noise``, under dropout.

    The logits are made some rows at a time, and their gradient in the same pass, while their
    probabilities are in the cache: what comes after can multiply the loss by a factor, but not
    change what each row contributes. No gradient flows through ``scale``.
    """
    read = tokens if inputs is None else inputs
    features, targets = generator.encode(read, noise).flatten(0, 1), tokens.flatten()
    chosen = is_chosen(tokens, generator.alphabet).flatten()
    scale = torch.where(chosen, scale.detach().flatten(), 0.0).to(features.dtype)
    bonus = entropy_bonus * chosen.to(features.dtype) if entropy_bonus else None
    if tokens.device.type == "cpu":  # elsewhere to count them would make the host wait
        rows = chosen.nonzero()[:, 0]
        features, targets, scale = features[rows], targets[rows], scale[rows]
        bonus = None if bonus is None else bonus[rows]
    return _WeightedNLL.apply(
        features, *generator.output_layer(), targets.clamp(min=0).long(), scale, bonus
    )


class _WeightedNLL(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weights: Tensor,
        bias: Tensor,
        targets: Tensor,
        scale: Tensor,
        bonus: Tensor | None,
    ) -> Tensor:
        total, sum_of_bias = features.new_zeros(()), torch.zeros_like(bias)
        by_feature = weights.new_zeros(weights.shape[1], len(weights))
        of_features, in_base_two = [], to_base_two(weights, bias)
        rows = rows_at_once(len(weights), features.device)
        for start in range(0, len(features), rows):
            part = slice(start, start + rows)
            some, ids, scales = features[part], targets[part, None], scale[part, None]
            logits = linear(some, *in_base_two)
            logits -= logits.amax(dim=1, keepdim=True)
            chosen = logits.gather(1, ids)
            kept = None if bonus is None else logits.clamp(min=NEVER)
            shares = logits.exp2_()
            sums = shares.sum(dim=1, keepdim=True)
            # What padding's stand-in may have, an infinite loss, must not be multiplied by zero.
            total += torch.where(scales != 0, scales * (sums.log2() - chosen), 0.0).sum()
            surprise = None
            if bonus is not None and kept is not None:
                # The logarithm of a probability, and the entropy added to it: what a logit raises.
                kept -= sums.log2()
                entropy = -(shares / sums * kept).sum(dim=1, keepdim=True)
                total -= (bonus[part, None] * entropy).sum()
                surprise = (kept + entropy) * bonus[part, None] * math.log(2)
            if any(ctx.needs_input_grad):
                # The gradient of the logits: scale * (softmax - one at the target).
                if surprise is None:
                    shares *= scales / sums
                else:
                    shares *= (scales + surprise) / sums
                shares.scatter_add_(1, ids, -scales)
                of_features.append(product(shares, weights.T))
                by_feature += product(some.T, shares.T)
                sum_of_bias += shares.sum(dim=0)
        if of_features:
            ctx.save_for_backward(torch.cat(of_features), by_feature.T.contiguous(), sum_of_bias)
        return total * math.log(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        return *(gradient * each for each in ctx.saved_tensors), None, None, None
