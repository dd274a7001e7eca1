import functools
import json
import operator
import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

import slow_twins
from seqgan.arrays import RowWriter
from seqgan.config.corpus import TextCorpus
from seqgan.corpus import draft, files, text
from seqgan.corpus.dataset import (
    Dataset,
    read_alphabet,
    read_dataset,
    read_tokens,
    write_alphabet,
    write_dataset,
    write_tokens,
)
from seqgan.corpus.draft import pad
from seqgan.corpus.files import Files, Record
from seqgan.corpus.splits import Splitter
from seqgan.corpus.text import prepare
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import (
    END,
    START,
    UNKNOWN,
    Vocabulary,
    most_frequent,
    read_vocabulary,
    write_vocabulary,
)
from seqgan.errors import UserError
from seqgan.tokens import PAD, Alphabet, check_tokens
from stage_worlds import content

SRC = Path(__file__).parents[1] / "src"

# --- vocabulary -----------------------------------------------------------------------------------


def test_words_by_frequency_then_alphabet():
    counts = {"d": 1, "b": 2, "a": 4, "c": 1}  # d comes first, but after c
    assert most_frequent(counts, max_vocabulary=9, min_count=1) == ("a", "b", "c", "d")
    assert most_frequent(counts, max_vocabulary=3, min_count=1) == ("a", "b", "c")
    assert most_frequent(counts, max_vocabulary=9, min_count=2) == ("a", "b")


VOCABULARY = Vocabulary(("the", "cat", ","), WordTokenizer())


def test_a_sentence_comes_back():
    tokens = VOCABULARY.encode(["the", "cat", ",", "the"])
    assert tokens == [3, 4, 5, 3, END]
    assert VOCABULARY.decode(tokens) == "the cat, the"
    assert VOCABULARY.decode([*tokens, PAD, PAD]) == "the cat, the"
    assert VOCABULARY.decode([3, 4]) == "the cat"  # a sentence that reached the longest length


def test_unknown_words_become_the_unknown_token():
    assert VOCABULARY.encode(["the", "dog"]) == [3, UNKNOWN, END]
    assert VOCABULARY.decode([3, UNKNOWN, END]) == "the <unknown>"


def test_the_alphabet_of_a_vocabulary():
    alphabet = VOCABULARY.alphabet
    assert (alphabet.vocab_size, alphabet.start, alphabet.end) == (6, START, END)
    assert alphabet.never_emitted == (START, UNKNOWN)
    keep = Vocabulary(("a",), WordTokenizer(), emit_unknown=True)
    assert keep.alphabet.never_emitted == (START,)


LABELS = Vocabulary(("the", "cat"), WordTokenizer(), condition="label", labels=("bad", "good"))
PROMPTS = Vocabulary(("the", "cat"), WordTokenizer(), condition="prompt")


def test_a_sentence_follows_its_label():
    tokens = LABELS.encode(["the", "cat"], LABELS.encode_label("good"))
    assert tokens == [5, 3, 6, 7, END]
    assert LABELS.special == ("<start>", "<end>", "<unknown>", "<separator>", "<bad>", "<good>")
    assert (LABELS.decode(tokens), LABELS.decode_condition(tokens)) == ("the cat", "good")
    assert LABELS.alphabet == Alphabet(
        8, start=START, end=END, never_emitted=(0, 2, 3, 4, 5), separator=3
    )
    with pytest.raises(ValueError, match="not in tuple"):
        LABELS.encode_label("fine")


def test_a_sentence_follows_its_prompt():
    tokens = PROMPTS.encode(["cat"], PROMPTS.encode_prompt(["the", "dog"]))
    assert tokens == [4, UNKNOWN, 3, 5, END]
    assert PROMPTS.decode(tokens) == "cat"
    assert PROMPTS.decode_condition(tokens) == "the <unknown>"
    assert PROMPTS.decode(PROMPTS.encode([], PROMPTS.encode_prompt([]))) == ""
    check_tokens(torch.tensor([tokens]), PROMPTS.alphabet)


def test_labels_are_where_they_are_a_condition():
    for wrong in ({"condition": "label"}, {"labels": ("a",)}):
        with pytest.raises(ValueError, match="there are labels where"):
            Vocabulary(("a",), WordTokenizer(), **wrong)


def test_a_condition_of_another_kind(tmp_path):
    write_vocabulary(tmp_path / "v.json", VOCABULARY)
    text = (tmp_path / "v.json").read_text().replace('"none"', '"mood"')
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(UserError, match="a condition is one of none, label, prompt"):
        read_vocabulary(tmp_path / "v.json")


