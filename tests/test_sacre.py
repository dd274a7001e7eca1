import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqgan.metrics.matches import ReferenceIndex, match
from seqgan.metrics.ngrams import Sentences
from seqgan.metrics.sacre import CHRF_SENTENCES, chrf, corpus_bleu


def lines(rows: list[list[int]]) -> list[str]:
    return [" ".join(map(str, row)) for row in rows]


@pytest.mark.parametrize("seed", range(20))
def test_corpus_bleu_is_that_of_sacrebleu_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    hypotheses, references = (
        [rng.integers(6, size=rng.integers(1, 9)).tolist() for _ in range(count)]
        for count in (rng.integers(1, 30), rng.integers(1, 12))
    )
    index = ReferenceIndex(Sentences.from_rows(references), 5)
    found = corpus_bleu(match(Sentences.from_rows(hypotheses), index), (2, 3, 4, 5))
    for order, score in zip((2, 3, 4, 5), found, strict=True):
        trusted = BLEU(
            tokenize="none", smooth_method="floor", smooth_value=0.1, max_ngram_order=order
        )
        streams = [[line] * len(hypotheses) for line in lines(references)]
        assert score.value == trusted.corpus_score(lines(hypotheses), streams).score
        assert score.name == f"corpus_bleu_{order}"


def test_the_signature_says_what_that_of_sacrebleu_leaves_open():
    index = ReferenceIndex(Sentences.from_rows([[1, 2], [3]]), 2)
    (score,) = corpus_bleu(match(Sentences.from_rows([[1]]), index), (2,), reference_set="abc")
    for part in ("nrefs:2", "smooth:floor[0.10]", "tok:none", "version:", "|order:2|",
                 "reference_set:abc", "self:not-excluded"):  # fmt: skip
        assert part in score.signature


def test_chrf_takes_sentences_at_even_distances():
    hypotheses = [f"the cat number {i} sat" for i in range(250)]
    references = [f"a dog number {i} ran away" for i in range(CHRF_SENTENCES)]
    score = chrf(hypotheses, references, reference_set="abc")
    chosen = [hypotheses[i * 250 // CHRF_SENTENCES] for i in range(CHRF_SENTENCES)]
    trusted = CHRF().corpus_score(chosen, [[line] * len(chosen) for line in references])
    assert score.value == trusted.score
    assert score.name == "chrf_100"
    assert "hypotheses:100|references:100|reference_set:abc" in score.signature
    assert "references:7" in chrf(hypotheses, references[:7]).signature
