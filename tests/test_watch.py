from typing import Any

import pytest

from evidence_cases import MLE, SEQGAN, settings_of, table_of
from seqgan.report.evidence import ADVERSARIAL, Evidence
from seqgan.report.watch import training_alarms

Rows = list[dict[str, Any]]


def told(*runs: Rows) -> list[str]:
    histories = {(ADVERSARIAL, "seqgan"): dict(enumerate(runs))}
    evidence = Evidence(settings_of({"mle": MLE, "seqgan": SEQGAN}, (0, 1)), table_of(), histories)
    found = list(training_alarms(evidence))
    assert all((each.tone, each.subject) == ("alarm", "seqgan") for each in found)
    return [each.text for each in found]


def run(**ends: tuple[float, float]) -> Rows:
    """Rows in which each metric goes from one value to another."""
    return [
        {"step": step} | {name: a + (b - a) * step / 20 for name, (a, b) in ends.items()}
        for step in range(21)
    ]


def test_a_healthy_training_alarms_nobody():
    healthy = run(accuracy_heldout=(0.6, 0.7), discriminator_accuracy=(0.6, 0.75),
                  entropy=(2.5, 2.4), nll_validation=(2.7, 2.6))  # fmt: skip
    assert told(healthy, healthy) == []
    assert told() == []


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"accuracy_heldout": (0.9, 1.0)}, "0.998 of held-out and fresh sentences apart: it is so"),
        ({"accuracy_heldout": (0.6, 0.5)}, "as by chance"),
        ({"accuracy_heldout": (0.6, 0.6), "discriminator_accuracy": (0.6, 0.95)}, "by heart"),
        ({"entropy": (2.5, 2.3), "nll_validation": (2.6, 2.7)}, "seqgan says less as it trains"),
    ],
)
def test_each_sign_is_seen(ends, expected):
    (text,) = told(run(**ends), run(**ends))
    assert expected in text


def test_all_seeds_must_show_a_trend():
    falls, rises = (run(entropy=ends, nll_validation=(2.6, 2.7)) for ends in ((2.5, 2.3), (2, 3)))
    assert told(falls, rises) == []
    assert len(told(falls, falls)) == 1


def test_the_end_counts_and_not_the_way():
    """Certain in the middle, unsure at the end."""
    rows = [{"step": i, "accuracy_heldout": 0.7 if i > 17 else 1.0} for i in range(21)]
    assert told(rows) == []
