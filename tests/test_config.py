import copy
import json
from functools import partial
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError
from snakemake.utils import update_config

from seqgan.config.corpus import OracleCorpus, TextCorpus
from seqgan.config.discriminators import CNNDiscriminatorConfig
from seqgan.config.experiment import Config, Experiment, Resources, _largest, validate
from seqgan.config.generators import LSTMGeneratorConfig
from seqgan.config.memory import update_bytes
from seqgan.config.problems import ConfigError
from seqgan.config.reading import read
from seqgan.config.reference import FIRST_LINE, schema
from seqgan.config.rewards import DiscriminatorRewardConfig, RolloutConfig
from seqgan.config.section import Section
from seqgan.config.training import (
    DiscriminatorPretraining,
    GeneratorPretraining,
    PolicyGradientMethod,
)

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "config").glob("*.yaml"))
SMALLEST = """
run: [a]
experiments:
  a:
    corpus: {kind: oracle}
    methods:
      mle: {kind: likelihood}
      gan:
        kind: policy_gradient
        action_value: {kind: rollout}
        reward: {kind: discriminator}
"""


def changed(text: str) -> dict:
    """Return the smallest configuration with some YAML merged over it."""
    settings = yaml.safe_load(SMALLEST)
    update_config(settings, yaml.safe_load(text))
    return settings


def problems(settings: dict, **options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        validate(settings, **options)
    return str(caught.value).split("\n")


# --- the files that come with the project ---------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_valid_alone_and_over_the_default(path):
    validate(read(path))
    merged = read(ROOT / "config/config.yaml")
    update_config(merged, read(path))
    assert validate(merged).run == validate(read(path)).run


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_accepted_by_the_schema_and_names_it(path):
    jsonschema.validate(read(path), json.loads((ROOT / "config/schema.json").read_text()))
    assert path.read_text(encoding="utf-8").startswith(FIRST_LINE + "\n")


def test_the_schema_refuses_what_the_models_refuse():
    jsonschema.validate(changed("{}"), schema())
    for text in (
        "experiments: {a: {genrator: {}}}",
        "experiments: {a: {generator: {std: '3'}}}",
        "experiments: {a: {corpus: {kind: oracl}}}",
        "experiments: {a: {methods: {A: {kind: likelihood}}}}",
        "run: []",
    ):
        problems(changed(text))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed(text), schema())


# --- defaults -------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_paper():
    """The facts of the synthetic experiment of Yu et al. (2017) and its released code."""
    oracle = OracleCorpus(kind="oracle")
    assert (oracle.vocab_size, oracle.length, oracle.num_train) == (5000, 20, 10_000)
    assert (oracle.embedding_dim, oracle.hidden_dim, oracle.std) == (32, 32, 1.0)
    generator = LSTMGeneratorConfig()
    assert (generator.embedding_dim, generator.hidden_dim, generator.num_layers) == (32, 32, 1)
    assert generator.std == 0.1
    mle = GeneratorPretraining()
    assert (mle.epochs, mle.batch_size, mle.learning_rate) == (120, 64, 0.01)
    assert (mle.max_grad_norm, mle.hand_over) == (5.0, "last")
    cnn = CNNDiscriminatorConfig()
    assert cnn.widths == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
    assert cnn.num_filters == (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
    assert sum(cnn.num_filters) == 1720
    assert (cnn.embedding_dim, cnn.dropout, cnn.l2) == (64, 0.25, 0.2)
    fit = DiscriminatorPretraining()
    assert (fit.rounds, fit.epochs, fit.batch_size, fit.learning_rate) == (50, 3, 64, 1e-4)
    assert fit.num_sentences is None
    value, reward = RolloutConfig(kind="rollout"), DiscriminatorRewardConfig(kind="discriminator")
    assert (value.num_rollouts, value.tracking_rate) == (16, 0.0)
    assert (reward.steps, reward.epochs, reward.batch_size) == (5, 3, 64)
    assert (reward.learning_rate, reward.num_sentences) == (1e-4, None)
    method = PolicyGradientMethod(kind="policy_gradient", action_value=value, reward=reward)
    assert (method.rounds, method.generator_steps, method.batch_size) == (200, 1, 64)
    assert (method.learning_rate, method.max_grad_norm) == (0.01, 5.0)
    assert (method.baseline.kind, method.monitoring.every) == ("none", 5)
    assert (method.advantage.value_scale, method.advantage.advantage_scale) == ("none", "none")
    assert (method.advantage.clip, method.entropy_bonus) == (None, 0.0)
    assert (method.teacher_forcing.steps, method.selection.weights) == (0, "last")
    assert (method.curriculum.length, method.curriculum.prefix) == (None, None)
    assert (value.every, value.discount) == (1, 1.0)


def sections(start: type[Section] = Section) -> set[type[Section]]:
    found = {model for model in start.__subclasses__() if model.__module__.startswith("seqgan.")}
    return found.union(*(sections(each) for each in found))


@pytest.mark.parametrize("model", sorted(sections(), key=str), ids=lambda model: model.__name__)
def test_every_section_is_closed_frozen_and_described(model):
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]
    for name, field in model.model_fields.items():
        assert name == "kind" or field.description, f"{model.__name__}.{name} has no description"
        if isinstance(field.default, Section):
            # Else a key of the section that a user sets would silently move its other keys.
            assert field.default == type(field.default)(
                **({"kind": field.default.kind} if hasattr(field.default, "kind") else {})
            ), f"{model.__name__}.{name} has defaults of its own"


