import ast
import importlib
import random
import sys
import types
import warnings
from fractions import Fraction
from importlib import metadata

import pytest

from seqgan.corpus.grammars import GRAMMARS, generate
from seqgan.errors import UserError
from seqgan.metrics.validity.abc_music import (
    BARS,
    abc_validity,
    bar_share,
    key_share,
    read,
)
from seqgan.metrics.validity.domains import VALIDITY, Validity
from seqgan.metrics.validity.languages import membership
from seqgan.metrics.validity.python_code import is_python, python_validity
from seqgan.metrics.validity.quatrains import (
    form,
    mandarin_readings,
    quatrain_rhyme,
    quatrain_validity,
    rhyme_group,
)
from seqgan.report.meanings import ENTRIES


def of(scores):
    return {score.name: score.value for score in scores}


# --- Python ---------------------------------------------------------------------------------------

LINES = [
    "x = 1", "    x = 1", "\tx", "x ; y = 2", "r = '\\d'", "f'{x}'", "x = STR  # why",
    "if x:", "if x: y", "if x:  # why", "while True:", "for i in range ( NUM ) :", "with a as b:",
    "elif x:", "elif x: y", "else:", "else : y", "try:", "try: x", "except:", "except E as e:",
    "except* E:", "except E: pass", "finally:", "finally: x",
    "def f(a, *, b=NUM) -> None:", "def f(): pass", "class A ( B ) :", "async def f():",
    "async with a as b:", "async for x in y:", "@f", "@ f . g ( NUM )",
    "match x:", "match (x):", "match = 2", "match(x)", "case 1:", "case [a, *b] if a: pass",
    "case = 3", "case NUM | STR:", "case _:",
    "return STR % x", "yield", "await x", "break", "nonlocal x", "lambda: NUM", "pass",
    "STR STR", "STR.join(x)", "NUM.real", "NUM .real", "NUM", "x = STR if NUM else NUM",
    "STRING = NUMBER", "x_NUM = xSTR",  "x = 'STR = 1' + \"it's NUM\"",
    "print ( x , end = STR )", "x . STRx",
    "x = 'a\u2028b'",
]  # fmt: skip
OTHERS = [
    "", "   ", "# why", "a b", "x =", "x = 'abc", '"""', "1x", "x = $", "<unk>", "print 'x'",
    "f(", "f)", "x[", "if x", "if x: \\", "x = \\", "if x: y:", "if x: else: y", "else", "elif:",
    "else x:", "except E e:", "try", "finally: y:", "@", "@f(", "@f x", "match:", "match x: y",
    "case:", "def f(NUM):", "NUM = 1", "STR = x", "import NUM", "from STR import x", "del NUM",
    "NUM NUM", "x . NUM", "x y:", "class", "lambda", "a\nb", "if x:\n y", "a\rb", "x\x00y",
    "\x00", "\ud800", "x = '\ud800'", "a ;; b", "def f(): x; def g(): y", "pass pass",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_python(line):
    assert is_python(line)


@pytest.mark.parametrize("line", OTHERS)
def test_no_line_of_python(line):
    assert not is_python(line)


def test_what_nests_too_deeply_is_no_python():
    for opening, closing in (("(", ")"), ("[", "]"), ("-", "1"), ("not ", "x"), ("lambda:", "x")):
        assert not is_python(opening * 100_000 + closing * 100_000)
        assert is_python(opening * 20 + "x" + (closing * 20 if closing in ")]" else ""))


def test_lines_are_not_run_and_warnings_do_not_leak(tmp_path):
    trap = tmp_path / "trap"
    lines = [f"open({str(trap)!r}, 'w')", "'\\d'", "1if x else 2", "x is 1", "1()", "assert (x, 1)"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert python_validity(lines)[0].value == 1
        assert warnings.filters[0][0] == "always"
    assert not seen
    assert not trap.exists()


def test_the_parser_is_that_of_the_interpreter():
    """Lines without a block are judged as the parser alone would."""
    rng = random.Random(5)
    pieces = ["x", "y", "=", "(", ")", "+", "1", ",", ".", "in", "not", "'s'", "[", "]", "return"]
    accepted = 0
    for _ in range(3000):
        line = " ".join(rng.choices(pieces, k=rng.randint(1, 5)))
        try:
            ast.parse(line)
            expected = True
        except SyntaxError:
            expected = False
        assert is_python(line) == expected, line
        accepted += expected
    assert accepted > 100


def test_the_score_of_lines():
    (score,) = python_validity(["x = 1", "x =", "if x:", "y"], tokenizer="word")
    assert (score.name, score.value) == ("python_valid", 0.75)
    assert score.parts is not None
    assert (score.parts.of, score.parts.values.tolist()) == ("samples", [1, 0, 1, 1])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert score.signature == f"samples:4|python:{version}|tokenizer:word"


# --- formal languages -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAMMARS)
def test_generated_sentences_are_members_with_and_without_spaces(name):
    texts = list(generate(name, 30, 9, 1))
    (score,) = membership([*texts, "".join(texts[0].split()), "", "<unk>", texts[0] + " !"], name)
    assert score.name == "membership"
    assert score.parts is not None
    assert score.parts.values.tolist() == [1.0] * 31 + [0.0] * 3
    assert score.signature == f"samples:34|language:{name}"


def test_each_language_judges_by_its_own_rules():
    texts = ["( )", "[ ]", "a b", "a b b a", "a c a", "1 + 2"]
    for name, expected in (
        ("dyck-1", [0]), ("dyck-2", [0, 1]), ("anbn", [2]), ("palindrome", [3]), ("copy", [4]),
        ("arithmetic", [5]),
    ):  # fmt: skip
        (score,) = Validity(name, tokenizer="space")(texts)
        assert score.parts is not None
        assert [i for i, value in enumerate(score.parts.values) if value] == expected
        assert score.signature == f"samples:6|language:{name}|tokenizer:space"


# --- ABC ------------------------------------------------------------------------------------------


def items(text):
    found = read(text)
    assert found is not None
    return found


def test_a_sentence_is_read_whole_or_not():
    assert read("c ^d2 | z") == read("c^d2|z") is not None
    for text in ("", "z x", "| |", "c h", "c <unk> d", "(cd)"):
        assert read(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c4 | d4 | e4 |", 1),
        ("c | d4 | e4 | f3", 1),  # an upbeat, and its rest at the end
        ("c5 | d4 | e4 | f3", 3 / 4),
        ("c | d4 | e4 | f5", 3 / 4),
        ("c4 | d3 | e4 | f2 g2 | a4", 4 / 5),
        ("c4 | d4 | e3 | f3 | a", 3 / 5),  # of two that are as frequent, the longer one
        ("c4 | d4 | e3 :| f | g4 | a4 | b4 |", 1),  # a repeat within a bar
        ("c4 | d4 | e3 :| f5 | g4 | a4 | b4 |", 6 / 7),
        ("|: c4 | d4 || e | f4 | g4 |]", 1),
        ("c3/2 d/2 | e2 | f/ g/ a |", 1),
        ("c3/2 d/2 | e2 | f/ g/ a/ | g2 |", 3 / 4),
        ("c | d2", 1),
        ("c4 | z4 | d4 | x2 z2 |", 1),
    ],
)
def test_bars_between_written_lines(text, expected):
    assert bar_share(items(text)) == pytest.approx(expected)


def slow_imagined(durations):
    """All upbeats on a fine grid, all lines, one by one."""
    onsets = [sum(durations[:i], Fraction(0)) for i in range(len(durations) + 1)]
    best = Fraction(0)
    for bar in BARS:
        if onsets[-1] < 2 * bar:
            continue
        for step in range(bar * 4):
            line, lines, hits = Fraction(step, 4), 0, 0
            while line <= onsets[-1]:
                lines, hits, line = lines + 1, hits + (line in onsets), line + bar
            best = max(best, Fraction(hits, lines))
    return float(best)


def test_imagined_bars_equal_loops_over_upbeats():
    rng = random.Random(1)
    sizes = ["1/4", "1/2", "3/4", "1", "3/2", "2", "3", "5"]
    seen = set()
    for _ in range(60):
        chosen = rng.choices(sizes, k=rng.randint(1, 30))
        text = " ".join(f"c{size}" for size in chosen)
        found = bar_share(items(text))
        assert found == pytest.approx(slow_imagined([Fraction(size) for size in chosen]))
        seen.add(round(found, 2))
    assert len(seen) > 6
    assert 0.0 in seen


def test_imagined_bars_by_hand():
    assert bar_share(items("c " * 16)) == 1
    assert bar_share(items("c2 d2 e2 f " * 4)) < 1
    assert bar_share(items("c " + "d3 e3 " * 4)) == 1  # an upbeat, 6/8
    assert bar_share(items("c3 " + "d5 e3 " * 4)) == 1  # an upbeat, 4/4
    assert bar_share(items("c6 d5")) == 0  # shorter than two bars of six
    assert bar_share(items("c6 d6")) == 1
    assert bar_share(items("c2/3 " * 18)) == 1  # triplets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C D E F G A B c", 1),
        ("G A B c d e ^f g'", 1),
        ("D E F G A _B c d", 1),
        ("E ^F G A B c d", 1),
        ("C ^C D ^D E F ^F G ^G A ^A B", 7 / 12),
        ("c ^f g ^c", 3 / 4),
        ("F ^F G", 2 / 3),
        ("__D B ^^B, z x2", 2 / 3),  # C, B and C sharp
        ("__D C ^B, =C", 1),  # all C
        ("z c", 1),
    ],
)
def test_the_share_of_notes_in_a_key(text, expected):
    assert key_share(items(text)) == pytest.approx(expected)


