from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan.corpus.files import Record
from seqgan.corpus.splits import Splitter, fingerprint, normalised

SHARES = {"test": 0.2, "validation": 0.1, "discriminator": 0.3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat,  SAT!", "the cat sat"),
        ("ＦＵＬＬ ﬁ Straße", "full fi strasse"),
        ("( ( ) )", "( ( ) )"),
        ("白日依山盡，", "白日依山盡"),
        ("", ""),
    ],
)
def test_copies_differ_in_case_space_and_marks(text, expected):
    assert normalised(text) == expected


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)


def test_a_fingerprint_is_that_of_the_sentence_and_its_prompt():
    assert fingerprint(Record("A b.")) == fingerprint(Record("a  b", label="x", group="y"))
    assert fingerprint(Record("a b")) != fingerprint(Record("a c"))
    assert fingerprint(Record("b", prompt="a")) == fingerprint(Record("B", prompt="a!"))
    assert len({fingerprint(Record("b", prompt=each)) for each in (None, "a", "c")}) == 3


def test_the_sets_have_their_shares():
    splitter = Splitter(SHARES)
    found = Counter(splitter.choose(Record(f"sentence {i}")) for i in range(10_000))
    for name, share in (SHARES | {"train": 0.4}).items():
        assert abs(found[name] / 10_000 - share) < 0.02


def test_groups_stay_together():
    splitter = Splitter(SHARES, by_group=True)
    for talk in range(50):
        found = {splitter.choose(Record(f"{i}", group=f"talk {talk}")) for i in range(9)}
        assert len(found) == 1
    alone = {splitter.choose(Record(f"{i}")) for i in range(50)}
    assert len(alone) > 2  # without a group, by what they say
    assert splitter.choose(Record("a", group="b")) == Splitter(SHARES).choose(Record("b"))


def test_a_set_that_is_given_is_kept():
    assert Splitter(SHARES).choose(Record("a", split="validation")) == "validation"


def test_a_held_out_sentence_keeps_its_copies_out_of_other_sets():
    splitter = Splitter(SHARES)
    for text, split in (("in test", "test"), ("in both", "test"), ("in both", "validation")):
        splitter.note(Record(text), split)
    splitter.note(Record("in train"), "train")
    found = {
        (text, split): splitter.straddles(Record(text), split)
        for text in ("In test.", "in both", "in train")
        for split in ("test", "validation", "discriminator", "train")
    }
    assert {key: other for key, other in found.items() if other} == {
        ("In test.", "validation"): "test",
        ("In test.", "discriminator"): "test",
        ("In test.", "train"): "test",
        ("in both", "validation"): "test",
        ("in both", "discriminator"): "test",
        ("in both", "train"): "test",
    }


def test_a_set_with_a_file_of_its_own_takes_no_share():
    settings = {"split_by": "group", "source": {"validation_path": "v.txt", "test_path": None}}
    settings |= {f"{name}_share": share for name, share in SHARES.items()}
    splitter = Splitter.of(settings)
    assert splitter.shares == SHARES | {"validation": 0.0}
    assert splitter.by_group