# --- what is refused ------------------------------------------------------------------------------


def test_all_problems_are_reported_at_once():
    settings = changed(
        """
        experiments:
          a:
            generatr: {}
            corpus: {length: 1}
            methods: {gan: {learning_rate: 1e-3, reward: {kind: constnt}}, foo: {kind: likelihod}}
        """
    )
    assert sorted(problems(settings)) == [
        "experiments.a.corpus.length: must be greater than or equal to 2, but is 1",
        "experiments.a.generatr: unknown key; did you mean `generator`?",
        "experiments.a.methods.foo.kind: there is no kind 'likelihod'; did you mean `likelihood`?",
        (
            "experiments.a.methods.gan.learning_rate: must be a number, but is '1e-3' "
            "(YAML reads 1e-3 as text: write 1.0e-3 or 0.001)"
        ),
        (
            "experiments.a.methods.gan.reward.kind: there is no kind 'constnt'; did you mean "
            "`constant`?"
        ),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "discriminator: {widths: [1, 30], num_filters: [3, 3]}",
            (
                "discriminator.widths: a filter must not be wider than a sentence, but 30 is wider "
                "than 20 tokens; drop it, with its entry in `num_filters`"
            ),
        ),
        (
            "discriminator: {widths: [1, 3]}",
            (
                "discriminator: `num_filters` must give a number for each of the 2 widths, "
                "but gives 12"
            ),
        ),
        (
            "resources: {memory_mb: 10}, corpus: {vocab_size: 100}",
            (
                "methods.gan.action_value.num_rollouts: 16 rollouts of 64 sentences need about "
                "53 MB, but `resources.memory_mb` allows 10 MB; use at most 3 rollouts, "
                "or allow more memory"
            ),
        ),
        (
            "methods: {real: {kind: likelihood}}",
            "methods.real: this name is kept for the row of real sentences; choose another",
        ),
        ("seeds: [3, 1, 3]", "seeds: entries must differ, but 3 appears more than once"),
        ("seeds: []", "seeds: must have at least 1 entry, but has 0"),
        ("seeds: [-1]", "seeds.0: must be greater than or equal to 0, but is -1"),
        (
            "evaluation: {bleu_orders: [2, 2]}",
            "evaluation.bleu_orders: entries must differ, but 2 appears more than once",
        ),
        (
            "evaluation: {bleu_orders: [21]}",
            (
                "evaluation.bleu_orders: n-grams must fit into a sentence, but 21 is more than 20 "
                "tokens"
            ),
        ),
        (
            "discriminator_pretraining: {num_sentences: 10001}",
            (
                "discriminator_pretraining.num_sentences: needs as many real sentences, but 10001 "
                "is more than the 10000 of the training set"
            ),
        ),
        (
            "methods: {gan: {reward: {num_sentences: 10001}}}",
            (
                "methods.gan.reward.num_sentences: needs as many real sentences, but 10001 is more "
                "than the 10000 of the training set"
            ),
        ),
        (
            "methods: {gan: {action_value: {kind: dense}}}",
            (
                "methods.gan.action_value: `dense` needs a discriminator that judges "
                "prefixes; give "
                "the reward `discriminator: {kind: prefix}`, or use `kind: rollout`"
            ),
        ),
        (
            "methods: {gan: {action_value: {kind: dense}, reward: {kind: bleu}}}",
            (
                "methods.gan.action_value: `dense` needs a discriminator that judges "
                "prefixes; give "
                "the reward `discriminator: {kind: prefix}`, or use `kind: rollout`"
            ),
        ),
        (
            (
                "methods: {gan: {action_value: {kind: dense}, repetition_penalty: {}, "
                "reward: {discriminator: {kind: prefix}}}}"
            ),
            (
                "methods.gan.repetition_penalty: is of whole sentences, but `dense` judges "
                "prefixes; "
                "leave it out"
            ),
        ),
        (
            "methods: {gan: {reward: {discriminator: {widths: [30], num_filters: [2]}}}}",
            (
                "methods.gan.reward.discriminator.widths: a filter must not be wider than a "
                "sentence, "
                "but 30 is wider than 20 tokens; drop it, with its entry in `num_filters`"
            ),
        ),
        (
            "methods: {gan: {reward: {discriminator: {kind: tree}}}}",
            (
                "methods.gan.reward.discriminator.kind: there is no kind 'tree'; "
                "known: cnn, prefix, rnn, transformer"
            ),
        ),
        (
            "generator: {kind: transformer, embedding_dim: 12, num_heads: 4}",
            (
                "generator.embedding_dim: must be a multiple of twice `num_heads`, but 12 "
                "is none of "
                "2 · 4"
            ),
        ),
        ("generator: 5", "generator: must be a mapping, but is 5"),
    ],
)
def test_what_an_experiment_refuses(text, expected):
    settings = changed(f"experiments: {{a: {{{text}}}}}")
    assert problems(settings) == [f"experiments.a.{expected}"]