def test_every_key_is_tried():
    half_tones = ["C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B"]
    for tonic in range(12):
        scale = [half_tones[(tonic + step) % 12] for step in (0, 2, 4, 5, 7, 9, 11)]
        assert key_share(items(" ".join(scale))) == 1


def test_an_accidental_lasts_until_the_bar_line_if_there_are_any():
    scale = "D E ^F G A B ^c "
    assert key_share(items(scale + "f c")) < 1
    assert key_share(items(f"| {scale} f c' |")) == 1
    assert key_share(items(f"| {scale} | f c' |")) < 1
    assert key_share(items(f"| {scale} =f |")) < 1
    assert key_share(items("| ^F =F F F F F F G | A B c d e")) == pytest.approx(12 / 13)


def test_a_key_needs_a_note():
    with pytest.raises(ValueError, match=r"^a key needs at least one note$"):
        key_share([])


def test_the_scores_of_tunes():
    scores = abc_validity(["c2 d2 | e4 |", "c h", "^c c | d3"], tokenizer="abc")
    assert of(scores) == pytest.approx({"abc_valid": 2 / 3, "abc_bar": 2 / 3, "abc_key": 2 / 3})
    assert [score.signature for score in scores] == [
        "samples:3|standard:2.1|tokenizer:abc",
        "samples:3|bars:most-frequent-or-6,8|tokenizer:abc",
        "samples:3|scales:major-12|tokenizer:abc",
    ]
    for score in scores:
        assert score.parts is not None
        assert (score.parts.of, score.parts.values[1]) == ("samples", 0)


