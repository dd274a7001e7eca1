"""Configurations of any content, and where their text may go."""

import json
import re
import shlex

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from paths import ROOT
from seqgan.config.experiment import validate
from seqgan.config.problems import ConfigError
from seqgan.config.reading import read
from seqgan.layout import jobs
from seqgan.provenance import spec
from seqgan.records import readable_json

from .promise import changed, damaged, ends_well, fuzz, texts, yaml_trees

FILES = sorted((ROOT / "config").glob("*.yaml"))
REAL = [(path, path.read_bytes()) for path in FILES]
SETTINGS = [yaml.safe_load(content) for _, content in REAL]
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
SAFE = re.compile(r"[a-z0-9_./-]+")


def planned(settings) -> None:
    """Do with a configuration what the Snakefile does."""
    config = validate(settings)
    for name in config.run:
        for job in jobs(name, config.experiments[name]):
            readable_json(spec(job.stage, job.settings))
            for path in (job.spec, job.receipt, *job.outputs.values()):
                assert SAFE.fullmatch(path), path


def key_is_named(settings) -> bool:
    try:
        planned(settings)
    except ConfigError as error:
        for line in str(error).split("\n"):
            assert re.match(r".+?: .+|and \d+ more problems$", line), line
        raise
    return True


@fuzz(800)
@given(st.dictionaries(texts | st.sampled_from(("run", "experiments")), yaml_trees, max_size=3))
def test_a_tree_of_anything(settings):
    ends_well(lambda: key_is_named(settings))


@fuzz(500)
@given(st.sampled_from(SETTINGS).flatmap(lambda tree: changed(tree, yaml_trees)))
def test_a_configuration_with_mistakes(settings):
    ends_well(lambda: key_is_named(settings))


def one(part: str, value) -> dict:
    """Return a configuration of one experiment with a value in one of its parts."""
    experiment = {"corpus": {"kind": "oracle"}, "methods": {"mle": {"kind": "likelihood"}}}
    return {"run": ["a"], "experiments": {"a": experiment | {part: value}}}


LAUGHS = [{"kind": "lstm"}]
for _ in range(12):
    LAUGHS = [LAUGHS] * 9
LOOP: dict = {}
LOOP["a"] = LOOP
DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (one("generator", LAUGHS), "it stands for more than 100000 values"),
        (one("generator", LOOP), "holds itself"),
        (one("generator", DEEP), "nested more than 100 deep"),
        (one("description", "\ud800"), "experiments.a.description: half of a pair of surrogates"),
        (one("resources", {"memory_mb": 16**5000}), "experiments.a.resources.memory_mb: must be a"),
        (one("generator", {"hidden_dim": 10**300}), "less than or equal to 1000000000, but is 10"),
        (one("seeds", [1] * 50_000), "experiments.a.seeds: "),
        (one("\ud800", 1), "half of a pair"),
        (one("x" * 5000, 1), "unknown key"),
        (one("generator", {"x" * i: 1 for i in range(5, 200)}), "and 145 more problems"),
        (one("corpus", {"kind": "x" * 50_000}), "experiments.a.corpus.kind: there is no kind"),
        (
            one("corpus", {"kind": "text", "source": {"kind": "file", "path": "-n.txt"}}),
            "an option; write ./-n.txt",
        ),
        (
            one("corpus", {"kind": "text", "source": {"kind": "file", "path": "a\nb"}}),
            r"must not contain '\\n', but is 'a\\nb'",
        ),
        (
            one("corpus", {"kind": "text", "source": {"kind": "file", "path": "{a}.txt"}}),
            "must not contain '{', '}'",
        ),
        (
            one("corpus", {"kind": "text", "source": {"kind": "file", "path": ""}}),
            "must name a file, but is empty",
        ),
    ],
)
def test_what_once_was_a_traceback_or_an_endless_wait(settings, line):
    with pytest.raises(ConfigError) as caught:
        validate(settings)
    assert line in str(caught.value).replace("\\\\", "\\").replace("\\n", r"\\n")
    assert not ends_well(lambda: validate(settings))


@pytest.mark.parametrize("path", ["x" * 300, "a/" * 3000 + "b"])
def test_a_path_that_no_disk_has_names_its_key(tmp_path, path):
    settings = one("corpus", {"kind": "text", "source": {"kind": "file", "path": path}})
    assert not ends_well(
        lambda: validate(settings, root=tmp_path), "experiments.a.corpus.source.path"
    )


# --- files ----------------------------------------------------------------------------------------

