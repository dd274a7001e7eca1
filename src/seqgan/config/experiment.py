"""The whole configuration: experiments are defined in a dict and selected by a list."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from seqgan.config.corpus import CorpusConfig, FileCorpus, OracleCorpus
from seqgan.config.evaluation import Evaluation, ReportConfig, Sampling
from seqgan.config.models import DiscriminatorConfig, GeneratorConfig
from seqgan.config.problems import explain
from seqgan.config.section import PositiveCount, Section, Seed, distinct
from seqgan.config.training import (
    DiscriminatorPretraining,
    DiscriminatorRewardConfig,
    GeneratorPretraining,
    MethodConfig,
    PolicyGradientMethod,
    RolloutConfig,
)

REAL = "real"
"""Name of the row in which held-out real sentences are scored as if a method had made them."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line for each problem."""


class Resources(Section):
    """What jobs may use; changing it reruns nothing."""

    memory_mb: PositiveCount = Field(
        default=4000,
        description="Memory of one training job, in MB; also asked of a scheduler, which a job "
        "that failed asks for as much again.",
    )
    processes: PositiveCount = Field(
        default=1,
        description="Processes that one training run of a discriminator or a method spreads "
        "over, each with a GPU of its own or its part of the job's threads. Results are equal to "
        "the byte for equal numbers only; a change reruns nothing.",
    )


class Experiment(Section):
    """One corpus, its models, and the methods that are compared on it over seeds."""

    description: str = Field(default="", description="A sentence for the head of the report.")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        default=(1, 2, 3),
        description="Training seeds: one independent run of every method for each.",
    )
    corpus: CorpusConfig = Field(description="Where real sentences come from.")
    generator: GeneratorConfig = Field(default=GeneratorConfig(), description="The generator.")
    discriminator: DiscriminatorConfig = Field(
        default=DiscriminatorConfig(), description="The discriminator."
    )
    generator_pretraining: GeneratorPretraining = Field(
        default=GeneratorPretraining(), description="Shared by all methods of a seed."
    )
    discriminator_pretraining: DiscriminatorPretraining = Field(
        default=DiscriminatorPretraining(),
        description="Shared by all methods with a discriminator.",
    )
    methods: Annotated[dict[Name, MethodConfig], Field(min_length=1)] = Field(
        description="The methods, by the name they have in tables and folders."
    )
    baseline: Name | None = Field(
        default=None,
        description="Method that the others are compared with in tables; without one the first "
        "of kind `likelihood`, by name.",
    )
    sampling: Sampling = Field(default=Sampling(), description="Sentences drawn from every method.")
    evaluation: Evaluation = Field(default=Evaluation(), description="Scores of the final table.")
    report: ReportConfig = Field(default=ReportConfig(), description="Contents of the report.")
    resources: Resources = Field(default=Resources(), description="Needs of a job.")

    _distinct = field_validator("seeds")(distinct)

    @model_validator(mode="after")
    def _possible(self) -> "Experiment":
        if impossible := list(_impossible(self)):
            raise ValueError("\n".join(impossible))
        return self


def _impossible(experiment: Experiment) -> Iterator[str]:
    """Yield what each section allows but their combination does not."""
    corpus, longest = experiment.corpus, experiment.corpus.max_length
    if REAL in experiment.methods:
        yield f"methods.{REAL}: this name is kept for the row of real sentences; choose another"
    if experiment.baseline is not None and experiment.baseline not in experiment.methods:
        yield (
            f"baseline: no method is called {experiment.baseline}; there are "
            f"{', '.join(experiment.methods)}"
        )
    for width in experiment.discriminator.widths:
        if width > longest:
            yield (
                f"discriminator.widths: a filter must not be wider than a sentence, but {width} "
                f"is wider than {longest} tokens; drop it, with its entry in `num_filters`"
            )
    for order in experiment.evaluation.bleu_orders:
        if order > longest:
            yield (
                f"evaluation.bleu_orders: n-grams must fit into a sentence, but {order} is more "
                f"than {longest} tokens"
            )
    fits = {"discriminator_pretraining": experiment.discriminator_pretraining.num_sentences}
    batches = {"generator_pretraining": experiment.generator_pretraining.batch_size}
    for name, method in experiment.methods.items():
        if isinstance(method, PolicyGradientMethod):
            if isinstance(method.reward, DiscriminatorRewardConfig):
                fits[f"methods.{name}.reward"] = method.reward.num_sentences
            yield from _too_large(name, method, experiment)
            batches[f"methods.{name}"] = method.batch_size
    yield from _too_large_updates(batches, experiment)
    if isinstance(corpus, OracleCorpus):
        for where, num_sentences in fits.items():
            if num_sentences and num_sentences > corpus.num_train:
                yield (
                    f"{where}.num_sentences: needs as many real sentences, but {num_sentences} is "
                    f"more than the {corpus.num_train} of the training set"
                )


