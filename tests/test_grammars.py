import ast
import itertools
from collections import Counter

import pytest

from seqgan.corpus.grammars import GRAMMARS, generate, grammar, is_member
from seqgan.errors import UserError

LONGEST = {"arithmetic": 5, "dyck-1": 10, "dyck-2": 6, "palindrome": 10, "anbn": 10, "copy": 9}


def support(name, length):
    language = grammar(name).counted(length)
    return [tuple(language.sentence(length, n)) for n in range(language.count(length))]


# --- what each language is, said once more in another way -----------------------------------------


def balanced(text, pairs):
    """Brackets side by side vanish until nothing is left."""
    while text:
        shorter = text
        for pair in pairs:
            shorter = shorter.replace(pair, "")
        if shorter == text:
            return False
        text = shorter
    return True


def python_reads(text):
    """Python's own grammar, without signs, calls and tuples, and without numbers side by side."""
    try:
        tree = ast.parse(" ".join(text), mode="eval")
    except SyntaxError:
        return False
    allowed = (
        ast.Expression, ast.BinOp, ast.Constant, ast.Name, ast.Load,
        ast.Add, ast.Sub, ast.Mult, ast.Div,
    )  # fmt: skip
    return all(isinstance(node, allowed) for node in ast.walk(tree))


TWINS = {
    "arithmetic": python_reads,
    "dyck-1": lambda text: balanced(text, ["()"]),
    "dyck-2": lambda text: balanced(text, ["()", "[]"]),
    "palindrome": lambda text: text == text[::-1] and len(text) % 2 == 0,
    "anbn": lambda text: any(text == "a" * n + "b" * n for n in range(1, 9)),
    "copy": lambda text: text.count("c") == 1 and len(set(text.split("c"))) == 1 and text != "c",
}
ALPHABETS = {name: each.tokens for name, each in GRAMMARS.items()} | {"arithmetic": "7x+/()"}


@pytest.mark.parametrize("name", GRAMMARS)
def test_membership_and_its_twin_agree_on_every_short_string(name):
    assert not is_member(name, [])
    for length in range(1, LONGEST[name] + 1):
        for tokens in itertools.product(ALPHABETS[name], repeat=length):
            assert is_member(name, tokens) == TWINS[name]("".join(tokens)), tokens


@pytest.mark.parametrize("name", GRAMMARS)
def test_the_numbered_sentences_are_the_whole_language_each_once(name):
    for length in range(1, LONGEST[name] + 1):
        found = support(name, length)
        assert len(set(found)) == len(found)
        if name != "arithmetic":
            strings = itertools.product(grammar(name).tokens, repeat=length)
            assert set(found) == {tokens for tokens in strings if is_member(name, tokens)}
            continue
        # Too many signs to write down all strings: 13 operands and 4 operators are alike.
        assert all(is_member(name, tokens) for tokens in found)
        weights = {"1": 13, "+": 4, "(": 1, ")": 1}
        total = 0
        for tokens in itertools.product(weights, repeat=length):
            size = 1
            for token in tokens:
                size *= weights[token]
            total += size * is_member(name, tokens)
        assert len(found) == total


@pytest.mark.parametrize("name", GRAMMARS)
def test_an_unknown_or_longer_token_is_in_no_language(name):
    tokens = next(generate(name, 1, 9, 0)).split()
    assert is_member(name, tokens)
    for place in range(len(tokens)):
        for bad in ("<unk>", "", tokens[place] * 2, "ab", "+-", "(["):
            assert not is_member(name, [*tokens[:place], bad, *tokens[place + 1 :]])


def test_counts_are_the_known_ones():
    catalan = [1, 1, 2, 5, 14, 42, 132]
    for n, expected in enumerate(catalan):
        assert grammar("dyck-1").counted(12).count(2 * n) == expected
        assert grammar("dyck-2").counted(12).count(2 * n) == expected * 2**n
        assert grammar("palindrome").counted(12).count(2 * n) == 2**n
    assert [grammar("anbn").counted(6).count(n) for n in range(7)] == [0, 0, 1, 0, 1, 0, 1]
    assert [grammar("copy").counted(6).count(n) for n in range(7)] == [0, 0, 0, 2, 0, 4, 0]
    assert [grammar("arithmetic").counted(5).count(n) for n in range(5)] == [0, 13, 0, 689, 0]


