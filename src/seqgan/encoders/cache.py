"""Embeddings on disk, so that a sentence set is encoded once."""

import hashlib
import io
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float

from seqgan.arrays import read_body, read_header
from seqgan.encoders.encoder import Given, SentenceEncoder
from seqgan.metrics.ngrams import Sentences
from seqgan.records import canonical_json, write_atomically

DIGITS = 32
"""Hexadecimal digits of a hash in a file name."""


@final
class EmbeddingCache:
    """Embeddings of whole sets in files named by what they depend on and by what they hold.

    A file whose content is not what its name says, for whatever reason, is encoded anew.

    Args:
        folder: Where the files are; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def encode(
        self, encoder: SentenceEncoder[Given], sentences: Given
    ) -> Float[np.ndarray, "sentences dim"]:
        """Return the embeddings, from disk if they were computed before."""
        key = fingerprint(encoder.signature, sentences)
        for path in sorted(self._folder.glob(f"{key}-*.npy")):
            if (found := _read(path)) is not None:
                return found
            path.unlink(missing_ok=True)
        found = encoder.encode(sentences)
        buffer = io.BytesIO()
        np.save(buffer, found, allow_pickle=False)
        content = buffer.getvalue()
        write_atomically(self._folder / f"{key}-{_digest(content)}.npy", content)
        return found


def fingerprint(signature: str, sentences: Given) -> str:
    """Return a hash of an encoder's signature and of sentences in their order."""
    if isinstance(sentences, Sentences):
        content = [sentences.lengths.tolist(), sentences.flat.tolist()]
    else:
        content = list(sentences)
    return _digest(canonical_json([signature, content]))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _read(path: Path) -> Float[np.ndarray, "sentences dim"] | None:
    """Return the array of a file, or nothing if it is not what was written."""
    with open(path, "rb") as file:
        if _digest(file.read()) != path.stem.split("-")[1]:
            return None
        file.seek(0)
        return read_body(file, read_header(file)).copy()
