import functools
import json
import random
import typing
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import slow_twins
from fuzz.promise import fuzz
from seqgan.config.tokenizers import TokenizerConfig
from seqgan.corpus.tokenizers import (
    KINDS,
    ByteTokenizer,
    CharacterTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordTokenizer,
    fit,
    needs_training,
    restore,
)
from seqgan.corpus.vocabulary import Vocabulary, read_vocabulary, write_vocabulary
from seqgan.errors import UserError
from seqgan.tokenization.encoding import BYTES
from seqgan.tokenization.scripts import LONG

# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("The cat sat.", ["the", "cat", "sat", "."]),
        ("Don't stop, Jean-Luc!", ["don't", "stop", ",", "jean-luc", "!"]),
        ("It’s 3.5 or 1,000", ["it’s", "3.5", "or", "1,000"]),
        ("(a) [b] {c}", ["(", "a", ")", "[", "b", "]", "{", "c", "}"]),
        ("wait... what?!", ["wait", ".", ".", ".", "what", "?", "!"]),
        ("a_b  c\td\u00a0e\u3000f", ["a_b", "c", "d", "e", "f"]),
        ("50% of $20", ["50", "%", "of", "$", "20"]),
        ("Ünïcödé ŁÓDŹ", ["ünïcödé", "łódź"]),
        ("привет, мир", ["привет", ",", "мир"]),
        ("مرحبا بالعالم؟", ["مرحبا", "بالعالم", "؟"]),
        ("白日依山尽，黄河入海流。", ["白日依山尽", "，", "黄河入海流", "。"]),
        ("👍 fine ❤️", ["👍", "fine", "❤️"]),
        ("हिन्दी में लिखो।", ["हिन्दी", "में", "लिखो", "।"]),
        ("مُحَمَّد قَالَ", ["مُحَمَّد", "قَالَ"]),
        ("می‌خواهم بروم", ["می‌خواهم", "بروم"]),
        ("", []),
        (" \t ", []),
    ],
)
def test_words_and_marks_of_any_script(line, words):
    assert WordTokenizer().split(line) == words


SIGNS = "aZ_09é'’-.,;\x1c\x1f\x85 \t\u00a0\u200b\u200d\u0301\u0316\u093fک白K\U00010a01\U0001e8d0👍"


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_those_of_one_expression(lowercase):
    """Every pair of ASCII signs, and any signs that differ in how they are looked up."""
    rng, tokenizer = random.Random(3), WordTokenizer(lowercase)
    signs = [chr(i) for i in range(128)]
    lines = [" ".join(f"{one}{other}x{other}" for other in signs) for one in signs]
    lines += ["".join(rng.choices(SIGNS, k=rng.randint(1, 12))) for _ in range(5000)]
    for line in [*lines, "a" + "\u0301" * 5000 + " b"]:
        assert tokenizer.split(line) == slow_twins.split_into_words(line, lowercase=lowercase)


def test_letters_keep_their_case_where_asked():
    assert WordTokenizer(lowercase=False).split("The CAT") == ["The", "CAT"]


def test_composed_and_decomposed_letters_are_the_same_word():
    composed, decomposed = "café", unicodedata.normalize("NFD", "café")
    assert composed != decomposed
    assert WordTokenizer().split(composed) == WordTokenizer().split(decomposed) == ["café"]


def test_lower_case_is_still_composed():
    """Lower-casing may leave combining marks behind, as of the Turkish dotted I."""
    for line in ("İstanbul", "ΌΣΟΣ", "J̌"):
        for word in WordTokenizer().split(line):
            assert unicodedata.is_normalized("NFC", word)
    assert WordTokenizer().split("J̌") == ["ǰ"]


@pytest.mark.parametrize(
    "line",
    [
        "the cat, the dog; and (perhaps) a bird.",
        "“no,” he said: stop!",
        "it costs $20, 50% off…",
        "what?!",
        "don't",
        "",
    ],
)
def test_joining_puts_no_space_where_none_belongs(line):
    tokenizer = WordTokenizer()
    assert tokenizer.join(tokenizer.split(line)) == line