@pytest.mark.parametrize("vocabulary", [LABELS, PROMPTS])
def test_a_vocabulary_with_conditions_survives_its_file(tmp_path, vocabulary):
    write_vocabulary(tmp_path / "v.json", vocabulary)
    write_alphabet(tmp_path / "a.json", vocabulary.alphabet)
    assert read_vocabulary(tmp_path / "v.json") == vocabulary
    assert read_alphabet(tmp_path / "a.json") == vocabulary.alphabet


def test_a_vocabulary_survives_its_file(tmp_path):
    vocabulary = Vocabulary(("ü", "\u2028", '"'), WordTokenizer(lowercase=False), emit_unknown=True)
    write_vocabulary(tmp_path / "v.json", vocabulary)
    assert read_vocabulary(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize("content", ["[]", "{}", '{"words": 3}', '{"words": [], "tokenizer": 3}'])
def test_a_file_that_is_no_vocabulary(tmp_path, content):
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(UserError, match=r"v\.json does not describe a vocabulary"):
        read_vocabulary(tmp_path / "v.json")


# --- preparation ----------------------------------------------------------------------------------

SETTINGS = TextCorpus(kind="text", source={"kind": "file", "path": "text.txt"}).model_dump() | {
    "min_count": 1,
    "max_length": 6,
}


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    words = [f"w{i}" for i in range(12)]
    return [" ".join(rng.choices(words, k=rng.randint(3, 5))) for _ in range(count)]


def prepared(tmp_path: Path, text: list[str], **settings) -> tuple[Dataset, dict]:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(text), encoding="utf-8")
    facts = prepare(Files({"": [path]}), tmp_path / "data", SETTINGS | settings)
    assert json.loads((tmp_path / "data/facts.json").read_text()) == facts
    return read_dataset(tmp_path / "data"), facts


def decoded(dataset: Dataset, split: str) -> list[str]:
    assert dataset.vocabulary is not None
    return [dataset.vocabulary.decode(row) for row in getattr(dataset, split).tolist()]


SPLITS = ("train", "validation", "test")


def test_every_sentence_comes_back_in_one_split(tmp_path):
    text = sentences(400)
    dataset, facts = prepared(tmp_path, text)
    found = {split: decoded(dataset, split) for split in SPLITS}
    assert sorted(functools.reduce(operator.iadd, found.values(), [])) == sorted(text)
    assert facts["sentences"] == {split: len(found[split]) for split in SPLITS}
    assert facts["lines"] == 400
    assert 20 < len(found["test"]) < 60
    assert 20 < len(found["validation"]) < 60
    for split in SPLITS:
        check_tokens(getattr(dataset, split), dataset.alphabet)
        assert getattr(dataset, split).shape[1] == 6


def test_copies_never_straddle_two_splits(tmp_path):
    text = sentences(200)
    dataset, _ = prepared(tmp_path, text + [line.upper() for line in text] * 2)
    found = [set(decoded(dataset, split)) for split in SPLITS]
    assert not (found[0] & found[1])
    assert not (found[0] & found[2])
    assert not (found[1] & found[2])
    assert sum(len(getattr(dataset, split)) for split in SPLITS) == 600  # copies are kept


def test_added_lines_move_no_other(tmp_path):
    text, more = sentences(200), sentences(300, seed=1)
    before, _ = prepared(tmp_path, text)
    after, _ = prepared(tmp_path, more + text)
    for split in SPLITS:
        assert set(decoded(before, split)) <= set(decoded(after, split))


def test_the_shares_decide_the_split():
    records = [Record(f"{i} {sentence}") for i, sentence in enumerate(sentences(2000))]
    chosen = [Splitter({"test": 0.3, "validation": 0.2}).choose(each) for each in records]
    assert abs(chosen.count("validation") / 2000 - 0.2) < 0.04
    assert abs(chosen.count("test") / 2000 - 0.3) < 0.04
    larger = [Splitter({"test": 0.4, "validation": 0.2}).choose(each) for each in records]
    assert all(now == "test" for was, now in zip(chosen, larger, strict=True) if was == "test")


def test_lengths_count_the_end_token(tmp_path):
    text = sentences(300) + ["w0 w1"] * 3 + ["w0 w1 w2 w3 w4 w5"] * 2
    dataset, facts = prepared(tmp_path, text)
    assert facts["left_out"]["too short"] == 3
    assert facts["left_out"]["too long"] == 2
    lengths = (dataset.train != PAD).sum(dim=1)
    assert (lengths.min(), lengths.max()) == (4, 6)  # three and five words, and the end
    assert (dataset.train == END).sum() == len(dataset.train)
    dataset, facts = prepared(tmp_path, text, min_length=2, max_length=7)
    assert "too short" not in facts["left_out"]
    assert (dataset.train != PAD).sum(dim=1).max() <= 7