@pytest.mark.parametrize(
    ("changes", "needed", "lower"),
    [
        ("corpus: {vocab_size: 20}", "8 MB", "use at most 13 sentences"),
        (
            "corpus: {vocab_size: 500000}",
            "1,032 MB",
            "one sentence does not fit either: lower the vocabulary or `hidden_dim`",
        ),
    ],
)
def test_updates_that_do_not_fit_into_memory_are_refused_for_both_phases(changes, needed, lower):
    found = problems(changed(f"experiments: {{a: {{resources: {{memory_mb: 5}}, {changes}}}}}"))
    assert found == [
        (
            "experiments.a.methods.gan.action_value.num_rollouts: 16 rollouts of 64 sentences need "
            "about 53 MB, but `resources.memory_mb` allows 5 MB; use at most 1 rollouts, or allow "
            "more memory"
        ),
        *(
            f"experiments.a.{where}.batch_size: an update of 64 sentences needs about {needed}, "
            f"but `resources.memory_mb` allows 5 MB; {lower}, or allow more memory"
            for where in ("generator_pretraining", "methods.gan")
        ),
    ]


def test_relaxed_samples_need_more_memory_than_sampled_ones():
    settings = changed("experiments: {a: {corpus: {vocab_size: 100000}}}")
    validate(settings)
    methods = {"gumbel": {"kind": "gumbel_softmax"}, "mle": {"kind": "likelihood"}}
    settings["experiments"]["a"]["methods"] = methods
    (found,) = problems(settings)
    assert "methods.gumbel.batch_size: an update of 64 sentences needs about 5,3" in found
    assert "; use at most 47 sentences, or allow more memory" in found


def test_where_one_rollout_does_not_fit_the_batch_is_too_large():
    settings = changed("experiments: {a: {resources: {memory_mb: 1}, corpus: {vocab_size: 20}}}")
    assert problems(settings)[0].endswith("allows 1 MB; lower `batch_size`, or allow more memory")


def test_what_fits_into_memory_is_said_to_the_number():
    config = validate(changed("experiments: {a: {resources: {memory_mb: 4000}}}")).experiments["a"]
    bytes_of = partial(update_bytes, generator=config.generator, corpus=config.corpus)
    given = bytes_of(24)
    assert _largest(64, given, bytes_of) == 24
    assert _largest(64, given - 1, bytes_of) == 23
    assert _largest(64, 1, bytes_of) == 0