def test_a_joined_line_is_split_into_the_same_words():
    rng = random.Random(1)
    words = ["a", "b's", "3.5", ",", ".", "(", ")", "“", "”", "$", "?", "!", "白", "#", "-", "/"]
    tokenizer = WordTokenizer()
    for _ in range(300):
        sentence = rng.choices(words, k=8)
        assert tokenizer.split(tokenizer.join(sentence)) == sentence


def test_the_signature_of_a_tokenizer_names_its_settings():
    assert WordTokenizer().signature() == "word,lowercase=true"
    assert WordTokenizer(lowercase=False).signature() == "word,lowercase=false"


# --- all kinds ------------------------------------------------------------------------------------

LINES = [
    "The quick brown fox jumps over the lazy dog.", "the fox and the dog, the cat and the mouse",
    "What does the fox say? Nothing!", "naïve café, Привет мир", "3.5 of 1,000",
] * 4  # fmt: skip
SETTINGS = [
    {"kind": "word", "lowercase": True},
    {"kind": "word", "lowercase": False},
    {"kind": "whitespace"},
    {"kind": "character", "lowercase": True},
    {"kind": "character", "lowercase": False},
    {"kind": "byte"},
    {"kind": "subword", "algorithm": "bpe", "vocab_size": 320},
    {"kind": "subword", "algorithm": "unigram", "vocab_size": 320},
    {"kind": "chinese", "segmenter": "character"},
    {"kind": "chinese", "segmenter": "jieba"},
    {"kind": "abc"},
    {"kind": "python", "replace_literals": False},
    {"kind": "python", "replace_literals": True},
]
NAMES = ["-".join(str(value) for value in settings.values()) for settings in SETTINGS]


@functools.cache
def made(place: int) -> Tokenizer:
    return fit(SETTINGS[place], LINES)


every = pytest.mark.parametrize("place", range(len(SETTINGS)), ids=NAMES)
ODD = [
    "\0", "\u0301", "\u093f", "\u200d", "👨‍👩‍👧‍👦", "👍🏽", "❤️", "é", "e\u0301", "ﬁ", "İ",
    "ß", "ᄒ", "ᅡ", "ᆫ", "▁", "▅", "Ġ", "日", "白日", "々", "。", "，", "が", "か\u3099", "Ａ",
    "\u3000", "’", "“", "”", "…", "—", "-", " ", "  ", "\t", "\n", "\r", "\x0c", "\x1c",
    "\x85", "\u2028", "\ufeff", "\ufffd", "\U000e0101", "\U00020000", "\U0010ffff",
    "<0x41>", "<unknown>", "<start>", "'", '"', '"""', "(", "[", "{", "|", ":", "a", "Bc",
    "x1", "1.5", "1.", ".5", ".", "...", "*", "**", "=", ":=", "->", "\\", "\\\n", "#",
    "f'", "rb'", "if", "lambda", "$", "?", "!", "STR", "^", "_", "/", "[K:", "[CEG]2",
    "(3", ":|", "|1", "{gf}", "z", "~",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(ODD), max_size=14).map("".join))
COMPOSED = functools.partial(unicodedata.normalize, "NFC")
FORMS = {
    "character-True": lambda line: COMPOSED(line.lower()),
    "character-False": COMPOSED,
}
"""What an exact tokenizer promises to give back; the line itself, unless named."""
UNSTABLE = {"word-True", "word-False", "chinese-jieba"}
"""Those whose joined lines may be split in another way."""


@every
@fuzz(600)
@given(line=TEXTS)
@example(line="")
def test_any_line_comes_back(place, line):
    tokenizer = made(place)
    words = tokenizer.split(line)
    assert all(words)
    again = tokenizer.join(words)
    if tokenizer.exact:
        assert again == FORMS.get(NAMES[place], str)(line)
    if NAMES[place] not in UNSTABLE:
        assert tokenizer.split(again) == words
    if tokenizer.closed:
        assert set(words) <= set(tokenizer.closed)


@every
@fuzz(200)
@given(words=st.lists(st.one_of(st.text(min_size=1, max_size=3), st.sampled_from([*ODD, *BYTES]))))
def test_whatever_a_generator_says_is_a_line(place, words):
    line = made(place).join(words)
    line.encode()
    made(place).split(line)


