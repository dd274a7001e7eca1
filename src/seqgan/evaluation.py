"""How sentences are judged: every metric of a set, with the references made ready once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.corpus.dataset import Dataset, evenly
from seqgan.decoding import score
from seqgan.errors import UserError
from seqgan.generators import Generator
from seqgan.metrics.bleu import bleu, self_bleu
from seqgan.metrics.diversity import (
    copying,
    distinct,
    lengths,
    ms_jaccard,
    ngram_entropy,
    repetition,
    zipf_exponent,
)
from seqgan.metrics.language_model import KneserNey, lm_score, reverse_lm_score
from seqgan.metrics.likelihood import (
    bits_per_character,
    js_divergence,
    kl_divergence,
    nll_per_sentence,
    nll_per_token,
)
from seqgan.metrics.matches import ReferenceIndex, match
from seqgan.metrics.ngrams import Ngrams, Sentences
from seqgan.metrics.sacre import CHRF_SENTENCES, chrf, corpus_bleu
from seqgan.metrics.score import Score, sign
from seqgan.provenance import describe
from seqgan.statistics import independent_sets
from seqgan.tokens import PAD, Alphabet, is_chosen, without_condition

Rows = Int[Tensor, "sentences time"]
NOTHING: Mapping[str, str] = MappingProxyType({})
NUM_SETS = 5
"""Disjoint sets of generated sentences, whose spread is the error of a score of a whole set."""


def digests(folder: Path) -> dict[str, str]:
    """Return the beginnings of hashes of the sets of a corpus, and of its oracle if it has one."""
    files = {"test": "test.npy", "train": "train.npy", "oracle": "oracle/weights.safetensors"}
    return {
        name: describe(folder / file)["sha256"][:12]
        for name, file in files.items()
        if (folder / file).is_file()
    }


def tokenizer_of(data: Dataset) -> str:
    """Return what tokens are, for signatures."""
    if data.vocabulary is None:
        return "ids"
    condition = data.vocabulary.condition
    after = "" if condition == "none" else f",after={condition}"
    return f"{data.vocabulary.tokenizer.signature()}{after}"


def comparable_size(data: Dataset, oracle: Generator | None, wanted: int) -> int:
    """Return how many sentences are compared as sets: no more than there are held-out real ones.

    Scores of sets grow with their size, and the row of real sentences must have the same. An
    oracle has as many as are wanted.
    """
    return wanted if oracle is not None else min(wanted, len(data.validation))


def check_finite(scores: Sequence[Score], where: str = "") -> None:
    """Raise :class:`UserError` with the first score that is infinite or not a number."""
    for each in scores:
        if not np.isfinite(each.value):
            zero = each.name.startswith(("nll", "kl", "js", "entropy", "bits"))
            why = ": some sentence has probability zero" if zero else ""
            raise UserError(f"{each.name} is {each.value}{where}{why}")


class Likelihoods:
    """Scores that follow from log-probabilities of samples and test sentences.

    Args:
        data: The corpus.
        oracle: The truth, where it is known.
        num_test: Test sentences that are scored; all where it is not given.
        sets: :func:`digests` of the corpus, for signatures.
    """

    def __init__(
        self,
        data: Dataset,
        oracle: Generator | None,
        num_test: int | None = None,
        sets: Mapping[str, str] = NOTHING,
    ) -> None:
        self.test = data.test if num_test is None else evenly(data.test, num_test)
        self.alphabet = data.alphabet
        self.lengths = self._count(self.test)
        self.oracle, self.sets = oracle, sets
        self.tokenizer = tokenizer_of(data)
        self.by_oracle = None if oracle is None else _log_prob(oracle, self.test, 1.0)
        self.characters = None
        if data.vocabulary is not None:
            texts = (data.vocabulary.decode(row) for row in self.test.tolist())
            self.characters = np.array([len(text) + 1 for text in texts])  # and the end of the line

    @np.errstate(invalid="ignore")  # sentences of probability zero: check_finite tells of them
    def __call__(
        self, generator: Generator | None, samples: Rows, temperature: float | None
    ) -> list[Score]:
        """Return every score for which the densities are known.

        Args:
            generator: Whose samples they are; none for sentences that people wrote.
            samples: Sentences.
            temperature: Of its sampling; none if it was truncated, when held-out sentences may
                have probability zero, so that only the oracle's word is left.
        """
        scores, lengths, oracle = [], self._count(samples), self.oracle
        drawn = {"samples": len(samples), "temperature": temperature}
        held_out = {
            "test": len(self.test),
            "temperature": temperature,
            "tokenizer": self.tokenizer,
            "reference_set": self.sets.get("test", ""),
        }
        truth = {"oracle": self.sets.get("oracle", "")}
        per_token, per_sentence = {"unit": "nats/token"}, {"unit": "nats/sentence"}
        by_oracle = None
        if oracle is not None:
            by_oracle = _log_prob(oracle, samples, 1.0)
            signature = sign(samples=len(samples), temperature=temperature, **per_token, **truth)
            scores.append(nll_per_token("nll_oracle", by_oracle, lengths, signature))
        if generator is None or temperature is None:
            return scores
        own = _log_prob(generator, samples, temperature)
        on_test = _log_prob(generator, self.test, temperature)
        of_test, whole = sign(**held_out, **per_token), sign(**held_out, **per_sentence)
        scores = [
            nll_per_token("nll_test", on_test, self.lengths, of_test, "test"),
            nll_per_token("entropy", own, lengths, sign(**drawn, **per_token)),
            *scores,
            nll_per_sentence("nll_test_sentence", on_test, whole, "test"),
        ]
        if self.characters is not None:
            signature = sign(**held_out, unit="bits/character")
            scores.append(
                bits_per_character("bits_per_character", on_test, self.characters, signature)
            )
        if by_oracle is not None and self.by_oracle is not None:
            of_samples = sign(**drawn, **per_sentence, **truth)
            of_test = sign(**held_out, **per_sentence, **truth)
            both = sign(**drawn, test=len(self.test), **per_sentence, **truth)
            scores += [
                kl_divergence("kl_generator_oracle", own, by_oracle, of_samples),
                kl_divergence("kl_oracle_generator", self.by_oracle, on_test, of_test, "test"),
                js_divergence(own, by_oracle, on_test, self.by_oracle, both),
            ]
        return scores

    def _count(self, tokens: Rows) -> Int[np.ndarray, " sentences"]:
        """Return the tokens of each sentence, without its condition."""
        return is_chosen(tokens, self.alphabet).sum(dim=1).cpu().numpy()

    def uniform(self, alphabet: Alphabet, rng: torch.Generator) -> dict[str, float]:
        """Return what uniformly random tokens and the uniform distribution would score.

        The corner of the planes of likelihoods: what is worse than this is worth nothing.
        """
        names = ("nll_test", "lm_score", "reverse_lm_score")
        corner: dict[str, float] = {name: uniform_nll(alphabet) for name in names}
        if self.oracle is not None:
            shape, device = self.test.shape, rng.device
            allowed = set(range(alphabet.vocab_size)) - set(alphabet.never_emitted)
            ids = torch.tensor(sorted(allowed), device=device)
            tokens = ids[torch.randint(len(ids), shape, generator=rng, device=device)]
            by_oracle = _log_prob(self.oracle, tokens, 1.0)
            corner["nll_oracle"] = -float(by_oracle.sum()) / tokens.numel()
        return corner


class Overlaps:
    """Scores of n-grams: of generated sentences with test sentences, training ones, each other.

    Args:
        data: The corpus.
        settings: The section ``evaluation`` of the configuration.
        sets: :func:`digests` of the corpus, for signatures.
    """

    def __init__(
        self, data: Dataset, settings: dict[str, Any], sets: Mapping[str, str] = NOTHING
    ) -> None:
        self.orders: Sequence[int] = settings["bleu_orders"]
        self.alphabet, self.vocabulary = data.alphabet, data.vocabulary
        self.tokenizer = tokenizer_of(data)
        self.capped = settings["capped_references"]
        self.reference_set, self.train_set = sets.get("test", ""), sets.get("train", "")
        self.lm_order: int = settings["language_model_order"]
        alphabet = data.alphabet
        special = len(alphabet.never_emitted) + (self.alphabet.end is not None)
        self.vocab_size = alphabet.vocab_size - special
        self.test_rows = data.test
        self.test = self._sentences(data.test)
        self.train = self._sentences(evenly(data.train, settings["num_train"]))
        self.index = ReferenceIndex(self.test, max(self.orders))
        self.language_model = self._learn(self.train)

    def __call__(self, samples: Rows, *, errors: bool = True) -> list[Score]:
        """Return the scores of generated sentences.

        Args:
            samples: The sentences.
            errors: Whether scores of the whole set get standard errors, from disjoint parts of it.
        """
        sentences = self._sentences(samples)
        settings = self._settings()
        matches = match(sentences, self.index)
        generated = ReferenceIndex(sentences, max(self.orders))
        back = match(self.test, generated)
        scores = [
            *bleu(matches, self.orders, **settings),
            *self._of_set(self._repetition, sentences, errors),
            *bleu(back, self.orders, name="reverse_bleu", of="test", **settings),
            *corpus_bleu(matches, self.orders, **settings),
            *self._of_set(self._similarity, sentences, errors),
            *copying(sentences, self.train, self.orders, **self._learnt()),
            *lengths(sentences, self.test, **settings)[:1],
            *self._of_set(self._length_distance, sentences, errors),
            lm_score(self.language_model, sentences, **self._learnt()),
            reverse_lm_score(self._learn(sentences), self.test, **settings),
        ]
        if self.capped is not None:
            some = self._sentences(evenly(self.test_rows, self.capped))
            capped = match(sentences, ReferenceIndex(some, max(self.orders)))
            named = bleu(capped, self.orders, **settings)
            scores += [replace(each, name=f"{each.name}_at_{len(some.lengths)}") for each in named]
        if self.vocabulary is not None:
            texts = [
                [self.vocabulary.decode(row) for row in evenly(tokens, CHRF_SENTENCES).tolist()]
                for tokens in (samples, self.test_rows)
            ]
            scores.append(chrf(*texts, reference_set=self.reference_set))
        return scores

    def curve(self, samples: Rows) -> list[Score]:
        """Return the scores that curves over settings of sampling are made of."""
        sentences, order = self._sentences(samples), [max(self.orders)]
        ngrams = Ngrams(sentences, order[0])
        settings = self._settings()
        return [
            *bleu(match(sentences, self.index), order, **settings),
            *self_bleu(ngrams, order, tokenizer=self.tokenizer),
            *repetition(sentences, tokenizer=self.tokenizer),
            lm_score(self.language_model, sentences, **self._learnt()),
            reverse_lm_score(self._learn(sentences), self.test, **settings),
        ]

    def _settings(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer, "reference_set": self.reference_set}

    def _learnt(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer, "train_set": self.train_set}

    def _learn(self, sentences: Sentences) -> KneserNey:
        return KneserNey(
            sentences, self.lm_order, vocab_size=self.vocab_size, end=self.alphabet.end is not None
        )

    def _sentences(self, tokens: Rows) -> Sentences:
        bare = without_condition(tokens, self.alphabet).cpu().numpy()
        return Sentences.from_tokens(bare, padding=PAD, end=self.alphabet.end)

    def _repetition(self, sentences: Sentences) -> list[Score]:
        ngrams = Ngrams(sentences, max(self.orders))
        return [
            *self_bleu(ngrams, self.orders, tokenizer=self.tokenizer),
            *repetition(sentences, tokenizer=self.tokenizer),
            *distinct(ngrams, self.orders, tokenizer=self.tokenizer),
            *ngram_entropy(ngrams, self.orders, tokenizer=self.tokenizer),
            *zipf_exponent(ngrams, tokenizer=self.tokenizer),
        ]

    def _similarity(self, sentences: Sentences) -> list[Score]:
        ngrams = Ngrams(sentences, max(self.orders))
        settings = self._settings()
        return ms_jaccard(ngrams, self.index.ngrams, self.orders, **settings)

    def _length_distance(self, sentences: Sentences) -> list[Score]:
        return lengths(sentences, self.test, **self._settings())[1:]

    def _of_set(
        self, scored: Callable[[Sentences], list[Score]], sentences: Sentences, errors: bool
    ) -> list[Score]:
        """Return scores of a set, with errors from parts that are samples of their own.

        Never by drawing with replacement: a sentence that is drawn twice matches itself.
        """
        found = scored(sentences)
        if not errors or len(sentences.lengths) < 2 * NUM_SETS:
            return found
        parts = [
            {each.name: each.value for each in scored(some)} for some in sentences.parts(NUM_SETS)
        ]
        return [
            replace(each, standard_error=independent_sets([part[each.name] for part in parts]))
            if all(each.name in part for part in parts)
            else each
            for each in found
        ]


def uniform_nll(alphabet: Alphabet) -> float:
    """Return the nats per token of a guess that finds all tokens of an alphabet alike."""
    return float(np.log(alphabet.vocab_size - len(alphabet.never_emitted)))


def _log_prob(
    model: Generator, tokens: Rows, temperature: float
) -> Float[np.ndarray, " sentences"]:
    return score(model, tokens, temperature).double().sum(dim=1).cpu().numpy()