# --- quatrains ------------------------------------------------------------------------------------

STORK = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"  # Wang Zhihuan, 8th century
MAPLE = "遠上寒山石徑斜，白雲生處有人家。停車坐愛楓林晚，霜葉紅於二月花。"  # Du Mu, 9th century


@pytest.mark.parametrize("poem", [STORK, MAPLE])
def test_the_lines_of_a_quatrain(poem):
    lines = form(poem)
    assert lines is not None
    assert "".join(lines) == "".join(sign for sign in poem if sign not in "，。")
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 4
    for other in (
        poem[:-1], "".join(lines), "\n".join(lines), "\n".join(lines) + "\n", " ".join(poem),
        "/".join(lines), f"\n{poem}\n",
        poem.replace("，", ", "), poem.replace("，", "，\n").replace("，", ""),
    ):  # fmt: skip
        assert form(other) == lines


@pytest.mark.parametrize(
    "text",
    ["", "，。，。", STORK[1:], STORK + "一", STORK.replace("白日", "白，日"), STORK * 2,
     STORK[:12],
     STORK.replace("，", "，，"), STORK.replace("依", "□"), STORK.replace("依", "a"), "a" * 20,
     STORK.replace("，", "。", 1).replace("。", "", 1), "，" + STORK, "一" * 24,
     STORK[:12] + MAPLE[:16], "一二三四五，" + "一二三四五六七，" * 2 + "一二三四五。"],
)  # fmt: skip
def test_what_is_no_quatrain(text):
    assert form(text) is None


def test_rare_characters_are_characters():
    assert form("\U00020000㐀〇\uf900一" * 4) is not None


@pytest.mark.parametrize(
    "syllables",
    ["ma jia hua wa ya", "bo wo duo ge o e yo".removesuffix(" yo"), "ye xie yue jue lüe lve nüe",
     "ai huai wai", "wei gui fei", "ao jiao yao", "you liu gou", "an yan wan yuan quan jian duan",
     "en wen lun yun jun yin xin", "ang yang wang huang liang",
     "eng weng ying xing dong yong xiong", "yi ji li er yu ju lü lv nü xu", "wu bu zhu ru",
     "zhi chi shi ri zi ci si"],
)  # fmt: skip
def test_syllables_of_one_group_rhyme(syllables):
    (group,) = {rhyme_group(each) for each in syllables.split()}
    assert group


def test_groups_are_fourteen():
    syllables = [
        "ma",
        "wo",
        "ye",
        "ai",
        "wei",
        "ao",
        "you",
        "an",
        "en",
        "ang",
        "eng",
        "yi",
        "wu",
        "zhi",
    ]
    assert len({rhyme_group(each) for each in syllables}) == 14
    for none in ("", "hm", "ng", "流", "zh", "liu2", "LIU"):
        assert rhyme_group(none) == ""