@every
@pytest.mark.parametrize("name", ["<start>", "<end>", "<unknown>", "<separator>"])
def test_a_special_name_is_printed(place, name):
    assert name in made(place).join(["a", name, "b"])


@every
def test_half_a_surrogate_pair_is_no_reason_to_stop(place):
    """A command line may hold one, where its bytes are no UTF-8."""
    assert made(place).split("a \udcff b")


@every
@pytest.mark.parametrize(
    "sign",
    [
        "a",
        " ",
        "日",
        "\u0301",
        "'",
        "(",
        "[",
        "[K:",
        "[C",
        '"',
        "|",
        "\0",
        "<",
        "(3:",
        "👍",
        "1",
        ".",
        "x y ",
    ],
)
def test_a_long_line_takes_no_more_than_its_length(place, sign):
    """Twenty times longer than this, each would take some seconds at most."""
    line = sign * (50_000 // len(sign))
    tokenizer = made(place)
    words = tokenizer.split(line)
    again = tokenizer.join(words)
    if tokenizer.exact and sign != "\u0301":
        assert again == FORMS.get(NAMES[place], str)(line)


@every
def test_a_tokenizer_is_made_again_from_its_settings(place, tmp_path):
    tokenizer = made(place)
    kept = json.loads(json.dumps(tokenizer.settings()))
    again = restore(kept)
    assert again == tokenizer
    assert again.settings() == tokenizer.settings()
    assert again.signature() == tokenizer.signature()
    assert again.split(LINES[3]) == tokenizer.split(LINES[3])
    write_vocabulary(tmp_path / "v.json", Vocabulary(("a",), tokenizer))
    assert read_vocabulary(tmp_path / "v.json") == Vocabulary(("a",), tokenizer)


def test_tokenizers_of_other_settings_differ():
    tokenizers = [made(place) for place in range(len(SETTINGS))]
    assert len({each.signature() for each in tokenizers}) == len(SETTINGS)
    for i, one in enumerate(tokenizers):
        assert [one == other for other in tokenizers] == [i == j for j in range(len(SETTINGS))]
    assert {each.unit for each in tokenizers} == {
        "words", "characters", "bytes", "pieces", "notes", "tokens",
    }  # fmt: skip
    assert isinstance(hash(made(6)), int)


def test_a_configuration_may_name_every_kind_and_no_other():
    configured = TypeAdapter(TokenizerConfig)
    for kind in KINDS:
        settings = configured.validate_python({"kind": kind}).model_dump()
        assert fit(settings, LINES).settings()["kind"] == kind
        assert needs_training(settings) == (kind == "subword")
    for settings in SETTINGS:
        assert configured.validate_python(settings).model_dump() == settings
    union, _ = typing.get_args(TokenizerConfig)
    assert len(typing.get_args(union)) == len(KINDS)


def test_only_those_that_learn_read_the_lines():
    def lines():
        raise AssertionError("read")
        yield

    for settings in SETTINGS:
        if not needs_training(settings):
            fit(settings, lines())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"kind": "subword", "vocab_size": 299}, "greater than or equal to 300"),
        ({"kind": "subword", "vocab_size": 10**6}, "less than or equal to 200000"),
        ({"kind": "subword", "algorithm": "wordpiece"}, "'bpe' or 'unigram'"),
        ({"kind": "chinese", "segmenter": "pkuseg"}, "'character' or 'jieba'"),
        ({"kind": "byte", "lowercase": True}, "Extra inputs are not permitted"),
        ({"kind": "morse"}, "does not match any of the expected tags"),
    ],
)
def test_a_configuration_that_makes_no_sense(settings, reason):
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(TokenizerConfig).validate_python(settings)


