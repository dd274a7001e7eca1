"""Tokenizers that know more than signs: of pieces, Chinese, music and code."""

import ast
import importlib
import io
import json
import logging
import random
import sys
import sysconfig
import tempfile
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.promise import fuzz
from seqgan.corpus.tokenizers import (
    AbcTokenizer,
    ChineseTokenizer,
    PythonTokenizer,
    SubwordTokenizer,
    fit,
    restore,
)
from seqgan.errors import UserError
from seqgan.tokenization import chinese, python, subwords
from seqgan.tokenization.encoding import BYTES
from test_tokenizers import TEXTS

# --- subwords -------------------------------------------------------------------------------------

CORPUS = [line.strip() for line in Path(subwords.__file__).read_text().splitlines()]


def learned(algorithm, lines=CORPUS, vocab_size=400):
    settings = {"kind": "subword", "algorithm": algorithm, "vocab_size": vocab_size}
    tokenizer = fit(settings, lines)
    assert isinstance(tokenizer, SubwordTokenizer)
    return tokenizer


algorithms = pytest.mark.parametrize("algorithm", ["bpe", "unigram"])


def test_pairs_are_merged_by_score_then_from_the_left():
    pieces = (
        ("ab", -0.0),
        ("bc", -1.0),
        ("abc", -2.0),
        ("aa", -3.0),
        ("a", -4.0),
        ("b", -5.0),
        ("c", -6.0),
    )
    tokenizer = SubwordTokenizer("bpe", pieces)
    assert tokenizer.split("abc") == ["abc"]
    assert tokenizer.split("bcb") == ["bc", "b"]
    assert tokenizer.split("aaab") == ["aa", "ab"]
    assert tokenizer.split("aaa") == ["aa", "a"]
    assert tokenizer.split("a a") == ["a", "<0x20>", "a"]


def test_pieces_are_the_most_likely_ones():
    pieces = (("a", -1.0), ("ab", -3.0), ("b", -1.5), ("bb", -2.5), ("▁", -2.0), ("▁a", -2.5))
    tokenizer = SubwordTokenizer("unigram", pieces)
    assert tokenizer.split("ab") == ["a", "b"]
    assert tokenizer.split("abb") == ["a", "bb"]
    assert tokenizer.split("b a") == ["b", "▁a"]
    assert tokenizer.split("aéa") == ["a", "<0xC3>", "<0xA9>", "a"]


def test_what_has_no_piece_is_the_last_resort():
    """A piece of ten times the cost of bytes is still better."""
    tokenizer = SubwordTokenizer("unigram", (("ab", -15.0), ("a", -1.0)))
    assert tokenizer.split("ab") == ["ab"]
    assert SubwordTokenizer("unigram", ()).split("a") == ["<0x61>"]


@algorithms
def test_pieces_are_those_of_the_library(algorithm, monkeypatch):
    """The library parts the words of its own model as the tokenizer here does."""
    spm = importlib.import_module("sentencepiece")
    models = []
    original = spm.SentencePieceProcessor
    monkeypatch.setattr(
        spm,
        "SentencePieceProcessor",
        lambda **given: models.append(original(**given)) or models[-1],
    )
    tokenizer = learned(algorithm)
    parts = {part for line in CORPUS for part in subwords.PART.findall(line) if "▁" not in part}
    assert len(parts) > 300
    for part in parts:
        ours = tokenizer.split(part)
        theirs = models[0].encode(part, out_type=str)
        if ours != theirs:  # the library adds in single precision: two ways may then be as likely
            scores = dict(tokenizer.pieces)
            sums = [sum(map(scores.__getitem__, pieces)) for pieces in (ours, theirs)]
            assert algorithm == "unigram"
            assert sums[0] == pytest.approx(sums[1], rel=1e-6)


@algorithms
def test_the_same_lines_give_the_same_pieces_in_any_order(algorithm, monkeypatch):
    threads = []
    train = importlib.import_module("sentencepiece").SentencePieceTrainer.train
    monkeypatch.setattr(
        "sentencepiece.SentencePieceTrainer.train",
        lambda **given: (threads.append(given["num_threads"]), train(**given)),
    )
    shuffled = random.Random(1).sample(CORPUS, k=len(CORPUS))
    tokenizer = learned(algorithm)
    assert learned(algorithm, iter(shuffled)) == tokenizer
    assert learned(algorithm, CORPUS[:-40]) != tokenizer
    assert set(threads) == {1}  # with more, sums of floats depend on their number


