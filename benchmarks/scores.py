"""The metrics of whole sets of sentences, beside nltk and fast-bleu where that is installed."""

from collections.abc import Iterator
from functools import cached_property, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from cases import Case, Plan, told
from measure import Row, Work, faster, longer, peak_bytes
from seqgan.corpus.dataset import Dataset
from seqgan.evaluation import Likelihoods, Overlaps
from seqgan.metrics.bleu import bleu, self_bleu
from seqgan.metrics.language_model import KneserNey
from seqgan.metrics.matches import ReferenceIndex, match
from seqgan.metrics.ngrams import Ngrams, Sentences
from seqgan.metrics.score import Score
from seqgan.tokens import Alphabet
from worlds import Ours, Size

ORDERS = (2, 3, 4, 5)
WEIGHTS = [(1 / order,) * order for order in ORDERS]
TIMED_BY_NLTK = 3
"""Sentences that nltk scores, in a second or so each; its time is scaled."""
MANY = 100_000
SETTINGS = {
    "bleu_orders": list(ORDERS),
    "num_train": 100_000,
    "capped_references": None,
    "language_model_order": 5,
}


class Texts:
    """Two sets of sentences whose tokens follow Zipf's law, as those of a language do."""

    def __init__(self, size: Size, sentences: int | None = None) -> None:
        self.size, self.sentences = size, sentences or size.sentences
        rng = np.random.default_rng(1)
        shares = 1 / np.arange(1, size.vocab + 1)
        shape = (2, self.sentences, size.length)
        self.rows = rng.choice(size.vocab, size=shape, p=shares / shares.sum())

    @cached_property
    def hypotheses(self) -> Sentences:
        """The first set."""
        return Sentences.from_tokens(self.rows[0], padding=-1, end=None)

    @cached_property
    def references(self) -> Sentences:
        """The second set."""
        return Sentences.from_tokens(self.rows[1], padding=-1, end=None)

    @cached_property
    def lists(self) -> list[list[list[str]]]:
        """Both as other programs want them."""
        return [[[str(token) for token in row] for row in rows] for rows in self.rows.tolist()]

    def bleu(self) -> list[Score]:
        """Score the first set against the second, whose index is made anew."""
        return bleu(match(self.hypotheses, ReferenceIndex(self.references, 5)), ORDERS)

    def self_bleu(self) -> list[Score]:
        """Score each sentence of the first set against all its others."""
        return self_bleu(Ngrams(self.hypotheses, 5), ORDERS)

    def learn_and_score(self) -> object:
        """Fit a language model to the second set and score the first with it."""
        model = KneserNey(self.references, 5, vocab_size=self.size.vocab, end=False)
        return model.log_prob(self.hypotheses)

    def by_nltk(self, *, alone: bool) -> None:
        """Score a few sentences by nltk, all orders in one call, which its users rarely do."""
        bleu_score: Any = import_module("nltk.translate.bleu_score")
        hypotheses, references = self.lists
        method = bleu_score.SmoothingFunction().method1
        for i in range(TIMED_BY_NLTK):
            others = hypotheses[:i] + hypotheses[i + 1 :] if alone else references
            bleu_score.sentence_bleu(others, hypotheses[i], WEIGHTS, smoothing_function=method)

    def by_fast_bleu(self, *, alone: bool) -> None:
        """Score all sentences by the C++ library."""
        fast_bleu: Any = import_module("fast_bleu")
        hypotheses, references = self.lists
        weights = dict(zip(ORDERS, WEIGHTS, strict=True))
        if alone:
            fast_bleu.SelfBLEU(hypotheses, weights).get_score()
        else:
            fast_bleu.BLEU(references, weights).get_score(hypotheses)


def against(
    name: str, plan: Plan, texts: Texts, mine: Work, *, alone: bool, bars: tuple[float, float]
) -> Iterator[Row]:
    """Yield how many times faster than nltk and than fast-bleu a score is."""
    size, (of_nltk, of_fast) = texts.size, bars
    if find_spec("nltk") is None:
        yield Row(f"{name} nltk", note="nltk is not installed: pip install -e '.[test]'")
    else:
        ours, part = plan.patience.medians(mine, partial(texts.by_nltk, alone=alone))
        whole = part * texts.sentences / TIMED_BY_NLTK
        note = f"reference: nltk on {TIMED_BY_NLTK} of {texts.sentences:,} sentences, scaled"
        yield faster(f"{name} nltk", ours, whole, at_least=of_nltk, **told(size, note))
    if find_spec("fast_bleu") is None:
        yield Row(f"{name} fast-bleu", note="fast-bleu is not installed")
    else:
        times = plan.patience.medians(mine, partial(texts.by_fast_bleu, alone=alone))
        yield faster(f"{name} fast-bleu", *times, at_least=of_fast, **told(size))


def self_bleu_of_set(plan: Plan) -> Iterator[Row]:
    """Self-BLEU-2 to 5 of 10,000 sentences of 20 tokens."""
    texts = Texts(plan.heavy)
    yield from against("self_bleu", plan, texts, texts.self_bleu, alone=True, bars=(15_000.0, 25.0))


def bleu_of_set(plan: Plan) -> Iterator[Row]:
    """BLEU-2 to 5 of 10,000 sentences against 10,000 references."""
    texts = Texts(plan.heavy)
    yield from against("bleu", plan, texts, texts.bleu, alone=False, bars=(15_000.0, 10.0))


def language_model(plan: Plan) -> Iterator[Row]:
    """A Kneser-Ney model of 10,000 sentences, fitted and used on as many."""
    (ours,) = plan.patience.medians(Texts(plan.heavy).learn_and_score)
    note = "reference: one second"
    yield longer("language_model", ours, 1.0, at_most=1.5, **told(plan.heavy, note))


def evaluation(plan: Plan) -> Iterator[Row]:
    """Everything that the stage evaluate computes for 10,000 samples, without embeddings."""
    size, ours = plan.heavy, Ours(plan.heavy)
    rows = torch.from_numpy(Texts(size).rows)
    samples, test = rows[0], rows[1]
    data = Dataset(test, test, test, Alphabet(size.vocab))

    def whole() -> None:
        Likelihoods(data, ours.generator)(ours.generator, samples, 1.0)
        Overlaps(data, SETTINGS)(samples)

    (seconds,) = plan.patience.medians(whole)
    yield longer("evaluation", seconds, 10.0, at_most=1.0, **told(size, "reference: ten seconds"))


def memory_of_scores(plan: Plan) -> Iterator[Row]:
    """Peak memory of Self-BLEU and BLEU of 10,000 sentences, and of Self-BLEU of 100,000."""
    sizes = {"memory self_bleu": plan.heavy.sentences, "memory self_bleu many": MANY}
    for name, sentences in {**sizes, "memory bleu": plan.heavy.sentences}.items():
        path = "bleu" if name.endswith("bleu") and "self" not in name else "self_bleu"
        work, baseline = (partial(score_texts, plan.heavy, sentences, each) for each in (path, ""))
        most = peak_bytes(work, baseline)
        yield Row(name, peak_bytes=most, note=f"{sentences:,} sentences of {plan.heavy.length}")


def score_texts(size: Size, sentences: int, path: str) -> None:
    """Make texts, and score them if a score is named: for a process of its own."""
    texts = Texts(size, sentences)
    if path:
        getattr(texts, path)()


CASES: dict[str, Case] = {
    "self_bleu": self_bleu_of_set,
    "bleu": bleu_of_set,
    "language_model": language_model,
    "evaluation": evaluation,
}
SLOW: dict[str, Case] = {"memory_scores": memory_of_scores}