def rollout_bytes(method: PolicyGradientMethod, experiment: Experiment) -> int:
    """Estimate what the rollouts of one generator update hold at their peak, in bytes.

    Counts what grows with the number of rollouts: tokens (8 bytes) and uniforms (4 bytes) of
    every completion, twice because of the copies that indexing makes, and three generations of
    decoder states.
    """
    if not isinstance(method.action_value, RolloutConfig):
        return 0
    time = experiment.corpus.max_length
    completions = (time - 1) * method.batch_size * method.action_value.num_rollouts
    state = 8 * experiment.generator.hidden_dim * experiment.generator.num_layers
    return completions * (2 * 12 * time + 3 * state)


def update_bytes(batch_size: int, experiment: Experiment) -> int:
    """Estimate what the logits of one generator update hold at their peak, in bytes.

    Four arrays of ``batch_size × length × vocabulary`` in single precision: logits, their
    normalised form, and the gradients of both.
    """
    corpus = experiment.corpus
    special = 3  # of a text: start, end, unknown
    vocab = corpus.max_vocabulary + special if isinstance(corpus, FileCorpus) else corpus.vocab_size
    return 4 * 4 * batch_size * corpus.max_length * vocab


def _too_large(name: str, method: PolicyGradientMethod, experiment: Experiment) -> Iterator[str]:
    needed, given = rollout_bytes(method, experiment), experiment.resources.memory_mb * 10**6
    if needed > given and isinstance(method.action_value, RolloutConfig):
        fitting = method.action_value.num_rollouts * given // needed
        lower = f"use at most {fitting} rollouts" if fitting else "lower `batch_size`"
        yield (
            f"methods.{name}.action_value.num_rollouts: {method.action_value.num_rollouts} "
            f"rollouts of {method.batch_size} sentences need about {needed / 1e6:,.0f} MB, but "
            f"`resources.memory_mb` allows {given / 1e6:,.0f} MB; {lower}, or allow more memory"
        )


def _too_large_updates(batches: dict[str, int], experiment: Experiment) -> Iterator[str]:
    given = experiment.resources.memory_mb * 10**6
    for where, batch_size in batches.items():
        needed = update_bytes(batch_size, experiment)
        if needed > given:
            yield (
                f"{where}.batch_size: an update of {batch_size} sentences needs about "
                f"{needed / 1e6:,.0f} MB for its logits, but `resources.memory_mb` allows "
                f"{given / 1e6:,.0f} MB; use at most {batch_size * given // needed} sentences, or "
                "allow more memory"
            )


class Config(Section):
    """A file of experiments and the selection that is run."""

    run: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Names of the experiments that are run, of those defined below."
    )
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)] = Field(
        description="The experiments, by name; results go to `results/<name>/`."
    )

    _distinct = field_validator("run")(distinct)

    @model_validator(mode="after")
    def _defined(self) -> "Config":
        if missing := [name for name in self.run if name not in self.experiments]:
            raise ValueError(
                f"run: no experiment is called {', '.join(missing)}; defined: "
                f"{', '.join(self.experiments)}"
            )
        return self


def validate(settings: Mapping[str, Any], *, root: Path | None = None) -> Config:
    """Return the checked configuration; raise :class:`ConfigError` with every problem at once.

    Args:
        settings: What YAML gave.
        root: Folder in which the files named by the selected experiments must exist, if given.
    """
    try:
        # By way of JSON: there a list is what a tuple wants, and yet types are strict.
        content = json.dumps(settings, default=str)
    except (TypeError, ValueError) as error:  # a date as a key, or an anchor inside itself
        raise ConfigError(f"the configuration is not made of mappings and lists: {error}") from None
    try:
        config = Config.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, Config))) from None
    if root is not None and (missing := list(_missing_files(config, root))):
        raise ConfigError("\n".join(missing))
    return config


def external_files(experiment: Experiment) -> dict[str, str]:
    """Return the files that the user brings, by the key that names them."""
    if isinstance(experiment.corpus, FileCorpus):
        return {"corpus.path": experiment.corpus.path}
    if experiment.corpus.parameters is not None:
        return {"corpus.parameters": experiment.corpus.parameters}
    return {}


def _missing_files(config: Config, root: Path) -> Iterator[str]:
    for name in config.run:
        for key, path in external_files(config.experiments[name]).items():
            if not (root / path).is_file():
                yield f"experiments.{name}.{key}: no such file: {path} (looked in {root.resolve()})"


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise :class:`ConfigError` if it holds none."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no such configuration file: {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} must hold a mapping with `run` and `experiments`")
    return settings