@algorithms
def test_there_are_as_many_tokens_as_asked_for(algorithm):
    assert [len(learned(algorithm, vocab_size=size).closed) for size in (300, 400, 600)] == [
        300, 400, 600,
    ]  # fmt: skip
    assert len(learned(algorithm, ["ab ab"] * 3).closed) <= 256 + 6
    assert learned(algorithm, []).closed == BYTES
    assert learned(algorithm, ["\t", "▁", "\0"]).closed == BYTES


@algorithms
def test_a_space_belongs_to_the_word_after_it(algorithm):
    tokenizer = learned(algorithm)
    assert "▁the" in tokenizer.split("all the pieces")
    assert tokenizer.split("  ") == ["▁", "▁"]
    assert all("▁" not in piece[1:] for piece, _ in tokenizer.pieces)


@algorithms
def test_rare_signs_are_spelt_in_bytes(algorithm):
    """The library would refuse more signs than pieces."""
    lines = [chr(0x4E00 + i) * (2 + i % 3) for i in range(2000)] + ["一二"] * 900
    tokenizer = learned(algorithm, lines, 320)
    assert len(tokenizer.closed) <= 320
    assert set("".join(tokenizer.split("一二"))) == set("一二")
    assert tokenizer.split("二\u5000") == ["二", "<0xE5>", "<0x80>", "<0x80>"]


@algorithms
@fuzz(60)
@given(lines=st.lists(TEXTS, max_size=5))
def test_pieces_are_learned_from_any_lines(algorithm, lines):
    tokenizer = learned(algorithm, lines, 300)
    assert len(tokenizer.closed) <= 300
    assert restore(json.loads(json.dumps(tokenizer.settings()))) == tokenizer
    for line in lines:
        assert tokenizer.join(tokenizer.split(line)) == line


@algorithms
def test_pieces_are_learned_from_signs_as_they_are(algorithm):
    """The library would put two letters for a ligature, and narrow letters for wide ones."""
    tokenizer = learned(algorithm, ["ﬁne Ａ e\u0301"] * 9, 300)
    assert not set(BYTES) & set(tokenizer.split("ﬁne Ａ e\u0301"))


@algorithms
def test_learning_says_nothing(algorithm, capfd):
    learned(algorithm)
    assert capfd.readouterr() == ("", "")


def test_remembered_parts_stay_few(monkeypatch):
    monkeypatch.setattr(subwords, "REMEMBERED", 3)
    tokenizer = learned("bpe")
    before = [tokenizer.split(line) for line in CORPUS]
    assert len(tokenizer._known) <= 3
    assert [tokenizer.split(line) for line in CORPUS] == before


# --- Chinese --------------------------------------------------------------------------------------


def jieba():
    tokenizer = fit({"kind": "chinese", "segmenter": "jieba"}, ())
    assert isinstance(tokenizer, ChineseTokenizer)
    return tokenizer


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("白日依山尽，黄河入海流。", [*"白日依山尽，黄河入海流。"]),
        ("我用Python 3.11写代码 (很好)!", [*"我用", "Python", "3.11", *"写代码(很好)!"]),
        ("人々〇 don't", [*"人々〇", "don't"]),
        ("𠀀葛\U000e0101", ["𠀀", "葛", "\U000e0101"]),
        ("\uf900", ["豈"]),
        ("これは日本", ["これは", "日", "本"]),
        ("", []),
    ],
)
def test_chinese_by_character_and_other_scripts_by_word(line, words):
    assert ChineseTokenizer().split(line) == words


@pytest.mark.parametrize(
    ("line", "joined"),
    [
        ("白 日 ， 依 山", "白日，依山"),
        ("我 用 Python 3 写 hello world 。 Yes", "我用Python 3写hello world。Yes"),
        ("他说 “好” ， he said : “ fine ”", "他说“好”，he said: “fine”"),
        ("Ａ Ｂ ！ Ｃ", "Ａ Ｂ！Ｃ"),
        ("a … b — c", "a…b—c"),
    ],
)
def test_chinese_lines_have_spaces_between_words_of_other_scripts(line, joined):
    for tokenizer in (ChineseTokenizer(), jieba()):
        assert tokenizer.join(tokenizer.split(line)) == joined


def test_a_mark_stands_apart():
    assert ChineseTokenizer().join(["白", "\u0301", "a"]) == "白 \u0301 a"


def test_chinese_words():
    words = jieba().split("我来到北京清华大学，study")
    assert words == ["我", "来到", "北京", "清华大学", "，", "study"]
    assert jieba().signature() == f"chinese,segmenter=jieba {jieba().version}"
    assert jieba().version
    assert ChineseTokenizer().signature() == "chinese,segmenter=character"


