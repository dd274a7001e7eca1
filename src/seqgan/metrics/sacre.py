"""Corpus BLEU and chrF as sacrebleu computes them, with its signature and what that leaves open."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqgan.metrics.bleu import EPSILON
from seqgan.metrics.matches import Matches
from seqgan.metrics.score import Score, sign

CHRF_SENTENCES = 100
"""Hypotheses, and references of each: chrF compares every pair, so the whole sets are too many."""


def corpus_bleu(matches: Matches, orders: Sequence[int], **settings: str) -> list[Score]:
    """Return sacrebleu's corpus BLEU for each order, with all references; in [0, 100].

    Matches and lengths are added up over all sentences before precisions are taken (Papineni et
    al., 2002), so that a sentence that matches nothing costs little. Equal to the last bit to
    ``sacrebleu.BLEU(tokenize="none", smooth_method="floor").corpus_score`` on tokens joined by
    spaces, which would take hours for as many references.
    """
    scores = []
    for order in orders:
        metric = BLEU(
            tokenize="none",
            smooth_method="floor",
            smooth_value=EPSILON,
            max_ngram_order=order,
            effective_order=False,
        )
        totals = [int(np.maximum(0, matches.lengths - k).sum()) for k in range(order)]
        found = BLEU.compute_bleu(
            correct=matches.clipped[:order].sum(axis=1).tolist(),
            total=totals,
            sys_len=int(matches.lengths.sum()),
            ref_len=int(matches.closest.sum()),
            smooth_method="floor",
            smooth_value=EPSILON,
            max_ngram_order=order,
        )
        metric.num_refs = matches.num_references
        signature = sign(
            sacrebleu=metric.get_signature().format().replace("|", ","),
            order=order,
            hypotheses=len(matches.lengths),
            self="not-excluded",
            **settings,
        )
        scores.append(Score(f"corpus_bleu_{order}", found.score, signature))
    return scores


def chrf(hypotheses: list[str], references: list[str], **settings: str) -> Score:
    """Return sacrebleu's chrF of some sentences against some references each; in [0, 100].

    Overlap of character n-grams up to 6 (Popović, 2015), of the best reference for each. The
    sentences are taken at even distances from both sets.
    """
    chosen = [hypotheses[i] for i in _evenly(len(hypotheses))]
    against = [references[i] for i in _evenly(len(references))]
    metric = CHRF(references=[[text] * len(chosen) for text in against])
    value = metric.corpus_score(chosen, None).score
    signature = sign(
        sacrebleu=metric.get_signature().format().replace("|", ","),
        hypotheses=len(chosen),
        references=len(against),
        **settings,
    )
    return Score(f"chrf_{CHRF_SENTENCES}", value, signature)


def _evenly(count: int) -> Int[np.ndarray, " chosen"]:
    wanted = min(count, CHRF_SENTENCES)
    return np.arange(wanted) * count // wanted
