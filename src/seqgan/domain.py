"""Whether sentences are what they should be: of their domain, and of the class asked for."""

import numpy as np
from jaxtyping import Int
from torch import Tensor

from seqgan.corpus.dataset import Dataset, evenly
from seqgan.corpus.vocabulary import SEPARATOR
from seqgan.metrics.ngrams import Sentences
from seqgan.metrics.score import Score
from seqgan.metrics.validity.domains import Validity
from seqgan.metrics.validity.labels import LabelClassifier, label_agreement, label_agreement_real
from seqgan.tokens import PAD, without_condition

LEARNT_FROM = 100_000
"""Training sentences that the classifier of labels learns from, at most."""
Rows = Int[Tensor, "sentences time"]


class Domain:
    """Scores of sentences by what their corpus is about.

    Args:
        data: The corpus.
        validity: Name of what sentences are checked to be, or ``none``.
        tokenizer: What signatures call its tokens.

    Attributes:
        left_out: Why scores are missing; known after the first call.
    """

    def __init__(self, data: Dataset, validity: str, tokenizer: str) -> None:
        self._data, self._settings = data, {"tokenizer": tokenizer}
        words = data.vocabulary
        known = words is not None and validity != "none"
        self._validity = Validity(validity, **self._settings) if known else None
        self._classifier: LabelClassifier | None = None
        self.left_out: list[str] = []
        if words is not None and words.condition == "label":
            train = evenly(data.train, LEARNT_FROM)
            try:
                self._classifier = LabelClassifier(self._bare(train), _labels(train))
            except ValueError as error:
                self.left_out.append(f"label agreement: {error}")

    def __call__(self, samples: Rows) -> list[Score]:
        """Return every score that there is of generated sentences."""
        scores: list[Score] = []
        if self._validity is not None:
            assert self._data.vocabulary is not None
            scores += self._validity(list(map(self._data.vocabulary.decode, samples.tolist())))
            self.left_out += self._validity.left_out
        if self._classifier is not None:
            test, made = self._data.test, self._bare(samples)
            scores += [
                label_agreement(self._classifier, made, _labels(samples), **self._settings),
                label_agreement_real(
                    self._classifier, self._bare(test), _labels(test), **self._settings
                ),
            ]
        return scores

    def _bare(self, tokens: Rows) -> Sentences:
        rows = without_condition(tokens, self._data.alphabet).cpu().numpy()
        return Sentences.from_tokens(rows, padding=PAD, end=self._data.alphabet.end)


def _labels(tokens: Rows) -> Int[np.ndarray, " sentences"]:
    """Return the number of the label that each row begins with."""
    return tokens[:, 0].cpu().numpy().astype(np.int64) - (SEPARATOR + 1)