READINGS = {
    "流": ["liu"], "樓": ["lou"], "家": ["jia", "gu", "jie"], "花": ["hua"], "山": ["shan"],
    "姑": ["gu"], "都": ["dou", "du"], "嗯": ["ng"], "呣": ["m"],
}  # fmt: skip
DICTIONARY = (lambda character: READINGS.get(character, []), "toy-1")


def ending(second, fourth):
    return f"一二三四五，一二三四{second}。一二三四五，一二三四{fourth}。"


def test_lines_two_and_four_rhyme():
    texts = [
        STORK, ending("家", "花"), ending("姑", "家"), ending("都", "姑"), ending("山", "流"),
        ending("流", "流"), ending("龜", "龜"), ending("龜", "魚"), ending("嗯", "呣"),
        STORK.replace("，", "").replace("。", ""), STORK[:-2], "",
    ]  # fmt: skip
    (score,) = quatrain_rhyme(texts, DICTIONARY, tokenizer="character")
    assert score.name == "quatrain_rhyme"
    assert score.parts is not None
    assert score.parts.values.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert score.signature == (
        "samples:12|rhymes:zhonghua-xinyun-14|readings:toy-1|tokenizer:character"
    )  # fmt: skip


def test_the_scores_of_form():
    scores = quatrain_validity([STORK, STORK + "一", "一" * 20, ""], tokenizer="character")
    assert of(scores) == pytest.approx(
        {"quatrain_form": 0.5, "quatrain_distinct": (1 + 20 / 21 + 1 / 20 + 0) / 4}
    )  # fmt: skip
    assert {score.signature for score in scores} == {"samples:4|tokenizer:character"}


@pytest.fixture
def pinyin(monkeypatch):
    """A module in place of pypinyin, with its version; none where it is not installed."""

    def install(readings):
        fake = types.ModuleType("pypinyin")
        fake.Style = types.SimpleNamespace(NORMAL="normal")

        def reader(text, *, style, heteronym, v_to_u):
            assert (style, heteronym, v_to_u) == ("normal", True, True)
            return [readings[text]]

        fake.pinyin = reader
        monkeypatch.setitem(sys.modules, "pypinyin", None if readings is None else fake)
        monkeypatch.setattr(metadata, "version", {"pypinyin": "9.9"}.__getitem__)

    return install


def test_readings_come_from_the_library(pinyin):
    pinyin({"流": ["liu"], "樓": ["lou"]})
    readings, signature = mandarin_readings()
    assert (readings("流"), signature) == (["liu"], "pypinyin-9.9")
    judge = Validity("quatrain", tokenizer="character")
    scores = judge([STORK])
    assert of(scores) == {"quatrain_form": 1, "quatrain_distinct": 1, "quatrain_rhyme": 1}
    assert scores[2].signature.endswith("readings:pypinyin-9.9|tokenizer:character")
    assert judge.left_out == []


def test_without_the_library_rhymes_are_left_out(pinyin):
    pinyin(None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pypinyin")
    judge = Validity("quatrain")
    for _ in range(2):
        assert list(of(judge([STORK]))) == ["quatrain_form", "quatrain_distinct"]
    assert judge.left_out == [
        "no rhymes of quatrains, because pypinyin is not installed: pip install -e '.[chinese]'"
    ]


# --- all domains ----------------------------------------------------------------------------------


def test_domains_are_known_by_name():
    assert list(VALIDITY) == ["python", *GRAMMARS, "abc", "quatrain"]
    with pytest.raises(UserError) as caught:
        Validity("java")
    assert str(caught.value) == (
        f"no validity is known of 'java'; there is that of {', '.join(VALIDITY)}"
    )


@pytest.mark.parametrize("domain", VALIDITY)
def test_every_score_is_a_mean_of_shares_that_the_report_knows(domain, pinyin):
    pinyin({"流": ["liu"], "樓": ["lou"]})
    strange = ["x", "", "c", "\x00", "\ud800", "🎵", "|", "( )", STORK, "\n", "1" * 500, " "]
    judge = Validity(domain)
    scores = judge(strange)
    assert scores
    assert not judge.left_out
    for score in scores:
        assert score.name in ENTRIES
        assert score.parts is not None
        assert len(score.parts.values) == len(strange)
        assert all(0 <= value <= 1 for value in score.parts.values)
        assert score.value == pytest.approx(score.parts.mean)
        assert score.signature.startswith("samples:12|") or score.signature == "samples:12"


@pytest.mark.parametrize("domain", VALIDITY)
def test_without_a_sentence_there_is_no_score(domain):
    judge = Validity(domain)
    assert judge([]) == []
    assert judge.left_out
    assert all("needs at least one" in reason for reason in judge.left_out)
