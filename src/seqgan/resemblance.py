"""How generated sentences resemble real ones in the eyes of a sentence encoder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.corpus.dataset import Dataset, evenly
from seqgan.encoders.cache import EmbeddingCache
from seqgan.encoders.choice import Choice, choose_encoder
from seqgan.encoders.latent import fit_in_domain_encoder, load_in_domain_encoder
from seqgan.encoders.minilm import MiniLM
from seqgan.errors import UserError
from seqgan.metrics.bertscore import nearest_bertscore
from seqgan.metrics.frechet import frechet_distance, frechet_infinity
from seqgan.metrics.kernel import kernel_distance
from seqgan.metrics.manifold import manifold_scores
from seqgan.metrics.mauve import mauve_scores
from seqgan.metrics.ngrams import Sentences
from seqgan.metrics.score import Score
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokens import PAD, without_condition

CHOICE = "encoder.json"
CACHE = ".embeddings"
"""Name of the folder, beside the encoder, in which embeddings are kept for the next run."""
FITTED_TO = 20_000
"""Training sentences that an in-domain encoder is fitted to."""
BERTSCORE_SENTENCES = 500
"""Of each side: every pair is compared."""
Rows = Int[Tensor, "sentences time"]
Maker = Callable[[], Score] | Callable[[], list[Score]]
Embedded = Float[np.ndarray, "sentences dim"]


def write_encoder(folder: Path, data: Dataset, wanted: str) -> Choice | None:
    """Choose the encoder of a corpus, fit it if it is its own, and write down which and why.

    Args:
        folder: Where to.
        data: The corpus.
        wanted: ``automatic``, or ``in_domain`` for none but an encoder of its own.

    Returns:
        The choice; nothing where a corpus is too small for any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = evenly(data.train, FITTED_TO)
    if wanted == "in_domain":
        choice = Choice("in_domain", "latent semantic analysis, as `encoder: in_domain` asks for")
    else:
        choice = choose_encoder(None if data.vocabulary is None else _lines(train, data))
    kind, reason = choice.kind, choice.reason
    if kind == "in_domain":
        try:
            fit_in_domain_encoder(_ids(train, data)).save(folder)
        except ValueError as error:
            write_atomically(folder / CHOICE, readable_json({"kind": "none", "reason": str(error)}))
            return None
    write_atomically(folder / CHOICE, readable_json({"kind": kind, "reason": reason}))
    return choice


class Resemblance:
    """Scores of embedded sentences against as many embedded test sentences.

    Args:
        folder: What :func:`write_encoder` wrote.
        data: The corpus.
        settings: The section ``evaluation.embedding`` of the configuration.
        cache: Folder of embeddings that were computed before.
        device: Where the encoder computes.
        num_sentences: How many of each side.
    """

    def __init__(
        self,
        folder: Path,
        data: Dataset,
        settings: dict[str, Any],
        *,
        cache: Path,
        device: str,
        num_sentences: int,
    ) -> None:
        self.num_sentences, self.neighbours = num_sentences, settings["neighbours"]
        self.left_out: list[str] = []
        choice = read_json(folder / CHOICE)
        self._kind = choice.get("kind") if isinstance(choice, dict) else None
        if self._kind not in ("minilm", "in_domain", "none"):
            raise UserError(f"{folder / CHOICE} names no encoder; run snakemake again")
        self._data, self._cache = data, EmbeddingCache(cache)
        self._pretrained = MiniLM(device=device) if self._kind == "minilm" else None
        self._own = load_in_domain_encoder(folder) if self._kind == "in_domain" else None
        self._test = evenly(data.test, num_sentences)
        self._references = self._embed(self._test)

    def __call__(self, samples: Rows) -> list[Score]:
        """Return every score that there are enough sentences for; ``left_out`` says the others."""
        if self._references is None:
            return []
        some = samples[: self.num_sentences]
        x, y = self._embed(some), self._references
        assert x is not None
        settings: dict[str, Any] = {"encoder": self._signature()}
        rng = np.random.default_rng(0)
        makers: list[Maker] = [
            lambda: frechet_distance(x, y, **settings),
            lambda: frechet_infinity(x, y, rng, **settings),
            lambda: kernel_distance(x, y, **settings),
            lambda: manifold_scores(x, y, k=self.neighbours, **settings),
            lambda: mauve_scores(x, y, rng, **settings),
        ]
        if self._pretrained is not None:
            makers.append(lambda: self._bertscore(some, settings))
        return self._possible(makers)

    def curve(self, samples: Rows) -> list[Score]:
        """Return the scores that curves over settings of sampling are made of."""
        x, y = self._embed(samples[: self.num_sentences]), self._references
        if x is None or y is None:
            return []
        settings: dict[str, Any] = {"encoder": self._signature()}
        found = self._possible([lambda: manifold_scores(x, y, k=self.neighbours, **settings)])
        return [each for each in found if each.name in ("precision", "recall")]

    def _possible(self, makers: Sequence[Maker]) -> list[Score]:
        scores: list[Score] = []
        for make in makers:
            try:
                found = make()
            except ValueError as error:
                if str(error) not in self.left_out:
                    self.left_out.append(str(error))
            else:
                scores += [found] if isinstance(found, Score) else found
        return scores

    def _bertscore(self, samples: Rows, settings: dict[str, str]) -> list[Score]:
        assert self._pretrained is not None
        both = [
            self._pretrained.encode_tokens(_lines(evenly(rows, BERTSCORE_SENTENCES), self._data))
            for rows in (samples, self._test)
        ]
        return nearest_bertscore(*both, **settings)

    def _signature(self) -> str:
        encoder = self._pretrained or self._own
        return "" if encoder is None else encoder.signature

    def _embed(self, tokens: Rows) -> Embedded | None:
        if self._pretrained is not None:
            return self._cache.encode(self._pretrained, _lines(tokens, self._data))
        return None if self._own is None else self._own.encode(_ids(tokens, self._data))


def judges(
    folders: Sequence[Path], data: Dataset, settings: dict[str, Any], size: int, device: str
) -> list[Resemblance]:
    """Return a judge for each encoder, of as many sentences as there are and as are wanted.

    Args:
        folders: What :func:`write_encoder` wrote; embeddings are kept beside it.
        data: The corpus.
        settings: The section ``evaluation.embedding`` of the configuration.
        size: How many sentences sets may have.
        device: Where the encoder computes.
    """
    num_sentences = min(size, settings["num_sentences"])
    return [
        Resemblance(
            folder,
            data,
            settings,
            cache=folder.with_name(CACHE),
            device=device,
            num_sentences=num_sentences,
        )
        for folder in folders
    ]


def _lines(tokens: Rows, data: Dataset) -> list[str]:
    vocabulary = data.vocabulary
    assert vocabulary is not None
    return [vocabulary.decode(row) for row in tokens.tolist()]


def _ids(tokens: Rows, data: Dataset) -> Sentences:
    bare = without_condition(tokens, data.alphabet).cpu().numpy()
    return Sentences.from_tokens(bare, padding=PAD, end=data.alphabet.end)