PIECES = [["▁a", -0.0], ["a", -1]]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (3, r"^a tokenizer is a table of settings, but here 3$"),
        ({}, r"^the kind of a tokenizer must be one of word, .*, but is None$"),
        ({"kind": ["word"]}, r"must be one of .*, but is \['word'\]$"),
        ({"kind": "morse"}, r"must be one of .*, but is 'morse'$"),
        ({"kind": "word"}, r"^a tokenizer of kind word has .* \['lowercase'\], but here \[\]$"),
        ({"kind": "byte", "x": 1}, r"has the settings \[\], but here \['x'\]$"),
        ({"kind": "word", "lowercase": 1}, r"^`lowercase` of the .* be true or false, but is 1$"),
        ({"kind": "character", "lowercase": None}, r"must be true or false, but is None$"),
        ({"kind": "python", "replace_literals": "no"}, r"must be true or false, but is 'no'$"),
        (
            {"kind": "chinese", "segmenter": "x", "version": ""},
            r"^`segmenter` .* must be one of character, jieba, but is 'x'$",
        ),
        (
            {"kind": "chinese", "segmenter": "jieba", "version": 1},
            r"^`version` of the tokenizer must be a text, but is 1$",
        ),
        (
            {"kind": "subword", "algorithm": "x", "pieces": PIECES},
            r"^`algorithm` .* must be one of bpe, unigram, but is 'x'$",
        ),
        *(
            (
                {"kind": "subword", "algorithm": "bpe", "pieces": pieces},
                rf"^`pieces` of the tokenizer must {reason}",
            )
            for pieces, reason in [
                ("ab", "be pairs of a piece and a finite number$"),
                (["ab"], "be pairs"), ([["a"]], "be pairs"), ([[1, 2]], "be pairs"),
                ([["", 1]], "be pairs"), ([["a" * 17, 1]], "be pairs"), ([["a", "1"]], "be pairs"),
                ([["a", True]], "be pairs"), ([["a", float("nan")]], "be pairs"),
                ([["a", float("inf")]], "be pairs"), ([["a", 10**400]], "be pairs"),
                ([["<0x41>", 1]], "be pairs"),
                ([["a", 1], ["a", 2]], "differ, but a piece appears twice$"),
            ]
        ),
    ],
)  # fmt: skip
def test_settings_from_a_stranger(tmp_path, settings, reason):
    with pytest.raises(ValueError, match=reason):
        restore(settings)
    write_vocabulary(tmp_path / "v.json", Vocabulary(("a",), WordTokenizer()))
    found = json.loads((tmp_path / "v.json").read_text())
    (tmp_path / "v.json").write_text(json.dumps(found | {"tokenizer": settings}))
    with pytest.raises(UserError, match=r"v\.json (does not describe a vocabulary|is not JSON)"):
        read_vocabulary(tmp_path / "v.json")


# --- characters and bytes -------------------------------------------------------------------------


def test_characters_are_composed_and_spaces_count():
    assert CharacterTokenizer().split("Cafe\u0301 !") == ["C", "a", "f", "é", " ", "!"]
    assert CharacterTokenizer(lowercase=True).split("CAFE\u0301 J̌") == [*"café ", "ǰ"]
    assert CharacterTokenizer().split("👩‍👧") == ["👩", "\u200d", "👧"]
    assert CharacterTokenizer().split("a" + "\u0316" * 2 * LONG) == ["a", *["\u0316"] * 30]


def test_bytes_have_names():
    assert ByteTokenizer().split("Aé\n") == ["<0x41>", "<0xC3>", "<0xA9>", "<0x0A>"]
    assert ByteTokenizer().closed == BYTES
    assert (len(BYTES), BYTES[0], BYTES[255]) == (256, "<0x00>", "<0xFF>")


def test_bytes_that_are_no_utf_8():
    for tokenizer in (ByteTokenizer(), made(6)):
        assert (
            tokenizer.join(["<0xC3>", "<0xA9>", "<0xC3>", "<0x41>", "<0xFF>"]) == "é\ufffdA\ufffd"
        )
        assert tokenizer.join(["<0xC3>", "<unknown>", "<0xA9>"]) == "\ufffd<unknown>\ufffd"


def test_tokens_between_spaces():
    assert WhitespaceTokenizer().split(" (a  +b)\t*\u3000C ") == ["(a", "+b)", "*", "C"]
    assert WhitespaceTokenizer().join(["(a", "+b)"]) == "(a +b)"
