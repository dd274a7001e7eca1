"""A penalty for sentences that repeat themselves."""

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.rewards import Judge
from seqgan.tokens import Alphabet, is_real, without_condition

COMPARED_AT_ONCE = 2**22
"""Pairs of tokens that are compared at once, so that memory does not grow with the batch."""


@final
class PenalisedReward(Judge):
    """A judge's reward, less ``weight`` times the share of n-grams that stood there before.

    An n-gram counts if it begins at an earlier token of the same sentence too. Conditions and the
    end token belong to no n-gram. Sentences of fewer than ``order`` tokens repeat nothing.
    """

    def __init__(self, judge: Judge, alphabet: Alphabet, *, order: int, weight: float) -> None:
        self.judge, self.order, self.weight, self._alphabet = judge, order, weight, alphabet

    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        scores = self.judge.score(tokens)
        share = repeated_share(
            without_condition(tokens, self._alphabet), self.order, self._alphabet
        )
        return scores - self.weight * share.to(scores.dtype)


def repeated_share(
    tokens: Int[Tensor, "batch time"], order: int, alphabet: Alphabet
) -> Float[Tensor, " batch"]:
    """Return the share of each sentence's n-grams that stand earlier in it too, in [0, 1)."""
    if tokens.shape[1] < order:
        return torch.zeros(len(tokens), device=tokens.device)
    rows = max(1, COMPARED_AT_ONCE // tokens.shape[1] ** 2)
    return torch.cat([_repeated_share(some, order, alphabet) for some in tokens.split(rows)])


def _repeated_share(
    tokens: Int[Tensor, "batch time"], order: int, alphabet: Alphabet
) -> Float[Tensor, " batch"]:
    counted = is_real(tokens)
    if alphabet.end is not None:
        counted &= tokens != alphabet.end
    places = tokens.shape[1] - order + 1
    same = tokens[:, :, None] == tokens[:, None, :]
    equal = same[:, :places, :places]
    for k in range(1, order):
        equal = equal & same[:, k : places + k, k : places + k]
    valid = counted[:, order - 1 :]  # what comes before a counted token is counted
    earlier = torch.ones_like(equal[0]).tril(-1)
    repeats = (equal & earlier).any(dim=2) & valid
    return repeats.sum(dim=1) / valid.sum(dim=1).clamp(min=1)