def split_of(line: str) -> str:
    return Splitter.of(SETTINGS).choose(Record(line))


def test_the_vocabulary_comes_from_the_training_split_alone(tmp_path):
    rare = [f"w0 w1 only{i}" for i in range(60)]
    dataset, facts = prepared(tmp_path, sentences(300) + rare, unknown="keep")
    assert dataset.vocabulary is not None
    for line in rare:
        known = line.split()[-1] in dataset.vocabulary.words
        assert known == (split_of(line) == "train")
    assert facts["share_with_unknown_word"]["train"] == 0
    assert facts["share_with_unknown_word"]["test"] > 0


def test_sentences_with_unknown_words_are_dropped_or_kept(tmp_path):
    rare = [f"w0 w1 only{i}" for i in range(60)]
    dropped, facts = prepared(tmp_path, sentences(300) + rare, min_count=2)
    assert facts["left_out"]["with an unknown word"] == 60
    assert sum(facts["sentences"].values()) == 300
    assert dropped.alphabet.never_emitted == (START, UNKNOWN)
    kept, facts = prepared(tmp_path, sentences(300) + rare, min_count=2, unknown="keep")
    assert sum(facts["sentences"].values()) == 360
    assert kept.alphabet.never_emitted == (START,)
    assert decoded(kept, "train").count("w0 w1 <unknown>") == sum(
        split_of(line) == "train" for line in rare
    )
    for dataset in (dropped, kept):
        for split in SPLITS:
            check_tokens(getattr(dataset, split), dataset.alphabet)


def test_the_vocabulary_is_cut_to_the_most_frequent(tmp_path):
    text = sentences(300)
    dataset, facts = prepared(tmp_path, text, max_vocabulary=5, unknown="keep")
    assert facts["vocabulary_size"] == 5
    assert dataset.alphabet.vocab_size == 8
    every, _ = prepared(tmp_path, text)
    assert dataset.vocabulary is not None
    assert every.vocabulary is not None
    assert dataset.vocabulary.words == every.vocabulary.words[:5]


@pytest.mark.parametrize(
    ("text", "settings", "reason"),
    [
        ([], {}, "0 lines, left out: none"),
        (["a b c d"], {}, "1 lines, left out: none"),  # for training
        (["a b"] * 50, {}, "50 lines, left out: 50 too short"),
        (["a b c d e f g"] * 50, {}, "50 lines, left out: 50 too long"),
        ([f"a{i} b{i} c{i}" for i in range(99)], {"min_count": 2}, "99 with an unknown word"),
    ],
    ids=["empty", "one line", "short", "long", "unknown"],
)
def test_a_split_that_would_be_empty_says_why(tmp_path, text, settings, reason):
    with pytest.raises(UserError) as caught:
        prepared(tmp_path, text, **settings)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}/t.txt leaves ")
    assert reason in line
    assert "\n" not in line
    assert line.endswith("lower `min_count`, or set `unknown: keep`")


def test_scripts_without_spaces_are_one_word_a_phrase(tmp_path):
    """What the word tokenizer promises for them: marks part the phrases, nothing is lost."""
    text = [f"白日{a}，黄河{b}。" for a in "一二三四五六七八" for b in "九十百千万亿兆京"]
    dataset, _ = prepared(tmp_path, text, unknown="keep")
    assert dataset.vocabulary is not None
    assert {"，", "。"} <= set(dataset.vocabulary.words)
    assert "白日一" in dataset.vocabulary.words


@pytest.mark.parametrize("unknown", ["drop", "keep"])
@pytest.mark.parametrize(("buffer", "block"), [(1, 1), (60, 100), (2**16, 2**18)])
def test_a_dataset_is_that_of_a_text_in_memory(tmp_path, monkeypatch, unknown, buffer, block):
    monkeypatch.setattr(draft, "BUFFER", buffer)
    monkeypatch.setattr(draft, "BLOCK", block)
    monkeypatch.setattr(text, "MEGABYTE", 1000)
    monkeypatch.setattr(files, "MEGABYTE", 1000)
    rare = [f"w0 Größe only{i}, w{i}" for i in range(40)]
    lines = [*sentences(300), "w1", *rare, "", *sentences(50, seed=3), "w2 " * 9]
    settings = {"unknown": unknown, "min_count": 2, "max_vocabulary": 14}
    _, facts = prepared(tmp_path, lines, **settings)
    expected = slow_twins.prepare(tmp_path / "t.txt", SETTINGS | settings)
    assert facts == expected[1]
    assert facts["left_out"].keys() >= {"too short", "too long"}
    write_dataset(tmp_path / "twin", *expected)
    assert content(tmp_path / "data") == content(tmp_path / "twin")


