"""The whole configuration: experiments are defined in a dict and selected by a list."""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from seqgan.config.corpus import CorpusConfig, OracleCorpus
from seqgan.config.discriminators import CNNDiscriminatorConfig, DiscriminatorConfig
from seqgan.config.evaluation import Evaluation, ReportConfig, Sampling, Sweep
from seqgan.config.feasibility import filters_that_fit, pointless, shares_discriminator
from seqgan.config.generators import GeneratorConfig, LSTMGeneratorConfig
from seqgan.config.memory import rollout_bytes, update_bytes
from seqgan.config.problems import ConfigError, explain
from seqgan.config.reading import MOST_VALUES
from seqgan.config.rewards import Adversary, RolloutConfig
from seqgan.config.section import PositiveCount, Section, Seed, UserPath, distinct
from seqgan.config.sources import FileSource
from seqgan.config.training import (
    AdversarialMethod,
    DiscriminatorPretraining,
    GeneratorPretraining,
    GumbelSoftmaxMethod,
    MethodConfig,
    PolicyGradientMethod,
)
from seqgan.records import check_tree, expand

REAL = "real"
"""Name of the row in which held-out real sentences are scored as if a method had made them."""

LARGEST_BITS = 1024
"""Of a number in the configuration; no float is larger."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]


class Resources(Section):
    """What jobs may use; changing it reruns nothing."""

    downloads: UserPath = Field(
        default="data/downloads",
        description="Folder that keeps what was fetched; what is there is not fetched again, "
        "whoever put it there.",
    )
    mirror: UserPath | None = Field(
        default=None, description="Folder that is looked into first and never written to."
    )
    offline: bool = Field(default=False, description="Never ask the net.")

    memory_mb: PositiveCount = Field(
        default=4000,
        description="Memory of one training job, in MB; also asked of a scheduler, which a job "
        "that failed asks for as much again.",
    )
    processes: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1,
        description="Processes that one training run of a discriminator or a method spreads "
        "over, each with a GPU of its own or its part of the job's threads. Results are equal to "
        "the byte for equal numbers only; a change reruns nothing.",
    )


class Experiment(Section):
    """One corpus, its models, and the methods that are compared on it over seeds."""

    description: str = Field(default="", description="A sentence for the head of the report.")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=1000)] = Field(
        default=(1, 2, 3),
        description="Training seeds: one independent run of every method for each.",
    )
    corpus: CorpusConfig = Field(description="Where real sentences come from.")
    generator: GeneratorConfig = Field(default=LSTMGeneratorConfig(), description="The generator.")
    discriminator: DiscriminatorConfig = Field(
        default=CNNDiscriminatorConfig(), description="The discriminator."
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
    sweep: Sweep = Field(
        default=Sweep(), description="Settings of sampling that the curves are drawn over."
    )
    report: ReportConfig = Field(default=ReportConfig(), description="Contents of the report.")
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        default="float32",
        description="Of the factors of matrix products, in training: all bits, or what the matrix "
        "units of a GPU (or, for bfloat16, of a processor that has such) take several at a time. "
        "Weights and sums keep all bits.",
    )
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
    row = corpus.row_length
    if REAL in experiment.methods:
        yield f"methods.{REAL}: this name is kept for the row of real sentences; choose another"
    if experiment.baseline is not None and experiment.baseline not in experiment.methods:
        yield (
            f"baseline: no method is called {experiment.baseline}; there are "
            f"{', '.join(experiment.methods)}"
        )
    if any(map(shares_discriminator, experiment.methods.values())):
        yield from filters_that_fit("discriminator", experiment.discriminator, row)
    for order in experiment.evaluation.bleu_orders:
        if order > longest:
            yield (
                f"evaluation.bleu_orders: n-grams must fit into a sentence, but {order} is more "
                f"than {longest} tokens"
            )
    fits = {"discriminator_pretraining": experiment.discriminator_pretraining.num_sentences}
    batches = {"generator_pretraining": (experiment.generator_pretraining.batch_size, False)}
    for name, method in experiment.methods.items():
        if isinstance(method, PolicyGradientMethod):
            yield from _too_large(name, method, experiment)
        if isinstance(method, AdversarialMethod):
            reward = method.reward
            if isinstance(reward, Adversary):
                fits[f"methods.{name}.reward"] = reward.num_sentences
                if reward.discriminator is not None:
                    where = f"methods.{name}.reward.discriminator"
                    yield from filters_that_fit(where, reward.discriminator, row)
            yield from pointless(f"methods.{name}", method, corpus, experiment.discriminator)
            relaxed = isinstance(method, GumbelSoftmaxMethod)
            batches[f"methods.{name}"] = method.batch_size, relaxed
        elif method.training is not None:
            batches[f"methods.{name}.training"] = method.training.batch_size, False
    yield from _too_large_updates(batches, experiment)
    if isinstance(corpus, OracleCorpus):
        for where, num_sentences in fits.items():
            if num_sentences and num_sentences > corpus.num_train:
                yield (
                    f"{where}.num_sentences: needs as many real sentences, but {num_sentences} is "
                    f"more than the {corpus.num_train} of the training set"
                )


def _too_large(name: str, method: PolicyGradientMethod, experiment: Experiment) -> Iterator[str]:
    if not isinstance(method.action_value, RolloutConfig):
        return
    wanted, given = method.action_value.num_rollouts, experiment.resources.memory_mb * 10**6
    generator, time = experiment.generator, experiment.corpus.row_length

    def bytes_of(num_rollouts: int) -> int:
        return rollout_bytes(method, num_rollouts, generator, time)

    needed = bytes_of(wanted)
    if needed > given:
        fitting = _largest(wanted, given, bytes_of)
        lower = f"use at most {fitting} rollouts" if fitting else "lower `batch_size`"
        yield (
            f"methods.{name}.action_value.num_rollouts: {wanted} "
            f"rollouts of {method.batch_size} sentences need about {needed / 1e6:,.0f} MB, but "
            f"`resources.memory_mb` allows {given / 1e6:,.0f} MB; {lower}, or allow more memory"
        )


def _too_large_updates(
    batches: dict[str, tuple[int, bool]], experiment: Experiment
) -> Iterator[str]:
    given, corpus = experiment.resources.memory_mb * 10**6, experiment.corpus
    for where, (batch_size, relaxed) in batches.items():
        bytes_of = partial(
            update_bytes, generator=experiment.generator, corpus=corpus, relaxed=relaxed
        )
        needed = bytes_of(batch_size)
        if needed > given:
            fitting = _largest(batch_size, given, bytes_of)
            lower = (
                f"use at most {fitting} sentences"
                if fitting
                else "one sentence does not fit either: lower the vocabulary or `hidden_dim`"
            )
            yield (
                f"{where}.batch_size: an update of {batch_size} sentences needs about "
                f"{needed / 1e6:,.0f} MB, but `resources.memory_mb` allows "
                f"{given / 1e6:,.0f} MB; {lower}, or allow more memory"
            )


def _largest(wanted: int, given: int, needed: Callable[[int], int]) -> int:
    """Return the largest number below one that is wanted for which what is given is enough."""
    return bisect_right(range(1, wanted), given, key=needed)


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


def validate(settings: Mapping[Any, Any], *, root: Path | None = None) -> Config:
    """Return the checked configuration; raise :class:`ConfigError` with every problem at once.

    Args:
        settings: What YAML gave.
        root: Folder in which the files named by the selected experiments must exist, if given.
    """
    try:
        check_tree(settings, largest=MOST_VALUES)
        if unreadable := list(_unreadable(settings)):
            raise ConfigError(*unreadable)
        # By way of JSON: there a list is what a tuple wants, and yet types are strict.
        content = json.dumps(settings, default=str)
    except TypeError as error:  # a date as a key
        raise ConfigError(f"the configuration is not made of mappings and lists: {error}") from None
    except ConfigError:
        raise
    except ValueError as error:  # aliases that explode, or one inside itself
        raise ConfigError(f"the configuration is too large: {error}") from None
    try:
        config = Config.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise ConfigError(*explain(error, Config)) from None
    if root is not None and (missing := list(_missing_files(config, root))):
        raise ConfigError(*missing)
    return config


def _unreadable(node: Any, where: str = "") -> Iterator[str]:
    """Yield a line for every value that cannot be written as JSON, and so not checked further."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _unreadable(key, f"{where}.{key}".lstrip("."))
            yield from _unreadable(value, f"{where}.{key}".lstrip("."))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _unreadable(value, f"{where}.{i}")
    elif isinstance(node, str) and any("\ud800" <= sign <= "\udfff" for sign in node):
        yield f"{where}: half of a pair of surrogates is no text, but it holds one: {node[:60]!r}"
    elif isinstance(node, int) and node.bit_length() > LARGEST_BITS:
        yield f"{where}: must be a number of a usual size, but has {node.bit_length()} bits"


def external_files(experiment: Experiment) -> dict[str, str]:
    """Return the files and folders that the user brings, by the key that names them."""
    corpus = experiment.corpus
    if isinstance(corpus, OracleCorpus):
        return {} if corpus.parameters is None else {"corpus.parameters": corpus.parameters}
    if not isinstance(corpus.source, FileSource):
        return {}
    names = ("path", "validation_path", "test_path")
    given = {f"corpus.source.{name}": getattr(corpus.source, name) for name in names}
    return {key: path for key, path in given.items() if path is not None}


def _missing_files(config: Config, root: Path) -> Iterator[str]:
    for name in config.run:
        for key, path in external_files(config.experiments[name]).items():
            where = f"experiments.{name}.{key}"
            try:
                if not expand(root / path):
                    yield f"{where}: no such file: {path} (looked in {root.resolve()})"
            except OSError as error:  # a name that is too long, a folder that may not be entered
                yield f"{where}: {path} cannot be read: {error.strerror}"
