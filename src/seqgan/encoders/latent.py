"""An encoder that is fitted to the training sentences: latent semantic analysis of n-grams."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from seqgan.encoders.encoder import SentenceEncoder
from seqgan.errors import UserError
from seqgan.metrics.ngrams import Sentences
from seqgan.records import write_atomically

FILE = "encoder.safetensors"
KINDS = {"vocab": "iu", "features": "iu", "weights": "f", "directions": "f"}
"""What the file holds, and the kind of its numbers."""

Features = Int[np.ndarray, " features"]
Columns = Int[np.ndarray, " columns"]


@final
class InDomainEncoder(SentenceEncoder[Sentences]):
    """Latent semantic analysis of words and pairs of words, weighted by tf-idf.

    For sentences that no pretrained encoder knows: ids of an oracle, other languages. It compares
    topics and phrases that the training set has, and knows nothing of meaning beyond it; a
    sentence with none of its words is a vector of zeros.

    Deerwester et al. (1990); the weights are ``(1 + log tf) · (1 + log((1 + N) / (1 + df)))``.

    Args:
        vocab: Token ids are below it; others are unknown.
        features: Sorted; ``t`` for a token, ``vocab + a · vocab + b`` for the pair ``a b``.
        weights: Inverse document frequency of each feature.
        directions: Right singular vectors of the training set, largest first.
    """

    def __init__(
        self,
        *,
        vocab: int,
        features: Features,
        weights: Float[np.ndarray, " features"],
        directions: Float[np.ndarray, "features dim"],
    ) -> None:
        self._vocab, self._features = vocab, features
        self._weights, self._directions = weights, directions

    @property
    def dim(self) -> int:
        return self._directions.shape[1]

    @cached_property
    def _content(self) -> bytes:
        return save(
            {
                "vocab": np.array([self._vocab], dtype=np.int64),
                "features": self._features,
                "weights": self._weights,
                "directions": self._directions,
            }
        )

    @property
    def signature(self) -> str:
        digest = hashlib.sha256(self._content).hexdigest()
        return f"in-domain-lsa,dim={self.dim},norm=unit,weights={digest[:12]}"

    def encode(self, sentences: Sentences) -> Float[np.ndarray, "sentences dim"]:
        table = _table(sentences, self._vocab, self._features, self._weights)
        found = np.asarray(table @ self._directions)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the encoder into a folder."""
        write_atomically(folder / FILE, self._content)


def fit_in_domain_encoder(
    sentences: Sentences, *, dim: int = 64, min_sentences: int = 2
) -> InDomainEncoder:
    """Return the encoder of a training set; the same set gives the same one.

    Args:
        sentences: Training sentences.
        dim: Largest number of directions; fewer for small sets.
        min_sentences: How many sentences must have a word or pair for it to count.

    Raises:
        ValueError: If fewer than two words or pairs stand in so many sentences.
    """
    vocab = int(sentences.flat.max(initial=0)) + 1
    owners, occurrences = _occurrences(sentences, vocab)
    pairs = np.unique(np.stack([occurrences, owners]), axis=1)
    features, holders = np.unique(pairs[0], return_counts=True)
    features, holders = features[holders >= min_sentences], holders[holders >= min_sentences]
    num_sentences = len(sentences.lengths)
    if len(features) < 2 or num_sentences < 2:
        raise ValueError(
            f"an encoder needs two sentences and two words or pairs that stand in at least "
            f"{min_sentences} of them, but {num_sentences} sentences have {len(features)}"
        )
    weights = 1 + np.log((1 + num_sentences) / (1 + holders))
    table = _table(sentences, vocab, features, weights)
    directions = _directions(table, (num_sentences, len(features)), dim)
    return InDomainEncoder(vocab=vocab, features=features, weights=weights, directions=directions)


def load_in_domain_encoder(folder: Path) -> InDomainEncoder:
    """Return what :meth:`InDomainEncoder.save` wrote; raise :class:`UserError` if it is damaged."""
    path = folder / FILE
    try:
        found = load(path.read_bytes())
        if set(found) != set(KINDS):
            raise ValueError(f"it holds {', '.join(sorted(found)) or 'nothing'}")
        for name, kinds in KINDS.items():
            if found[name].dtype.kind not in kinds or not np.isfinite(found[name]).all():
                raise ValueError(f"`{name}` holds other numbers")
        features, weights, directions = found["features"], found["weights"], found["directions"]
        if not (found["vocab"].shape == (1,) and features.ndim == 1 and directions.ndim == 2):
            raise ValueError("its arrays have other shapes")
        if not (weights.shape == features.shape == directions.shape[:1]):
            raise ValueError("its arrays do not fit together")
        if not (np.diff(features) > 0).all():
            raise ValueError("its words are not sorted")
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (SafetensorError, ValueError) as error:
        raise UserError(f"{path} holds no encoder ({error}); remove it and run again") from None
    return InDomainEncoder(
        vocab=int(found["vocab"][0]), features=features, weights=weights, directions=directions
    )


def _occurrences(sentences: Sentences, vocab: int) -> tuple[Columns, Columns]:
    """Return every word and pair of known words, with the sentence that it stands in."""
    owners, flat = sentences.owners(), sentences.flat
    known = (flat >= 0) & (flat < vocab)
    single = np.flatnonzero(known)
    pair = np.flatnonzero(known[:-1] & known[1:] & (owners[:-1] == owners[1:]))
    return (
        np.concatenate([owners[single], owners[pair]]),
        np.concatenate([flat[single], vocab + flat[pair] * vocab + flat[pair + 1]]),
    )


def _table(
    sentences: Sentences,
    vocab: int,
    features: Features,
    weights: Float[np.ndarray, " features"],
) -> csr_array:
    """Return a row of tf-idf weights for each sentence, of length 1."""
    owners, occurrences = _occurrences(sentences, vocab)
    columns = np.searchsorted(features, occurrences)
    known = features[np.minimum(columns, len(features) - 1)] == occurrences
    shape = (len(sentences.lengths), len(features))
    cells, counts = np.unique(owners[known] * len(features) + columns[known], return_counts=True)
    rows, columns = np.divmod(cells, len(features))
    values = (1 + np.log(counts)) * weights[columns]
    squares = np.bincount(rows, weights=values**2, minlength=shape[0])
    return csr_array((values / np.sqrt(squares[rows]), (rows, columns)), shape=shape)


def _directions(
    table: csr_array, shape: tuple[int, int], dim: int
) -> Float[np.ndarray, "features dim"]:
    """Return the first right singular vectors, each with its largest entry positive."""
    if dim >= min(shape):  # the sparse method finds all but the last
        _, values, vectors = np.linalg.svd(table.toarray(), full_matrices=False)
    else:
        start = np.random.default_rng(0).normal(size=min(shape))
        found: Any = svds(table, k=dim, v0=start, solver="arpack")
        _, values, vectors = found
    order = np.argsort(-values, kind="stable")[:dim]
    order = order[values[order] > 1e-9 * values.max()]  # below, they are rounding
    vectors = vectors[order]
    largest = np.argmax(np.abs(vectors), axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), largest])
    return np.ascontiguousarray((vectors * signs[:, None]).T)