@pytest.mark.parametrize("name", GRAMMARS)
@pytest.mark.parametrize("max_length", [3, 8, 31])
def test_generated_sentences_belong_to_the_language(name, max_length):
    alphabet = set(grammar(name).tokens)
    sentences = list(generate(name, 200, max_length, 5))
    assert len(sentences) == 200
    for sentence in sentences:
        tokens = sentence.split(" ")
        assert set(tokens) <= alphabet
        assert len(tokens) <= max_length
        assert is_member(name, tokens)
    lengths = {len(sentence.split()) for sentence in sentences}
    assert max(lengths) >= max_length - 1


def test_lengths_and_sentences_of_a_length_are_uniform():
    drawn = Counter(generate("dyck-1", 12_000, 6, 3))
    by_length = Counter()
    for sentence, count in drawn.items():
        by_length[len(sentence.split())] += count
    assert set(by_length) == {2, 4, 6}
    assert all(abs(count - 4000) < 5 * 52 for count in by_length.values())
    long = [count for sentence, count in drawn.items() if len(sentence.split()) == 6]
    assert len(long) == 5
    assert all(abs(count - 800) < 5 * 28 for count in long)


def test_every_token_of_an_expression_can_be_drawn():
    seen = set(" ".join(generate("arithmetic", 2000, 9, 1)).split())
    assert seen == set(grammar("arithmetic").tokens)


def test_a_sentence_depends_on_its_number_and_the_seed_alone():
    first = list(generate("arithmetic", 5, 11, 7))
    assert list(generate("arithmetic", 9, 11, 7))[:5] == first
    assert list(generate("arithmetic", 5, 11, 8)) != first
    assert list(generate("dyck-2", 0, 11, 7)) == []
    # Written down once: another platform, another version, the same sentences.
    assert list(generate("dyck-2", 3, 10, 0)) == PINNED


PINNED = ["[ [ ] ]", "( [ [ ] ] ) [ ( ) ]", "[ ] ( [ ] ( ) )"]


@pytest.mark.parametrize("name", GRAMMARS)
def test_no_length_is_too_long(name):
    """Deeper than Python's stack, for those that nest."""
    deep = {
        "arithmetic": "(" * 50_000 + "1" + ")" * 50_000,
        "dyck-1": "(" * 50_000 + ")" * 50_000,
        "dyck-2": "([" * 50_000 + "])" * 50_000,
        "palindrome": "ab" * 50_000 + "ba" * 50_000,
        "anbn": "a" * 50_000 + "b" * 50_000,
        "copy": "ab" * 50_000 + "c" + "ab" * 50_000,
    }[name]
    assert is_member(name, list(deep))
    assert not is_member(name, list(deep[:-1]))
    (sentence,) = generate(name, 1, 200, 1)
    assert is_member(name, sentence.split())


def test_sentences_nest_deeper_than_the_stack():
    language = grammar("anbn").counted(2400)
    assert is_member("anbn", language.sentence(2400, 0))


def test_what_there_is_no_language_for():
    with pytest.raises(UserError) as caught:
        generate("dyck-3", 1, 10, 0)
    assert str(caught.value) == f"no grammar is called 'dyck-3'; there are {', '.join(GRAMMARS)}"
    with pytest.raises(UserError, match=r"^no grammar is called 'x'"):
        is_member("x", ["a"])
    for name, short in (("dyck-1", 1), ("copy", 2), ("arithmetic", 0), ("anbn", -3)):
        with pytest.raises(UserError) as caught:
            generate(name, 1, short, 0)
        assert str(caught.value) == (
            f"`max_length` must leave room for a sentence of {name}, but is {short}; "
            "take 3 or more"
        )  # fmt: skip


def test_every_language_is_described():
    for each in GRAMMARS.values():
        assert each.description
        assert "\n" not in each.description
        assert len(set(each.tokens)) == len(each.tokens)
