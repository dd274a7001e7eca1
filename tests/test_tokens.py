import pytest
import torch

from seqgan import tokens as contract
from seqgan.decoding import sample_sentences
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import PAD, Alphabet, check_tokens, is_chosen, is_real, without_condition

TEXT = Alphabet(6, start=0, end=1, never_emitted=(0, 2))
ORACLE = Alphabet(4)
GIVEN = Alphabet(8, start=0, end=1, never_emitted=(0, 2, 3), separator=3)
"""Sentences that follow prompts, in which the unknown token 2 may stand."""


def test_what_is_given_is_not_chosen():
    tokens = torch.tensor([[2, 5, 3, 6, 1, PAD], [3, 6, 7, 1, PAD, PAD], [5, 5, 5, 5, 3, 6]])
    check_tokens(tokens, GIVEN)
    assert is_chosen(tokens, GIVEN).int().tolist() == [
        [0, 0, 0, 1, 1, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert without_condition(tokens, GIVEN).tolist() == [
        [6, 1, PAD, PAD, PAD, PAD],
        [6, 7, 1, PAD, PAD, PAD],
        [6, PAD, PAD, PAD, PAD, PAD],
    ]


def test_without_a_separator_everything_real_is_chosen():
    tokens = torch.tensor([[3, 4, 1, PAD]])
    assert torch.equal(is_chosen(tokens, TEXT), is_real(tokens))
    assert without_condition(tokens, TEXT) is tokens


def test_a_separator_is_never_emitted():
    with pytest.raises(ValueError, match="the separator 3 must be an id that is never emitted"):
        Alphabet(8, separator=3)


def test_only_padding_does_not_count():
    tokens = torch.tensor([[0, 3, 1, PAD], [1, PAD, PAD, PAD]])
    assert is_real(tokens).tolist() == [[True, True, True, False], [True, False, False, False]]


@pytest.mark.parametrize("rows", [[[3, 4, 1, PAD], [5, 5, 5, 5], [1, PAD, PAD, PAD]]])
def test_sentences_of_text_may_end_or_fill_the_row(rows):
    check_tokens(torch.tensor(rows), TEXT)


def test_the_start_token_of_an_oracle_is_an_ordinary_token():
    check_tokens(torch.tensor([[0, 0, 3, 0], [1, 2, 3, 0]]), ORACLE)


@pytest.mark.parametrize(
    ("row", "alphabet", "what"),
    [
        ([3, 6, 1, PAD], TEXT, "an id outside the vocabulary"),
        ([3, -2, 1, PAD], TEXT, "an id outside the vocabulary"),
        ([3, 1, 4, PAD], TEXT, "a token after the end"),
        ([3, 1, 1, PAD], TEXT, "a token after the end"),
        ([3, PAD, 4, 1], TEXT, "padding before a token"),
        ([3, 0, 1, PAD], TEXT, "an id that no sentence may contain"),
        ([3, 2, 1, PAD], TEXT, "an id that no sentence may contain"),
        ([3, 4, PAD, PAD], TEXT, "padding, though it has not ended"),
        ([PAD, PAD, PAD, PAD], TEXT, "no token"),
        ([3, 2, 1, PAD], ORACLE, "padding, though its alphabet has no end token"),
        ([3, 2, 1, 4], ORACLE, "an id outside the vocabulary"),
        ([4, 5, 1, PAD], GIVEN, "no condition, or several"),
        ([4, 3, 3, 1], GIVEN, "no condition, or several"),
        ([4, 4, 4, 3], GIVEN, "no sentence after its condition"),
        ([4, 3, 2, 1], GIVEN, "an id that no sentence may contain"),
    ],
)
def test_the_first_broken_row_is_named(row, alphabet, what):
    good = [5, 3, 5, 5] if alphabet is GIVEN else [3, 3, 3, 3]
    with pytest.raises(ValueError, match=rf"^sentence 1 contains {what}: \[{row[0]}, "):
        check_tokens(torch.tensor([good, row, row]), alphabet)


def test_a_large_corpus_is_checked_in_parts(monkeypatch):
    """The row that is named is that of the whole: what weighs most comes first, then its place."""
    rows = torch.tensor([[3, 4, 1, PAD]] * 20)
    rows[2, 0], rows[9, 1], rows[15, 0], rows[17, 0] = 2, PAD, 6, 6

    def errors() -> list[str]:
        lines = []
        for some in (rows, rows[:15], rows[:9], rows.int()):
            with pytest.raises(ValueError, match=r"^sentence") as caught:
                check_tokens(some, TEXT)
            lines.append(str(caught.value))
        return lines

    whole = errors()
    expected = ("15 contains an id outside", "9 contains padding bef", "2 contains an id that")
    for line, part in zip(whole, (*expected, expected[0]), strict=True):
        assert line.startswith(f"sentence {part}")
    seen = []
    monkeypatch.setattr(contract, "is_real", lambda some: seen.append(len(some)) or is_real(some))
    for chunk in (1, 4, 12, 79):
        monkeypatch.setattr(contract, "CHUNK_TOKENS", chunk)
        assert errors() == whole
        assert max(seen) == max(1, chunk // 4)
        seen.clear()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": 4}, "the start token must be an id below 4, but is 4"),
        ({"end": 9}, "the end token must be an id below 4, but is 9"),
        ({"end": -1}, "the end token must be an id below 4, but is -1"),
        ({"end": 1, "never_emitted": (1,)}, "the end token 1 must be one that sentences may"),
    ],
)
def test_an_impossible_alphabet_is_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Alphabet(4, **settings)


@pytest.mark.parametrize("std", [0.1, 3.0])
def test_samples_honour_the_contract(alphabet: Alphabet, std: float, rng: torch.Generator):
    generator = LSTMGenerator(alphabet=alphabet, embedding_dim=4, hidden_dim=5, std=std, rng=rng)
    tokens = sample_sentences(generator, 500, 6, rng)
    check_tokens(tokens, alphabet)
    assert tokens.shape == (500, 6)
    if alphabet.end is not None and std < 1:
        lengths = is_real(tokens).sum(dim=1)
        assert lengths.unique().tolist() == [1, 2, 3, 4, 5, 6]  # the world has every length
    if alphabet.end is None:
        assert (tokens == alphabet.start).any()