PIECES = (
    b"a: ", b"run: [a]\n", b"experiments:\n  a: ", b"&x ", b"*x", b"<<: *x",
    b"!!python/object:os.system ", b"!!python/object/apply:os.system ['touch pwned']",
    b"!!binary ", b"!!timestamp x", b"!!int x", b"!!bool perhaps", b"!!set {a}", b"!!omap [a: 1]",
    b"!!float x", b"2020-99-99", b"2020-01-01", b"0o8", b"1" * 5000, b"0x" + b"f" * 5000,
    b"1:99:99", b".nan", b"? ", b"- ", b"[", b"]", b"{", b"}", b"\t", b"\n", b"  ", b"|\n",
    b">-\n", b"'", b'"', b'"\\ud800"', b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x85", b"---\n",
    b"...\n", b"%YAML 9.9\n", b"%TAG ! x\n", b"#", b",", b"@", b"`", b"=", b"~", b"a: 1\na: 2\n",
)  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
encoded = st.sampled_from(REAL).flatmap(
    lambda real: st.sampled_from(("utf-16", "utf-32", "utf-7", "utf-8-sig")).map(
        lambda encoding: real[1].decode().encode(encoding)
    )
)
mistaken = damaged((ROOT / "config/smoke.yaml").read_bytes())

MERGED = b"a0: &a0 {x: 1}\n" + b"".join(
    b"a%d: &a%d {<<: [%s]}\n" % (i + 1, i + 1, b", ".join([b"*a%d" % i] * 9)) for i in range(9)
)
REPEATED = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i + 1, i + 1, b", ".join([b"*a%d" % i] * 9)) for i in range(9)
)


@fuzz(500)
@given(pieces | st.binary(max_size=30) | encoded | mistaken)
@example(MERGED)
@example(REPEATED)
@example(b"a: &a [*a]")
@example(b"&a {*a : 1}")
@example(b"[" * 3_000)
@example(b"{a: " * 1_000)
@example(b"- " * 2_000)
@example(b"a: 2020-99-99")
@example(b"a: !!timestamp x")
@example(b"a: !!bool perhaps")
@example(b"a: " + b"1" * 5000)
@example(b"#" * 300_000)
@example(b"a: !!python/object/apply:os.system ['touch pwned']")
def test_a_file_of_anything(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(content)
    settings: dict = {}
    if ends_well(lambda: settings.update(read(path)), "fuzzed.yaml"):
        ends_well(lambda: key_is_named(settings))
    assert not (ROOT / "pwned").exists()


def test_a_folder_and_a_missing_file_are_no_configuration(tmp_path):
    assert not ends_well(lambda: read(tmp_path), tmp_path.name)
    assert not ends_well(lambda: read(tmp_path / "absent.yaml"), "absent.yaml")
    assert not ends_well(lambda: read(tmp_path / ("x" * 300)), "xxx")


# --- where text goes ------------------------------------------------------------------------------


@fuzz(300)
@given(texts | st.from_regex(NAME, fullmatch=True) | st.text("ab-_9 \n/", max_size=5))
def test_a_name_in_a_path_has_no_other_signs_than_the_pattern(name):
    settings = one("methods", {name: {"kind": "likelihood"}})
    settings["experiments"][name] = settings["experiments"].pop("a")
    settings["run"] = [name]
    fine = NAME.fullmatch(name) is not None and name != "real"
    assert ends_well(lambda: planned(settings), repr(name)[1:20], name) == fine or name == "real"


@fuzz(300)
@given(texts | st.text(min_size=1, max_size=9))
def test_a_path_of_the_user_cannot_pass_for_anything_else(path):
    settings = one("corpus", {"kind": "text", "source": {"kind": "file", "path": path}})
    if ends_well(lambda: planned(settings), "experiments.a.corpus.source.path"):
        assert path.isprintable()
        assert path[0] != "-"
        assert not set(path) & set("{}")
        assert shlex.split(shlex.quote(path)) == [path]
        assert json.loads(json.dumps(path)) == path


UNQUOTED = {"threads", "resources.processes", "wildcards.seed"}
"""Numbers: Snakemake's own, a checked one of the configuration, and the pattern of seeds."""


@pytest.mark.parametrize("path", sorted((ROOT / "workflow").rglob("*.smk")), ids=lambda p: p.name)
def test_every_shell_line_quotes_what_it_is_given(path):
    text = path.read_text()
    lines = re.findall(r"^    shell:\n((?:        .*\n)+)", text, re.MULTILINE)
    assert len(lines) == text.count("shell:")
    for line in lines:
        assert set(re.findall(r"{([^{}]+)}", line)) - UNQUOTED
        for placeholder in re.findall(r"{([^{}]+)}", line):
            assert placeholder in UNQUOTED or placeholder.endswith(":q"), placeholder


def test_seeds_are_digits_wherever_they_are_not_quoted():
    assert r'seed=r"\d+"' in (ROOT / "workflow/Snakefile").read_text()
