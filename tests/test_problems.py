import re

import pytest
import yaml

from seqgan.config.problems import _remedy
from test_config import changed, problems

NAMING = (
    "must be a name of at most 60 lower-case letters, digits, `-` and `_` that begins with a "
    "letter or digit, but is"
)


def only(text: str) -> str:
    (line,) = problems(changed(f"experiments: {{a: {text}}}"))
    assert line.startswith("experiments.a.")
    return line.removeprefix("experiments.a.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{genrator: {}}", "genrator: unknown key; did you mean `generator`?"),
        ("{report: {'[key]': 1}}", "report.'[key]': unknown key; known: num_samples"),
        (
            "{generator: {hiden_dim: 3}}",
            "generator.hiden_dim: unknown key; did you mean `hidden_dim`?",
        ),
        (
            "{report: {zzz: 3}}",
            "report.zzz: unknown key; known: num_samples",
        ),
        (
            "{methods: {gan: {reward: {stps: 1}}}}",
            "methods.gan.reward.stps: unknown key; did you mean `steps`?",
        ),
        (  # the keys of another kind are not known here
            "{methods: {gan: {action_value: {kind: terminal, num_rollouts: 3}}}}",
            "methods.gan.action_value.num_rollouts: unknown key; known: discount, kind",
        ),
    ],
)
def test_an_unknown_key(text, expected):
    assert only(text) == expected


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        ("1e-3", " (YAML reads 1e-3 as text: write 1.0e-3 or 0.001)"),
        ("1E-3", " (YAML reads 1E-3 as text: write 1.0e-3 or 0.001)"),
        ("-2e-4", " (YAML reads -2e-4 as text: write -2.0e-4 or -0.0002)"),
        ("12e-05", " (YAML reads 12e-05 as text: write 12.0e-5 or 0.00012)"),
        ("1e3", " (YAML reads 1e3 as text: write 1.0e+3 or 1000)"),
        ("1e+3", " (YAML reads 1e+3 as text: write 1.0e+3 or 1000)"),
        ("1.5e3", " (YAML reads 1.5e3 as text: write 1.5e+3 or 1500)"),
        ("1e-20", " (YAML reads 1e-20 as text: write 1.0e-20)"),
        ("1e999", ""),
        ("'0.5'", " (a number given as text: write 0.5 without quotes)"),
        ("2020-01-01", ""),
        ("one", ""),
        ("e-3", ""),
    ],
)
def test_a_number_that_is_text(number, remedy):
    shown = number.strip("'")
    assert only(f"{{generator: {{std: {number}}}}}") == (
        f"generator.std: must be a number, but is '{shown}'{remedy}"
    )


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        ("1e3", " (YAML reads 1e3 as text: write 1000)"),
        ("5e-1", ""),
        ("'3'", " (a number given as text: write 3 without quotes)"),
    ],
)
def test_a_whole_number_that_is_text(number, remedy):
    shown = number.strip("'")
    assert only(f"{{generator: {{hidden_dim: {number}}}}}") == (
        f"generator.hidden_dim: must be a whole number, but is '{shown}'{remedy}"
    )


