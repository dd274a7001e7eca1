import ast
import random
import re
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
import torch

from seqgan.alarms import RULES, Measured, alarms, measured
from seqgan.corpus.dataset import Dataset
from seqgan.evaluation import Overlaps
from seqgan.tokens import Alphabet

REAL = {
    "unique": 0.99, "most_frequent": 0.001, "self_bleu_4": 0.5, "reverse_bleu_4": 0.4,
    "distinct_2": 0.3, "nll_oracle": 2.0, "lm_score": 3.6, "length_distance": 0.02,
    "copy_rate": 0.001, "bleu_4": 0.34,
}  # fmt: skip
WRONG = {
    "unique": 0.85, "most_frequent": 0.02, "self_bleu_4": 0.62, "reverse_bleu_4": 0.29,
    "distinct_2": 0.17, "nll_oracle": 1.9, "lm_score": 3.2, "length_distance": 0.13,
    "copy_rate": 0.02, "bleu_4": 0.35,
}  # fmt: skip


def found(values: dict[str, float], error: float = 0.0, order: int | None = 4) -> list[str]:
    scores = {
        "real": {name: Measured(value) for name, value in REAL.items()},
        "gan": {name: Measured(value, error) for name, value in values.items()},
    }
    return [alarm.metric for alarm in alarms(scores, real="real", order=order)]


def test_real_sentences_alarm_nobody():
    assert found(REAL) == []


def test_every_rule_has_a_case():
    assert set(WRONG) == set(REAL) == {rule.metric.format(n=4) for rule in RULES}


@pytest.mark.parametrize("metric", WRONG)
def test_each_rule_finds_its_fault_and_no_other(metric):
    assert found(REAL | {metric: WRONG[metric]}) == [metric]


@pytest.mark.parametrize("metric", WRONG)
def test_what_sampling_may_have_done_is_no_fault(metric):
    assert found(REAL | {metric: WRONG[metric]}, error=0.3) == []


def test_rules_without_a_score_or_an_order_say_nothing():
    assert found({}) == []
    assert "bleu_4" not in found(WRONG, order=5)


def test_an_alarm_names_method_value_and_bound():
    scores = {"real": {"unique": Measured(0.99)}, "gan": {"unique": Measured(0.5)}}
    (alarm,) = alarms(scores, real="real", order=4)
    assert alarm.text == (
        "unique of gan is 0.500, below 0.9 times that of real sentences (0.990): the same "
        "sentences come again and again."
    )
    assert alarm.method == "gan"


def test_errors_of_seeds_are_those_of_their_mean():
    assert measured([(1.0, 0.3), (2.0, 0.4)]) == Measured(1.5, 0.25)
    assert measured([(1.0, None)]) == Measured(1.0, 0.0)
    assert measured([(1.0, 0.3), (2.0, 0.4)], shared=True) == Measured(1.5, 0.35)
    assert measured([(2.0, 0.3), (2.0, 0.3)]) == Measured(2.0, 0.3)


def test_the_bound_errs_as_real_sentences_do():
    def alarmed(error: float) -> bool:
        scores = {
            "real": {"reverse_bleu_4": Measured(0.4, error)},
            "gan": {"reverse_bleu_4": Measured(0.28)},
        }
        return bool(alarms(scores, real="real", order=4))

    # 0.28 is 0.02 below the bound of 0.75 · 0.4, which errs by 0.75 times as much.
    assert alarmed(0.02 / 0.75 / 1.96 * 0.99)
    assert not alarmed(0.02 / 0.75 / 1.96 * 1.01)


# --- on sentences ---------------------------------------------------------------------------------

EVALUATION = {
    "bleu_orders": [2, 3, 4],
    "capped_references": None,
    "num_train": 100_000,
    "language_model_order": 3,
}


@pytest.fixture(scope="module")
def english() -> list[list[int]]:
    """Distinct sentences of real text: what modules of the standard library say of themselves."""
    folder = Path(sysconfig.get_path("stdlib"))
    lines = set()
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for sentence in re.split(r"(?<=[.!?])\s+", ast.get_docstring(node) or ""):
                    words = re.findall(r"\w+|[.,]", sentence.lower())
                    if 4 <= len(words) <= 15:
                        lines.add(tuple(words))
    known: dict[str, int] = {}
    rows = [[known.setdefault(word, len(known)) for word in line] for line in sorted(lines)]
    random.Random(1).shuffle(rows)
    return rows


def padded(rows: list[list[int]], end: int) -> torch.Tensor:
    tokens = torch.full((len(rows), 16), -1)
    for i, row in enumerate(rows):
        tokens[i, : len(row) + 1] = torch.tensor([*row, end])
    return tokens


def raised(english: list[list[int]], generated: list[list[int]]) -> set[str]:
    """Return what alarms about sentences that are compared with four parts of real text."""
    size = len(english) // 4
    end = 1 + max(token for row in english for token in row)
    train, validation, test, real = (
        padded(english[i * size : (i + 1) * size], end) for i in range(4)
    )
    data = Dataset(train, validation, test, Alphabet(end + 1, end=end))
    judge = Overlaps(data, EVALUATION)
    scores = {
        name: {
            each.name: measured([(each.value, each.standard_error)]) for each in judge(sentences)
        }
        for name, sentences in {"real": real, "gan": padded(generated[:size], end)}.items()
    }
    return {alarm.metric for alarm in alarms(scores, real="real", order=4)}


def test_other_real_text_is_silent(english):
    size = len(english) // 4
    assert size > 500
    assert raised(english, english[size : 2 * size]) == set()


def test_one_sentence_that_is_always_said(english):
    found = raised(english, [english[2]] * len(english))
    assert found >= {"unique", "most_frequent", "self_bleu_4", "reverse_bleu_4", "distinct_2",
                     "lm_score", "length_distance"}  # fmt: skip


def test_fifty_training_sentences_again_and_again(english):
    found = raised(english, english[:50] * (len(english) // 50))
    assert found >= {"unique", "self_bleu_4", "reverse_bleu_4", "distinct_2", "copy_rate"}


def test_the_training_set_itself(english):
    assert raised(english, english) == {"copy_rate", "lm_score"}


def test_sentences_of_likely_words(english):
    """What a temperature near zero gives: few words, in short loops."""
    often = [word for word, _ in Counter(word for row in english for word in row).most_common(8)]
    pick = random.Random(2).choices
    found = raised(english, [pick(often, k=8) for _ in range(len(english))])
    assert found >= {"self_bleu_4", "reverse_bleu_4", "distinct_2", "length_distance"}
