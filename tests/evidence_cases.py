"""Experiments by hand: what a report is made of, without running anything."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from seqgan.records import readable_json
from seqgan.report.evidence import Cell, Evidence, Table, read_judgements, read_sweep
from seqgan.summary import summarise
from seqgan.sweeps import judged, rows

ORACLE_CORPUS = {
    "kind": "oracle",
    "vocab_size": 50,
    "length": 10,
    "embedding_dim": 32,
    "hidden_dim": 32,
    "std": 1.0,
    "parameters": None,
    "seed": 0,
    "num_train": 100,
    "num_validation": 20,
    "num_test": 20,
}
FILE_CORPUS = {
    "kind": "text",
    "source": {"kind": "file", "path": "data/poems.txt"},
    "tokenizer": {"kind": "word", "lowercase": True},
    "min_length": 3,
    "max_length": 20,
    "max_vocabulary": 5000,
    "min_count": 2,
    "unknown": "drop",
    "validation_share": 0.1,
    "test_share": 0.1,
}
MLE = {"kind": "likelihood", "weights": "best"}
SEQGAN = {
    "kind": "policy_gradient",
    "rounds": 20,
    "action_value": {"kind": "rollout", "num_rollouts": 4},
    "reward": {"kind": "discriminator", "steps": 1},
}
CONSTANT = {
    "kind": "policy_gradient",
    "rounds": 20,
    "action_value": {"kind": "terminal"},
    "reward": {"kind": "constant", "value": 1.0},
}


def settings_of(methods, seeds, *, oracle=True, baseline="mle", description="A comparison."):
    return {
        "experiment": "example",
        "description": description,
        "seeds": list(seeds),
        "methods": {"real": {"kind": "real"}, **methods},
        "baseline": baseline,
        "generator_pretraining": {"epochs": 12},
        "corpus": ORACLE_CORPUS if oracle else FILE_CORPUS,
        "report": {"num_samples": 3},
    }


def cell(method, metric, mean, half=None, difference=None, around=None):
    """A cell with an interval of ``half`` around its mean, and one of the difference."""
    low, high = (None, None) if half is None else (mean - half, mean + half)
    below, above = (None, None) if around is None else around
    seeds = 1 if half is None else 3
    return Cell(
        method, metric, mean, half, low, high, seeds, difference, below, above, "n:5|unit:nats"
    )


def table_of(*cells):
    return Table({(each.method, each.metric): each for each in cells})


def pretraining(seed, epochs=12, *, oracle=True):
    rows = []
    for step in range(epochs + 1):
        row = {"step": step, "nll_validation": 2.7 + np.exp(-step) + seed / 100, "entropy": 2.7}
        if oracle:
            row["nll_oracle"] = 3.1 + 3 * np.exp(-step) + seed / 50
        rows.append(row)
    return rows


def rounds(seed, count=20, *, oracle=True, learning=True, length=10):
    """Rows of an adversarial training that is measured every fifth round."""
    rows = []
    for step in range(count + 1):
        row = {"step": step}
        if step:
            reward = 0.5 - step / 100 if learning else 1.0
            slope = 0.001 if learning else 0
            row["reward_per_position"] = [reward + slope * i for i in range(length)]
            if learning:
                row |= {"discriminator_loss": 0.69 - step / 200, "discriminator_accuracy": 0.6}
        if step % 5 == 0:
            row |= {"nll_validation": 2.7 + step / 500 + seed / 100, "entropy": 2.7 - step / 300}
            if oracle:
                row["nll_oracle"] = 3.1 - step / 200 + seed / 50
            if learning:
                row |= {"accuracy_heldout": 0.55, "score_heldout": 0.5, "score_fresh": 0.45}
        rows.append(row)
    return rows


def judging(count=8):
    rows = [{"step": 0, "accuracy_heldout": 0.5, "score_heldout": 0.5, "score_fresh": 0.5}]
    for step in range(1, count + 1):
        row = {"step": step, "discriminator_loss": 0.7, "discriminator_accuracy": 0.5 + step / 100}
        rows.append({**rows[0], **row})
    return rows


def example(methods, seeds, *, oracle=True, curves=True, description="A comparison."):
    """A whole experiment, with scores that differ a little between seeds and methods."""
    names = ["real", *methods]
    scores, histories = {}, {}
    for i, name in enumerate(names):
        for seed in seeds:
            shift = 0.05 * i + 0.01 * seed * (i + 1)
            found = {"bleu_2": 0.9 - shift, "bleu_4": 0.7 - shift}
            found |= {"self_bleu_2": 0.9 - shift, "self_bleu_4": 0.7 + shift / 2}
            if oracle or name != "real":
                found = {"nll_test": 2.4 + shift, "entropy": 2.4 + shift} | found
            if oracle:
                found |= {"nll_oracle": 2.4 + shift, "js_oracle": shift}
            scores[name, seed] = found
    listed = {
        key: [{"name": k, "value": v, "signature": f"n:5|{k}"} for k, v in found.items()]
        for key, found in scores.items()
    }
    frame = summarise(listed, methods=names, baseline="mle" if "mle" in methods else None)
    cells = []
    for row in frame.to_dict("records"):
        plain = {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        cells.append(Cell(**{k: v for k, v in plain.items() if k in Cell.__dataclass_fields__}))
    sweeps = sweeps_of(names, seeds, oracle=oracle) if curves else {}
    baseline = "mle" if "mle" in methods else None
    if curves:
        histories["pretrain_generator", None] = {
            seed: pretraining(seed, oracle=oracle) for seed in seeds
        }
        for name, given in methods.items():
            if given["kind"] == "policy_gradient":
                learning = given["reward"]["kind"] == "discriminator"
                histories["train_adversarially", name] = {
                    seed: rounds(seed, oracle=oracle, learning=learning) for seed in seeds
                }
                if learning:
                    histories["pretrain_discriminator", None] = {seed: judging() for seed in seeds}
    by_method = {name: {seed: scores[name, seed] for seed in seeds} for name in names}
    return Evidence(
        settings_of(
            methods,
            seeds,
            oracle=oracle,
            baseline="mle" if "mle" in methods else None,
            description=description,
        ),
        table_of(*cells),
        histories,
        by_method,
        {name: ["1 2 3", "4 5 6"] for name in names},
        {"kind": "oracle" if oracle else "file", "sentences": {"test": 20, "train": 100}},
        **judged_as_files(sweeps, names, baseline),
    )


def sweeps_of(names, seeds, *, oracle=True):
    """A sweep for every method and seed, real sentences first."""
    return {
        (name, seed): temperatures(place, seed, oracle=oracle)
        for place, name in enumerate(names)
        for seed in seeds
    }


def temperatures(place, seed, *, oracle):
    """The sweep of the ``place``-th method: a curve, or the one point of real sentences."""
    points = []
    for i, temperature in enumerate([0.7, 0.8, 0.9, 1.0, 1.1] if place else [1.0]):
        shift = 0.05 * place + 0.01 * seed
        found = {"bleu_4": 0.7 - i / 20 - shift, "self_bleu_4": 0.8 - i / 15}
        if oracle:
            found |= {"nll_oracle": 2.4 + i / 10 + shift, "nll_test": 2.9 + (i - 3) ** 2 / 20}
        points.append(
            {
                "sampling": {"temperature": temperature},
                "scores": [
                    {"name": k, "value": v, "signature": "n:5", "standard_error": None}
                    for k, v in found.items()
                ],
            }
        )
    return {"points": points, "corner": {"nll_oracle": 9.0, "nll_test": 4.0}}


def write_sweeps(folder, sweeps, names, baseline):
    """Write what summarise says of sweeps; return the paths of both files."""
    table, judgements = folder / "sweep.csv", folder / "judgements.json"
    columns = ["method", "seed", "setting", "metric", "value"]
    pd.DataFrame(list(rows(sweeps)), columns=None if sweeps else columns).to_csv(table)
    content = {
        "planes": judged(sweeps, names, real="real", baseline=baseline),
        "alarms": [{"method": "seqgan", "metric": "unique", "text": "unique is too low."}]
        if "seqgan" in names
        else [],
        "tested": ["Tested: some differences."],
    }
    judgements.write_bytes(readable_json(content))
    return table, judgements


def judged_as_files(sweeps, names, baseline):
    """What the report reads of sweeps, by way of the files that it reads it from."""
    with TemporaryDirectory() as folder:
        table, judgements = write_sweeps(Path(folder), sweeps, names, baseline)
        return {"sweep": read_sweep(table), **read_judgements(judgements)}


FULL = {"mle": MLE, "seqgan": SEQGAN, "control": CONSTANT}
CASES = {
    "full": example(FULL, (1, 2, 3)),
    "one seed": example(FULL, (7,)),
    "text": example(FULL, (1, 2, 3), oracle=False),
    "likelihood alone": example({"mle": MLE, "last": {**MLE, "weights": "last"}}, (1, 2)),
    "one method": example({"mle": MLE}, (1,)),
    "no discriminator": example({"mle": MLE, "control": CONSTANT}, (1, 2, 3)),
    "no baseline": example({"seqgan": SEQGAN}, (1, 2)),
    "many methods": example({"mle": MLE, **{f"variant_{i}": SEQGAN for i in range(9)}}, (1, 2)),
    "no curves": example(FULL, (1, 2), curves=False),
    "text, likelihood alone": example({"mle": MLE}, (1,), oracle=False),
}