def test_the_remedies_are_read_as_the_number_that_was_meant():
    for given in ("1e-3", "-7E-08", "12e5", "3.25e7", "1e0", "9e12"):
        ways = re.findall(r"[-+]?[\d.]+(?:e[-+]\d+)?(?= or |\)$)", _remedy(given, "float_type"))
        assert len(ways) == 2
        assert [yaml.safe_load(way) for way in ways] == [float(given)] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{corpus: {kind: orakle}}",
            "corpus.kind: there is no kind 'orakle'; did you mean `oracle`?",
        ),
        ("{corpus: {kind: 3}}", "corpus.kind: there is no kind '3'; known: oracle, text"),
        ("{generator: {kind: 3}}", None),
        (
            "{methods: {x: {rounds: 3}}}",
            (
                "methods.x.kind: this key is required; "
                "known: gumbel_softmax, likelihood, policy_gradient"
            ),
        ),
        (
            "{methods: {x: {kind: policy_gradient, reward: {kind: constant}}}}",
            "methods.x.action_value: this key is required",
        ),
    ],
)
def test_an_unknown_or_missing_kind(text, expected):
    line = only(text)
    assert line.startswith("generator.kind: ") if expected is None else line == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{corpus: 3}", "corpus: must be a mapping, but is 3"),
        ("{generator: [3]}", "generator: must be a mapping, but is [3]"),
        ("{generator: null}", "generator: must be a mapping, but is null"),
        ("{methods: {gan: x}}", "methods.gan: must be a mapping, but is 'x'"),
        ("{methods: [mle]}", "methods: must be a mapping, but is ['mle']"),
        ("{seeds: 3}", "seeds: must be a list, but is 3"),
        ("{seeds: [1, x]}", "seeds.1: must be a whole number, but is 'x'"),
        ("{description: 3}", "description: must be text, but is 3"),
        ("{generator: {num_layers: 3.5}}",
         "generator.num_layers: must be a whole number, but is 3.5"),
        ("{generator: {num_layers: true}}",
         "generator.num_layers: must be a whole number, but is true"),
        ("{generator: {num_layers: null}}",
         "generator.num_layers: must be a whole number, but is null"),
        ("{generator: {std: .nan}}", "generator.std: must be a finite number, but is nan"),
        ("{generator: {std: -.inf}}", "generator.std: must be a finite number, but is -inf"),
        ("{generator: {std: 2020-01-01}}", "generator.std: must be a number, but is '2020-01-01'"),
        ("{generator: {std: 0}}", "generator.std: must be greater than 0, but is 0"),
        ("{discriminator: {dropout: 1}}", "discriminator.dropout: must be less than 1, but is 1"),
        (
            "{methods: {gan: {action_value: {tracking_rate: 1.1}}}}",
            "methods.gan.action_value.tracking_rate: must be less than or equal to 1, but is 1.1",
        ),
        (
            "{methods: {gan: {baseline: {kind: mean}}}}",
            (
                "methods.gan.baseline.kind: there is no kind 'mean'; known: critic, "
                "mean_of_others, moving_average, none"
            ),
        ),
        (
            "{seeds: [2147483648]}",
            "seeds.0: must be less than 2147483648, but is 2147483648",
        ),
    ],
)  # fmt: skip
def test_a_wrong_value(text, expected):
    assert only(text) == expected


def test_a_long_value_is_cut():
    line = only(f"{{seeds: {{{'x' * 100}: 1}}}}")
    assert line == f"seeds: must be a list, but is {{'{'x' * 55}..."


@pytest.mark.parametrize("name", ["a/b", "..", "x;rm -rf ~", "$(id)", "Gan", "-x", "", "é", "a\n"])
def test_a_name_that_no_path_or_shell_should_see(name):
    shown = name if name in ("Gan", "-x", "é") else repr(name)
    for section in ("experiments", "methods"):
        settings = changed("{}")
        parent = settings if section == "experiments" else settings["experiments"]["a"]
        parent[section][name] = parent[section]["a" if section == "experiments" else "mle"]
        where = "experiments" if section == "experiments" else "experiments.a.methods"
        (line,) = problems(settings)
        assert line == f"{where}.{shown}: {NAMING} {name!r}"
    settings = changed("{}") | {"run": [name]}
    assert problems(settings) == [f"run.0: {NAMING} {name!r}"]


def test_a_name_of_sixty_letters_is_the_longest():
    settings = changed("{}")
    methods = settings["experiments"]["a"]["methods"]
    methods["m" * 61] = methods["mle"]
    assert len(problems(settings)) == 1


def test_keys_that_yaml_reads_as_something_else():
    dated = yaml.safe_load("{2020-01-01: 3}")
    assert problems(changed("{}") | {"experiments": dated}) == [
        (
            "the configuration is not made of mappings and lists: keys must be str, int, float, "
            "bool or None, not datetime.date"
        )
    ]
    looped = yaml.safe_load("&x {a: *x}")
    assert problems(changed("{}") | {"experiments": looped}) == [
        "the configuration is too large: it is nested more than 100 deep, or holds itself"
    ]


def test_what_is_missing_at_the_top():
    assert problems({}) == ["run: this key is required", "experiments: this key is required"]
    assert problems({"run": ["a"], "experiments": {}}) == [
        "experiments: must have at least 1 entry, but has 0"
    ]
    assert problems(changed("seeds: [3]")) == ["seeds: unknown key; known: experiments, run"]