def test_memory_does_not_grow_with_the_sentences(tmp_path):
    """In a process of its own, whose functions are as fast as those of a user."""
    few = "\n".join(sentences(25_000)) + "\n"
    script = (
        "import sys, json, tracemalloc\nfrom pathlib import Path\n"
        "from seqgan.corpus import text\nfrom seqgan.corpus.files import Files\n"
        "text.card = lambda *_, **__: {}\n"  # whose memory is a matter of its own
        "tracemalloc.start()\n"
        "files = Files({'': [Path(sys.argv[1])]})\n"
        "text.prepare(files, Path(sys.argv[2]), json.loads(sys.argv[3]))\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    paths, settings = [str(tmp_path / "t.txt"), str(tmp_path / "data")], {"max_length": 20}
    command = [sys.executable, "-c", script, *paths, json.dumps(SETTINGS | settings)]
    peaks = []
    for times in (1, 4):
        (tmp_path / "t.txt").write_text(few * times)
        environment = os.environ | {"PYTHONPATH": str(SRC)}
        peaks.append(int(subprocess.check_output(command, env=environment)))
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("short", [0, 1])
def test_the_steps_of_a_preparation_tell_how_far_it_is(tmp_path, monkeypatch, short):
    """The last megabyte may be whole, or a byte short of it."""
    monkeypatch.setattr(text, "MEGABYTE", 1000)
    monkeypatch.setattr(files, "MEGABYTE", 1000)
    monkeypatch.setattr(draft, "BLOCK", 600)  # a hundred sentences
    seen: dict[str, list[int]] = {}

    def follow(steps, *, total, unit):
        seen[unit] = [total]
        for step, metrics in steps:
            seen[unit].append(step)
            assert metrics
            yield step, metrics

    path = tmp_path / "t.txt"
    lines = "\n".join([*sentences(150), "\n" * 2500, *sentences(250)]) + "\n"
    full = "\n" * (-len(lines) % 1000 - short) + lines
    path.write_text(full)
    size = -(-len(full) // 1000)
    prepare(Files({"": [path]}), tmp_path / "data", SETTINGS, follow)
    total, *steps = seen["megabyte"]
    assert total == size == steps[-1]
    assert steps == sorted(set(steps))
    assert 4 < len(steps) < total  # the blank lines are passed over at once
    total, *steps = seen["block"]
    assert steps == list(range(1, total + 1))
    assert total >= 5


def test_ids_do_not_depend_on_the_hash_seed(tmp_path):
    (tmp_path / "t.txt").write_text("\n".join(sentences(200)))
    script = (
        "import sys, json\nfrom pathlib import Path\n"
        "from seqgan.corpus.files import Files\nfrom seqgan.corpus.text import prepare\n"
        "prepare(Files({'': [Path(sys.argv[1])]}), Path(sys.argv[2]), json.loads(sys.argv[3]))"
    )
    seen = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONPATH": str(SRC), "PYTHONHASHSEED": seed}
        paths = [str(tmp_path / "t.txt"), str(tmp_path / seed)]
        command = [sys.executable, "-c", script, *paths, json.dumps(SETTINGS)]
        subprocess.run(command, env=environment, check=True)
        seen.add(frozenset(content(tmp_path / seed).items()))
    assert len(seen) == 1


def test_rows_are_padded_at_the_end():
    tokens = pad([[3, END], [], [4, 4, END]], 4)
    assert tokens.dtype == np.int32
    assert tokens.tolist() == [[3, END, PAD, PAD], [PAD] * 4, [4, 4, END, PAD]]


# --- datasets on disk -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    prepared(tmp_path, sentences(200))
    return tmp_path / "data"


def test_a_dataset_comes_back(tmp_path):
    dataset, facts = prepared(tmp_path, sentences(200))
    folder = tmp_path / "again"
    write_dataset(folder, dataset, facts)
    assert content(folder) == content(tmp_path / "data")
    found = read_dataset(folder)
    for split in SPLITS:
        assert torch.equal(getattr(found, split), getattr(dataset, split))
        assert getattr(found, split).dtype == torch.int32
    assert (found.alphabet, found.vocabulary) == (dataset.alphabet, dataset.vocabulary)
    assert found.length == 6
    assert np.load(folder / "train.npy", allow_pickle=False).dtype == np.int32


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 1), (12_345, 7)])
def test_an_array_that_is_written_in_parts_has_the_bytes_of_a_whole_one(tmp_path, shape):
    array = np.arange(shape[0] * shape[1], dtype=np.int64).reshape(shape)
    with RowWriter(tmp_path / "parts.npy", shape[1]) as file:
        for some in np.array_split(array, 4):
            file.append(some)
    np.save(tmp_path / "whole.npy", array.astype(np.int32), allow_pickle=False)
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_tokens_stay_in_their_file(tmp_path):
    path = tmp_path / "t.npy"
    write_tokens(path, torch.full((50_000, 20), 3))
    tracemalloc.start()
    try:
        tokens = read_tokens(path)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert tokens.shape == (50_000, 20)
    before = path.read_bytes()
    tokens[0] = 4  # without a warning, and without a trace
    assert path.read_bytes() == before
    write_tokens(path, torch.full((1, 20), 5))  # who has mapped the old ones keeps them
    assert tokens[:, 0].tolist() == [4] + [3] * 49_999
    assert read_tokens(path).tolist() == [[5] * 20]