def test_jieba_leaves_no_trace(tmp_path, monkeypatch, capfd):
    """By itself it reads and writes a file in a folder that all users share, as code."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chinese._jieba.cache_clear()
    logging.getLogger("jieba").setLevel(logging.DEBUG)
    assert jieba().split("清华大学") == ["清华大学"]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_without_jieba_there_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    chinese._jieba.cache_clear()
    kept = ChineseTokenizer("jieba", "0.42.1")
    assert kept.join(["北京", "大学"]) == "北京大学"
    for work in (jieba, lambda: kept.split("北京")):
        with pytest.raises(UserError, match=r"needs the package jieba, .*pip install -e '\.\[chin"):
            work()
    assert ChineseTokenizer().split("北京") == ["北", "京"]


# --- music ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("AG|B2B2 cBAG:|", "A G | B2 B2 ␣ c B A G :|"),
        ("^c'/2_B,,=F^^G__A,3/2c//z/", "^c'/2 _B,, =F ^^G __A,3/2 c// z/"),
        ("|:g>f e<<d::(3abc|1d4:|2d4||", "|: g > f ␣ e << d :: (3 a b c |1 d4 :|2 d4 ||"),
        ("|:a|[1b:|[2c|]", "|: a | [1 b :| [2 c |]"),
        ("[|C|]:||:D:|:", "[| C |] :||: D :|:"),
        ("[CEG]2[^c/e,2]-[ab", "[CEG]2 [^c/e,2] - [ a b"),
        ("{gf}e {/a}b{c", "{gf} e ␣ {/a} b { c"),
        ("(3:2:3GAB (5:4 (2", "(3:2:3 G A B ␣ (5:4 ␣ (2"),
        ('"Am7"a"b', '"Am7" a " b'),
        ("!trill!a ~b .c Td !f", "!trill! a ␣ ~ b ␣ . c ␣ T d ␣ ! f"),
        ("[K:G]a [M:6/8] [x", "[K:G] a ␣ [M:6/8] ␣ [ x"),
        ("K:G minor", "K:G␣minor"),
        ("A:|", "A :|"),
        ("A::B", "A :: B"),
        ("(ab) a-b\\", "( a b ) ␣ a - b \\"),
        ("ab % a remark", "a b ␣ %␣a␣remark"),
        ("z4 x2 Z3 y", "z4 ␣ x2 ␣ Z3 ␣ y"),
        ("h?\u0301é", "h ? \u0301 é"),
        ("", ""),
    ],
)
def test_symbols_of_music(line, tokens):
    expected = [token.replace("␣", " ") for token in tokens.split()]
    assert AbcTokenizer().split(line) == expected


def test_lines_of_music_keep_their_breaks():
    tune = "X:1\nK:D\nd2|a\nw:la la\n"
    tokens = ["X:1", "\n", "K:D", "\n", "d2", "|", "a", "\n", "w:la la", "\n"]
    assert AbcTokenizer().split(tune) == tokens


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "joined"),
    [
        ("x=foo( a,b )[ 1:2 ].bar", "x = foo(a, b)[1: 2].bar"),
        ("  return -x+~y**-2 # why", "return -x + ~y ** -2"),
        ("print(*a,**b)", "print(*a, **b)"),
        ("@ cache", "@cache"),
        ("a@b", "a @ b"),
        ("lambda *a:not -1", "lambda *a: not -1"),
        ("from .. import x", "from . . import x"),
        ("from .a.b import(c)", "from .a.b import (c)"),
        ("from ... import x", "from ... import x"),
        ("1 .real, 1..real, x . y", "1 .real, 1. .real, x.y"),
        ("'a' 'b'.join( c )", "'a' 'b'.join(c)"),
        ("rb'x' f'{a!r:>{w}}' \"it's\"", "rb'x' f'{a!r:>{w}}' \"it's\""),
        ("None-1, True -x, ...-1", "None - 1, True - x, ... - 1"),
        ("- - 1, -(+2), not-x", "- -1, -(+2), not -x"),
        ("if(x:=3)>2:pass", "if (x := 3) > 2: pass"),
        ("def f(a:int=3,*,b)->int:", "def f(a: int = 3, *, b) -> int:"),
        ("x = [1,\n  2, # two\n]", "x = [1, 2,]"),
        ("'''a\nb'''+c", "'''a\nb''' + c"),
        ("a = \\\n  b", "a = b"),
        ("naïve=λ(变量)", "naïve = λ(变量)"),
        ("# nothing", ""),
        ("", ""),
    ],
)
def test_code_has_one_layout(line, joined):
    tokenizer = PythonTokenizer()
    words = tokenizer.split(line)
    assert tokenizer.join(words) == joined
    assert tokenizer.split(joined) == words


@pytest.mark.parametrize(
    "line",
    ["foo(1", "x = 'a", '""" a "', "a $ b", "a ? b", "a\nb", "a\n  b", "x\0y", "a \\",
     "if x:\n  pass", "é\u00a0x"],
)  # fmt: skip
def test_what_is_no_line_of_code_stays_as_it_is(line):
    tokenizer = PythonTokenizer()
    words = tokenizer.split(f" {line} ")
    assert words[0] == " "
    assert tokenizer.join(words) == line.strip()
    assert tokenizer.split(line.strip()) == words
    assert tokenizer.split("a $ bc") == [" ", "a", " ", "$", " ", "bc"]


