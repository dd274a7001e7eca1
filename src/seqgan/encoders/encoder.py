"""What turns sentences into vectors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float

from seqgan.metrics.ngrams import Sentences

Given = TypeVar("Given", Sequence[str], Sentences)
"""What an encoder reads: lines of text, or sentences of token ids."""


class SentenceEncoder(ABC, Generic[Given]):
    """A fixed function from a sentence to a vector.

    The vector of a sentence depends on the sentence alone, up to 1e-5: not on the order, number or
    length of the others that are encoded with it.
    """

    @property
    @abstractmethod
    def signature(self) -> str:
        """Return what a score must name: kind, settings and a hash of the weights."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Return the number of entries of a vector."""

    @abstractmethod
    def encode(self, sentences: Given) -> Float[np.ndarray, "sentences dim"]:
        """Return a row for each sentence, in 32 bits: of length 1, or 0 for nothing known."""