@pytest.mark.parametrize("dtype", ["<i8", ">i4", "|u1", "<i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_integers_are_converted(tmp_path, dtype, order):
    array = np.asarray([[3, 4, 1], [5, 1, 7]], dtype=dtype, order=order)
    np.save(tmp_path / "t.npy", array, allow_pickle=False)
    found = read_tokens(tmp_path / "t.npy")
    assert (found.dtype, found.tolist()) == (torch.int64, array.tolist())


def test_an_array_by_columns_is_read_by_columns(tmp_path):
    array = np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3))
    np.save(tmp_path / "t.npy", array, allow_pickle=False)
    assert read_tokens(tmp_path / "t.npy").tolist() == array.tolist()


def test_a_dataset_without_words(tmp_path):
    tokens = torch.tensor([[0, 1], [1, 1]])
    write_dataset(tmp_path, Dataset(tokens, tokens, tokens, Alphabet(2)), {})
    assert read_dataset(tmp_path).vocabulary is None


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_array(folder, keep):
    path = folder / "train.npy"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"train\.npy is not an array of tokens .*cut short\?$"):
        read_dataset(folder)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros(3, int), np.zeros((2, 3), bool)])
def test_an_array_of_something_else(folder, array):
    np.save(folder / "test.npy", array, allow_pickle=False)
    with pytest.raises(UserError, match=r"test\.npy must hold a table of token ids, but holds "):
        read_dataset(folder)


def test_a_pickled_array_is_refused(folder):
    np.save(folder / "test.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"test\.npy is not an array of tokens"):
        read_dataset(folder)


@pytest.mark.parametrize("name", ["train.npy", "alphabet.json"])
def test_a_missing_part(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"^no such file: .*{name}$"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tokens: tokens.__setitem__((1, 0), 99), "an id outside the vocabulary"),
        (lambda tokens: tokens.__setitem__((1, 0), -2), "an id outside the vocabulary"),
        (lambda tokens: tokens.__setitem__((1, 0), PAD), "padding before a token"),
        (lambda tokens: tokens.__setitem__((1, 0), START), "an id that no sentence may contain"),
        (lambda tokens: tokens.__setitem__((1, 0), END), "a token after the end"),
    ],
)
def test_tokens_that_break_the_contract(folder, change, reason):
    tokens = read_tokens(folder / "validation.npy")
    change(tokens)
    write_tokens(folder / "validation.npy", tokens)
    with pytest.raises(UserError, match=rf"validation\.npy: sentence 1 contains {reason}: \["):
        read_dataset(folder)


def test_an_alphabet_comes_back(tmp_path):
    for alphabet in (Alphabet(5), Alphabet(9, start=2, end=1, never_emitted=(0, 2))):
        write_alphabet(tmp_path / "a.json", alphabet)
        assert read_alphabet(tmp_path / "a.json") == alphabet


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"vocab_size": 3}', '{"vocab_size": 3, "never_emitted": [], "x": 1}',
     '{"vocab_size": 3, "start": 7, "never_emitted": []}', '{"never_emitted": 3}'],
)  # fmt: skip
def test_a_file_that_is_no_alphabet(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=r"a\.json does not describe an alphabet"):
        read_alphabet(tmp_path / "a.json")