def test_literals_may_be_replaced():
    tokenizer = PythonTokenizer(replace_literals=True)
    assert tokenizer.split("f(1.5j, 'a', rb'''b''', x1, None)") == [
        "f", "(", "NUM", ",", "STR", ",", "STR", ",", "x1", ",", "None", ")",
    ]  # fmt: skip
    assert tokenizer.split("STR + NUM") == ["STR", "+", "NUM"]


def test_strings_in_parts_are_one_token(monkeypatch):
    """As Python 3.12 hands them over, one inside the other."""
    text = "x = f'a{b + f\"c\"}\nd' + 1"
    start, middle, end = 101, 102, 103
    pieces = [
        (tokenize.NAME, "x", (1, 0), (1, 1)), (tokenize.OP, "=", (1, 2), (1, 3)),
        (start, "f'", (1, 4), (1, 6)), (middle, "a", (1, 6), (1, 7)),
        (tokenize.OP, "{", (1, 7), (1, 8)), (tokenize.NAME, "b", (1, 8), (1, 9)),
        (tokenize.OP, "+", (1, 10), (1, 11)), (start, 'f"', (1, 12), (1, 14)),
        (middle, "c", (1, 14), (1, 15)), (end, '"', (1, 15), (1, 16)),
        (tokenize.OP, "}", (1, 16), (1, 17)), (middle, "\nd", (1, 17), (2, 1)),
        (end, "'", (2, 1), (2, 2)), (tokenize.OP, "+", (2, 3), (2, 4)),
        (tokenize.NUMBER, "1", (2, 5), (2, 6)), (tokenize.NEWLINE, "", (2, 6), (2, 7)),
        (tokenize.ENDMARKER, "", (3, 0), (3, 0)),
    ]  # fmt: skip
    tokens = [tokenize.TokenInfo(*piece, text) for piece in pieces]
    monkeypatch.setattr(python.tokenize, "generate_tokens", lambda _: iter(tokens))
    monkeypatch.setattr(python, "BEGINNINGS", {start})
    monkeypatch.setattr(python, "ENDINGS", {end})
    assert PythonTokenizer().split(text) == ["x", "=", "f'a{b + f\"c\"}\nd'", "+", "1"]
    assert PythonTokenizer(True).split(text) == ["x", "=", "STR", "+", "NUM"]
    monkeypatch.undo()
    assert PythonTokenizer().split(text.replace("\n", " "))[2:] == ["f'a{b + f\"c\"} d'", "+", "1"]


MODULES = [
    "abc", "argparse", "ast", "bisect", "calendar", "cmd", "code",
    "codecs", "copy", "csv", "dataclasses", "difflib", "dis", "enum",
    "fractions", "functools", "heapq", "inspect", "statistics", "typing",
]  # fmt: skip


def logical_lines(text):
    """Yield the bounds of each logical line, as offsets."""
    lines = io.StringIO(text).readlines()
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    begin = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
            continue
        begin = token.start if begin is None else begin
        if token.type == tokenize.NEWLINE:
            yield tuple(offsets[row - 1] + column for row, column in (begin, token.start))
            begin = None


@pytest.mark.parametrize("module", MODULES)
def test_code_keeps_its_syntax_tree(module):
    """A module whose every line went through the tokenizer is the module, for Python."""
    path = Path(sysconfig.get_path("stdlib"), f"{module}.py")
    if not path.is_file():
        pytest.skip("another Python has it elsewhere")
    text = path.read_text(encoding="utf-8")
    tokenizer = PythonTokenizer()
    parts, last = [], 0
    for begin, end in logical_lines(text):
        words = tokenizer.split(text[begin:end])
        joined = tokenizer.join(words)
        assert tokenizer.split(joined) == words
        assert words[0] != " "
        parts += text[last:begin], joined
        last = end
    joined = "".join([*parts, text[last:]])
    assert len(parts) > 20
    assert joined != text
    assert ast.dump(ast.parse(joined)) == ast.dump(ast.parse(text))
