"""BLEU as a reward: what a method gets that climbs the metric itself."""

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.metrics.matches import ReferenceIndex, match, sentence_bleu
from seqgan.metrics.ngrams import Sentences
from seqgan.rewards import FixedReward
from seqgan.tokens import PAD, Alphabet, without_condition


@final
class BleuReward(FixedReward):
    """Smoothed BLEU of a sentence against some real ones: PG-BLEU of Yu et al. (2017).

    The metric's arithmetic (``metrics.bleu``): orders 1 to ``order`` with equal weights, smoothing
    method 1, brevity penalty against the closest reference; conditions and the end token
    do not count. The references are counted once.

    Args:
        references: Real sentences.
        alphabet: The token ids.
        order: Longest n-gram.
        smoothing: What stands in place of zero matches; the metric's is 0.1. It is an argument so
            that a change of the metric is no change of what was trained.
    """

    def __init__(
        self,
        references: Int[Tensor, "references time"],
        alphabet: Alphabet,
        *,
        order: int,
        smoothing: float = 0.1,
    ) -> None:
        self._alphabet, self.order, self.smoothing = alphabet, order, smoothing
        self._index = ReferenceIndex(self._sentences(references), order)

    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        found = match(self._sentences(tokens), self._index)
        bleu = sentence_bleu(
            found.clipped, found.lengths, found.closest, [self.order], smoothing=self.smoothing
        )
        return torch.from_numpy(bleu[self.order]).to(tokens.device, torch.float32)

    def _sentences(self, tokens: Int[Tensor, "sentences time"]) -> Sentences:
        answers = without_condition(tokens, self._alphabet).cpu().numpy()
        return Sentences.from_tokens(answers, padding=PAD, end=self._alphabet.end)
