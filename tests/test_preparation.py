"""Datasets of sentences that have labels, prompts or groups, and of tokenizers that are trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqgan.config.corpus import TextCorpus
from seqgan.corpus import text
from seqgan.corpus.dataset import Dataset, read_dataset
from seqgan.corpus.files import Columns, Files
from seqgan.corpus.text import prepare
from seqgan.corpus.vocabulary import UNKNOWN
from seqgan.errors import UserError
from seqgan.tokens import PAD, check_tokens, is_chosen

EVERY = Columns("text", "prompt", "label", "group")


def row(i: int) -> dict[str, str]:
    """A sentence of its own, with everything that may be known of it."""
    return {
        "text": f"answer w{i % 7} w{i % 5} number {i}",
        "prompt": f"question w{i % 3} {i} ?",
        "label": ("bad", "good", "neither")[i % 3],
        "group": f"talk {i // 10}",
    }


def prepared(
    folder: Path, rows: list[dict[str, Any]], **settings: Any
) -> tuple[Dataset, dict[str, Any]]:
    (folder / "t.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    source = {"kind": "file", "path": "x", "label": "label", "prompt": "prompt"}
    usual = {"min_count": 1, "max_length": 8, "max_prompt_length": 6, "unknown": "keep"}
    corpus = TextCorpus(kind="text", source=source, **(usual | settings)).model_dump()
    files = Files({"": [folder / "t.jsonl"]}, columns=EVERY, lenient=True)
    facts = prepare(files, folder / "data", corpus)
    data = read_dataset(folder / "data")
    for split in facts["sentences"]:
        check_tokens(getattr(data, split), data.alphabet)
    return data, facts


def texts(data: Dataset, split: str) -> list[tuple[str, str]]:
    words = data.vocabulary
    assert words is not None
    rows = getattr(data, split).tolist()
    return [(words.decode_condition(each), words.decode(each)) for each in rows]


SPLITS = ("train", "validation", "test")


def test_sentences_follow_their_labels(tmp_path):
    rows = [row(i) for i in range(300)]
    data, facts = prepared(tmp_path, [*rows, {"text": "without a label"}], condition="label")
    assert facts["condition"] == "label"
    assert facts["labels"] == ["bad", "good", "neither"]
    assert facts["left_out"] == {"without a label": 1}
    assert data.vocabulary is not None
    assert data.vocabulary.labels == ("bad", "good", "neither")
    assert data.length == 10
    known = {each["text"]: each["label"] for each in rows}
    for split in ("train",):
        assert all(known[said] == label for label, said in texts(data, split))
    found = [pair for split in SPLITS for pair in texts(data, split)]
    assert len(found) == 300
    assert {label for label, _ in found} == set(known.values())


def test_sentences_follow_their_prompts(tmp_path):
    rows = [row(i) for i in range(300)]
    more = [{"text": "no prompt here"}, {"text": "too long a one", "prompt": "w " * 7}]
    data, facts = prepared(tmp_path, rows + more, condition="prompt")
    assert facts["left_out"] == {"without a prompt": 1, "with too long a prompt": 1}
    assert data.length == 6 + 1 + 8
    known = {each["text"]: each["prompt"].replace(" ?", "?") for each in rows}
    for prompt, said in texts(data, "train"):
        assert known[said] == prompt


@pytest.mark.parametrize("condition", ["prompt", "label"])
def test_unknown_words_drop_sentences_but_not_for_their_prompts(tmp_path, condition):
    rows = [row(i) for i in range(300)]
    for each in rows:
        each["text"] = " ".join(each["text"].split()[:3])  # without its number
    rows += [row(1000)] * 3 + [{**row(3), "text": f"never seen{i} before{i}"} for i in range(3)]
    data, facts = prepared(tmp_path, rows, min_count=2, unknown="drop", condition=condition)
    assert facts["left_out"]["with an unknown word"] >= 3
    for split in SPLITS:
        tokens = getattr(data, split)
        unknown = tokens == UNKNOWN
        assert not (unknown & is_chosen(tokens, data.alphabet)).any()
        assert unknown.any() == (condition == "prompt")


def test_the_column_of_a_condition_must_be_named():
    source = {"kind": "file", "path": "x"}
    with pytest.raises(ValueError, match=r"`condition: label` needs the name of the column"):
        TextCorpus(kind="text", source=source, condition="label")


def test_groups_are_in_one_set_and_copies_in_no_two(tmp_path):
    rows = [row(i) for i in range(600)]
    common = [{**row(i), "text": "answer w1 w1 number", "prompt": "hi"} for i in range(0, 600, 10)]
    data, facts = prepared(tmp_path, rows + common, split_by="group")
    group = {each["text"]: each["group"] for each in rows}
    found = {split: [said for _, said in texts(data, split)] for split in SPLITS}
    groups = [{group[said] for said in found[split] if said in group} for split in SPLITS]
    assert not (groups[0] & groups[1])
    assert not (groups[0] & groups[2])
    assert not (groups[1] & groups[2])
    assert "answer w1 w1 number" in found["test"]
    assert "answer w1 w1 number" not in found["train"] + found["validation"]
    kept = found["test"].count("answer w1 w1 number")
    assert sum(facts["left_out"].values()) == 60 - kept
    assert facts["left_out"]["also in the test set"] == 60 - kept


def test_groups_that_nobody_names(tmp_path):
    with pytest.raises(UserError, match=r"`split_by: group`, but no sentence of .*t\.jsonl names"):
        prepared(tmp_path, [{"text": f"some text {i}"} for i in range(99)], split_by="group")


def test_the_discriminator_may_have_sentences_of_its_own(tmp_path):
    data, facts = prepared(tmp_path, [row(i) for i in range(400)], discriminator_share=0.3)
    assert data.discriminator is not None
    assert facts["sentences"]["discriminator"] == len(data.discriminator) == len(data.positives)
    assert 80 < len(data.positives) < 160
    both = {tuple(each) for each in data.train.tolist()} & {
        tuple(each) for each in data.positives.tolist()
    }
    assert not both
    (tmp_path / "other").mkdir()
    plain, _ = prepared(tmp_path / "other", [row(i) for i in range(400)])
    assert plain.positives is plain.train


def test_sets_of_their_own_files(tmp_path):
    for name, numbers in (("train", range(200)), ("test", range(150, 230))):
        lines = [row(i)["text"] for i in numbers]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    source = {"kind": "file", "path": "train.txt", "test_path": "test.txt"}
    corpus = TextCorpus(kind="text", source=source, min_count=1, unknown="keep").model_dump()
    files = Files({"": [tmp_path / "train.txt"], "test": [tmp_path / "test.txt"]})
    facts = prepare(files, tmp_path / "data", corpus)
    assert facts["sentences"]["test"] == 80
    assert facts["left_out"] == {"also in the test set": 50}
    assert facts["sentences"]["train"] + facts["sentences"]["validation"] == 150
    assert facts["sentences"]["validation"] > 5


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_a_trained_tokenizer_knows_the_training_set_alone(tmp_path, algorithm):
    tokenizer = {"kind": "subword", "algorithm": algorithm, "vocab_size": 320}
    rows = [row(i) for i in range(300)]
    held_out = [{"text": f"zyxwvu {i} zyxwvu"} for i in range(40)]
    settings = {"tokenizer": tokenizer, "max_length": 60}
    data, facts = prepared(tmp_path, rows + held_out, **settings)
    assert data.vocabulary is not None
    assert facts["unit"] == "pieces"
    assert facts["vocabulary_size"] == len(data.vocabulary.words) <= 320
    assert not (data.train == UNKNOWN).any()
    assert not (data.test == UNKNOWN).any()
    assert {said for split in SPLITS for _, said in texts(data, split)} == {
        each["text"] for each in rows + held_out
    }
    # Neither the order of lines nor sentences of other sets decide.
    again, _ = prepared(tmp_path, (rows + held_out)[::-1], **settings)
    assert again.vocabulary == data.vocabulary


def test_a_tokenizer_is_trained_on_a_sample_that_order_does_not_decide(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "TOKENIZER_SENTENCES", 20)
    seen: list[list[str]] = []

    def spy(settings, lines):
        seen.append(list(lines))
        return fit(settings, seen[-1])

    fit = text.fit
    monkeypatch.setattr(text, "fit", spy)
    rows = [row(i) for i in range(200)]
    tokenizer = {"kind": "subword", "vocab_size": 300}
    for some in (rows, rows[::-1]):
        data, _ = prepared(tmp_path, some, tokenizer=tokenizer, max_length=60)
        train = {said for _, said in texts(data, "train")}
    assert seen[0] == seen[1]
    assert len(seen[0]) == 20
    assert set(seen[0]) <= train


@pytest.mark.parametrize("kind", ["whitespace", "character", "byte", "chinese", "abc", "python"])
def test_every_tokenizer_makes_a_dataset(tmp_path, kind):
    rows = [row(i) for i in range(200)]
    data, facts = prepared(tmp_path, rows, tokenizer={"kind": kind}, max_length=50)
    assert data.vocabulary is not None
    assert data.vocabulary.tokenizer.settings()["kind"] == kind
    assert sum(facts["sentences"].values()) == 200
    lines = {said for _, said in texts(data, "train")}
    words = data.vocabulary.tokenizer
    assert len(lines) == facts["sentences"]["train"]
    assert lines < {words.join(words.split(each["text"])) for each in rows}


def test_prompts_that_nobody_follows_tell_no_copies_apart(tmp_path):
    rows = [{**row(i % 60), "prompt": f"question {i} ?"} for i in range(600)]
    data, _ = prepared(tmp_path, rows)
    found = [{said for _, said in texts(data, split)} for split in SPLITS]
    assert not (found[0] & found[1])
    assert not (found[0] & found[2])


def test_labels_without_training_sentences_are_left_out(tmp_path):
    rows = [row(i) for i in range(300)] + [
        {**row(i), "label": f"rare {i}"} for i in range(300, 340)
    ]
    data, facts = prepared(tmp_path, rows, condition="label")
    trained = {label for label, _ in texts(data, "train")}
    assert trained == set(facts["labels"])
    lost = facts["left_out"]["with a label that the training set has not"]
    assert lost > 0
    assert lost + sum(facts["sentences"].values()) == 340


def test_a_text_of_nothing_but_unknown_words(tmp_path):
    rows = [{"text": f"a{i} b{i} c{i}"} for i in range(99)]
    with pytest.raises(UserError, match="no token is seen 2 times in the training set"):
        prepared(tmp_path, rows, min_count=2)


def test_more_labels_than_anybody_has(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MOST_LABELS", 20)
    rows = [{"text": f"some text {i}", "label": str(i)} for i in range(40)]
    with pytest.raises(UserError, match=r"t\.jsonl has more than 20 labels; is `corpus.source.l"):
        prepared(tmp_path, rows, condition="label")


def test_rows_are_padded_behind_the_end(tmp_path):
    data, _ = prepared(tmp_path, [row(i) for i in range(100)], condition="label")
    array = np.load(tmp_path / "data/train.npy")
    assert array.shape[1] == data.length
    assert (array[:, -1] == PAD).all()
    assert torch.equal(data.train, torch.from_numpy(array))