def test_the_longest_sentences_of_the_largest_vocabulary_fit_into_8_gb():
    settings = changed(
        "experiments: {a: {corpus: {length: 160, vocab_size: 50000}, resources: {memory_mb: 8000}}}"
    )
    assert validate(settings)


def test_a_discriminator_that_nobody_uses_may_be_of_any_shape():
    short = "experiments: {a: {corpus: {length: 5}, methods: {gan: {reward: {discriminator: {}}}}}}"
    found = problems(changed(short))
    assert [line.split(":")[0] for line in found] == [
        "experiments.a.methods.gan.reward.discriminator.widths"
    ] * 7
    alone = changed("experiments: {a: {corpus: {length: 5}}}")
    del alone["experiments"]["a"]["methods"]["gan"]
    validate(alone)


def test_several_impossible_combinations_are_reported_together():
    settings = changed(
        "experiments: {a: {resources: {memory_mb: 10}, corpus: {vocab_size: 100}, "
        "discriminator: {widths: [25, 30], "
        "num_filters: [3, 3]}, methods: {real: {kind: likelihood}}}}"
    )
    assert len(problems(settings)) == 4


def test_a_text_corpus_needs_room_for_its_sentences():
    settings = changed("{}")
    settings["experiments"]["a"]["corpus"] = {
        "kind": "text",
        "source": {"kind": "file", "path": "x"},
        "min_length": 20,
    }
    assert problems(settings) == [
        (
            "experiments.a.corpus: `min_length` must be below `max_length`, which counts the end "
            "token, but 20 is not below 20"
        )
    ]
    settings["experiments"]["a"]["corpus"]["min_length"] = 19
    assert isinstance(validate(settings).experiments["a"].corpus, TextCorpus)


def test_run_selects_experiments_that_are_defined():
    assert problems(changed("run: [b, a, c]")) == ["run: no experiment is called b, c; defined: a"]
    assert problems(changed("run: [a, a]")) == [
        "run: entries must differ, but a appears more than once"
    ]
    assert problems(changed("run: a")) == ["run: must be a list, but is 'a'"]
    assert problems(changed("run: [1]")) == ["run.0: must be text, but is 1"]


def test_files_of_the_experiments_that_run_must_exist(tmp_path):
    settings = changed("{}")
    corpus = {"kind": "text", "source": {"kind": "file", "path": "data/x.txt"}}
    settings["experiments"]["b"] = copy.deepcopy(settings["experiments"]["a"]) | {"corpus": corpus}
    validate(settings, root=tmp_path)  # b is not selected
    settings["run"] = ["a", "b"]
    validate(settings)  # no root, no look at the disk
    assert problems(settings, root=tmp_path) == [
        f"experiments.b.corpus.source.path: no such file: data/x.txt (looked in {tmp_path})"
    ]
    (tmp_path / "data/x.txt").mkdir(parents=True)  # a folder is no file
    assert problems(settings, root=tmp_path)
    (tmp_path / "data/x.txt").rmdir()
    (tmp_path / "data/x.txt").touch()
    validate(settings, root=tmp_path)
    settings["experiments"]["a"]["corpus"]["parameters"] = "oracle.npz"
    assert problems(settings, root=tmp_path) == [
        f"experiments.a.corpus.parameters: no such file: oracle.npz (looked in {tmp_path})"
    ]


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n", r"must hold a mapping with `run` and `experiments`$"),
        (b"", r"must hold a mapping with `run` and `experiments`$"),
        (b"a: [1\n", r"is not YAML: .*line 2"),
        (b"a: !!python/object:x {}\n", r"is not YAML: could not determine a constructor"),
        (b"\xff\xfe\x00", r"is not YAML: .*utf-8"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, message):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"^no such configuration file: .*/x\.yaml$"):
        read(tmp_path / "x.yaml")


def test_the_configuration_is_immutable_and_survives_a_round_trip():
    config = validate(changed("{}"))
    with pytest.raises(ValueError, match="frozen"):
        config.run = ("b",)  # type: ignore[misc]
    assert validate(json.loads(config.model_dump_json())) == config
    assert isinstance(config, Config)
    assert isinstance(config.experiments["a"], Experiment)


@pytest.mark.parametrize("processes", [0, 1025])
def test_a_run_has_as_many_processes_as_a_machine_can_bear(processes):
    assert Resources(processes=1024).processes == 1024
    with pytest.raises(ValidationError, match="processes"):
        Resources(processes=processes)
