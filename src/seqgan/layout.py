"""The results tree: which jobs an experiment consists of, what each reads and writes.

The Snakefile spells the same paths as patterns; a test holds the two together. Paths are relative
to the folder that holds ``results/``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from seqgan.config.corpus import OracleCorpus, TextCorpus
from seqgan.config.experiment import REAL, Experiment, external_files
from seqgan.config.feasibility import shares_discriminator
from seqgan.config.sources import FileSource
from seqgan.config.training import AdversarialMethod, LikelihoodMethod

OPTIONS = {
    "parameters": "parameters",
    "path": "text",
    "validation_path": "validation",
    "test_path": "test",
}
"""The options of stages that take a user's file, by the key that names it."""


@dataclass(frozen=True)
class Job:
    """One run of one stage.

    Attributes:
        experiment: Name of the experiment.
        stage: Name of the stage; its script is ``src/<stage>.py``.
        settings: The parts of the configuration that the stage reads.
        seed: Training seed, for stages that run once for each.
        method: Name of the method, for stages that run once for each.
        outputs: Files and folders it makes, by the name of their option on the command line.
        upstream: Jobs whose outputs it reads.
        external: Files and folders of the user that it reads, by the name of their option.
    """

    experiment: str
    stage: str
    settings: dict[str, Any]
    seed: int | None = None
    method: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    upstream: tuple["Job", ...] = ()
    external: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the job is called within its experiment, such as ``seed-1/evaluate-mle``."""
        folder = "" if self.seed is None else f"seed-{self.seed}/"
        return f"{folder}{self.stage}{'' if self.method is None else f'-{self.method}'}"

    @property
    def spec(self) -> str:
        """Where its settings and code digests are frozen; the same file for every seed."""
        suffix = "" if self.method is None else f"-{self.method}"
        return f"results/{self.experiment}/.spec/{self.stage}{suffix}.json"

    @property
    def receipt(self) -> str:
        """Where it records what was made from what."""
        return f"results/{self.experiment}/receipts/{self.name}.json"

    @property
    def provenance(self) -> str:
        """Where it records by whom, when and on what machine."""
        return f"results/{self.experiment}/provenance/{self.name}.json"


def jobs(name: str, experiment: Experiment) -> list[Job]:
    """Return the jobs of an experiment, each after those it depends on."""
    return list(_jobs(name, experiment))


def _jobs(name: str, experiment: Experiment) -> Iterator[Job]:
    results = f"results/{name}"
    oracle = isinstance(experiment.corpus, OracleCorpus)
    fetching: tuple[Job, ...] = ()
    if isinstance(experiment.corpus, TextCorpus) and not isinstance(
        experiment.corpus.source, FileSource
    ):
        fetch = Job(
            name,
            "fetch_corpus",
            {"source": _plain(experiment.corpus.source)},
            outputs={"source": f"{results}/source"},
        )
        yield fetch
        fetching = (fetch,)
    data = Job(
        name,
        "sample_oracle" if oracle else "prepare_corpus",
        {"corpus": _plain(experiment.corpus)},
        outputs={"data": f"{results}/data"},
        upstream=fetching,
        external={
            OPTIONS[key.rpartition(".")[2]]: path
            for key, path in external_files(experiment).items()
        },
    )
    yield data
    references: tuple[Job, ...] = ()
    if experiment.evaluation.embedding.encoder != "none":
        encoding = Job(
            name,
            "encode_references",
            {"embedding": _plain(experiment.evaluation.embedding)},
            outputs={"encoder": f"{results}/encoder"},
            upstream=(data,),
        )
        yield encoding
        references = (encoding,)
    evaluations, sweeps, curves, samples = [], [], [], []
    checked = _plain(experiment.evaluation)
    if checked["validity"] == "automatic":
        checked["validity"] = experiment.corpus.domain
    swept = {name: value for name, value in checked.items() if name != "validity"}
    for seed in experiment.seeds:
        folder = f"seed-{seed}"

        def training(stage: str, folder: str = folder) -> dict[str, str]:
            return {
                "checkpoint": f"{results}/checkpoints/{folder}/{stage}",
                "metrics": f"{results}/metrics/{folder}/{stage}.jsonl",
            }

        pretraining = _plain(experiment.generator_pretraining)
        hand_over = pretraining.pop("hand_over")
        generator = Job(
            name,
            "pretrain_generator",
            {
                "generator": _plain(experiment.generator),
                "generator_pretraining": pretraining,
                "precision": experiment.precision,
            },
            seed,
            outputs=training("pretrain_generator"),
            upstream=(data,),
        )
        discriminator = Job(
            name,
            "pretrain_discriminator",
            {
                "hand_over": hand_over,
                "discriminator": _plain(experiment.discriminator),
                "discriminator_pretraining": _plain(experiment.discriminator_pretraining),
                "precision": experiment.precision,
            },
            seed,
            outputs=training("pretrain_discriminator"),
            upstream=(data, generator),
        )
        yield generator
        curves.append(generator)
        if any(shares_discriminator(method) for method in experiment.methods.values()):
            yield discriminator
            curves.append(discriminator)
        for method in [REAL, *experiment.methods]:
            settings = experiment.methods.get(method)
            trained: tuple[Job, ...] = (generator,)
            weights = None
            if isinstance(settings, LikelihoodMethod):
                weights = settings.weights
                if settings.training is not None:
                    alone = Job(
                        name,
                        "pretrain_generator",
                        {
                            "generator": _plain(experiment.generator),
                            "generator_pretraining": _plain(settings.training),
                            "precision": experiment.precision,
                        },
                        seed,
                        method,
                        training(f"pretrain_generator-{method}"),
                        (data,),
                    )
                    yield alone
                    curves.append(alone)
                    trained = (alone,)
            elif isinstance(settings, AdversarialMethod):
                learning = _plain(settings)
                learning["selection"].pop("weights")
                adversarial = Job(
                    name,
                    "train_adversarially",
                    {
                        "hand_over": hand_over,
                        "method": learning,
                        "precision": experiment.precision,
                    },
                    seed,
                    method,
                    training(f"train_adversarially-{method}"),
                    (data, generator, discriminator)
                    if shares_discriminator(settings)
                    else (data, generator),
                )
                yield adversarial
                curves.append(adversarial)
                trained, weights = (adversarial,), settings.selection.weights
            else:
                trained = ()
            sampling = Job(
                name,
                "sample_sentences",
                {"weights": weights, "sampling": _plain(experiment.sampling)},
                seed,
                method,
                {"samples": f"{results}/samples/{folder}/{method}"},
                (data, *trained),
            )
            evaluation = Job(
                name,
                "evaluate",
                {
                    "weights": weights,
                    "sampling": _plain(experiment.sampling),
                    "evaluation": checked,
                },
                seed,
                method,
                {
                    "scores": f"{results}/metrics/{folder}/evaluate-{method}.json",
                    "sentences": f"{results}/sentences/{folder}/{method}",
                },
                (data, *references, sampling, *trained),
            )
            yield sampling
            yield evaluation
            samples.append(sampling)
            evaluations.append(evaluation)
            if not experiment.sweep.empty:
                sweep = Job(
                    name,
                    "sweep_sampling",
                    {
                        "weights": weights,
                        "sweep": _plain(experiment.sweep),
                        "evaluation": swept,
                    },
                    seed,
                    method,
                    {"points": f"{results}/metrics/{folder}/sweep_sampling-{method}.json"},
                    (data, *references, *trained),
                )
                yield sweep
                sweeps.append(sweep)
    summary = Job(
        name,
        "summarise",
        {
            "seeds": list(experiment.seeds),
            "methods": [REAL, *in_table_order(experiment)],
            "baseline": baseline(experiment),
        },
        outputs={
            "table": f"{results}/summary.csv",
            "text": f"{results}/summary.txt",
            "sweep": f"{results}/sweep.csv",
            "judgements": f"{results}/judgements.json",
            "means": f"{results}/means.json",
        },
        upstream=(*evaluations, *sweeps),
    )
    yield summary
    yield Job(
        name,
        "report",
        {
            "experiment": name,
            "description": experiment.description,
            "seeds": list(experiment.seeds),
            "methods": {REAL: {"kind": REAL}}
            | {name: _plain(experiment.methods[name]) for name in in_table_order(experiment)},
            "baseline": baseline(experiment),
            "generator_pretraining": _plain(experiment.generator_pretraining),
            "corpus": _plain(experiment.corpus),
            "report": _plain(experiment.report),
        },
        outputs={
            "report": f"{results}/report.html",
            "figures": f"{results}/figures",
            "course": f"{results}/curves.csv",
        },
        upstream=(data, *references, summary, *evaluations, *sweeps, *curves, *samples),
    )


def baseline(experiment: Experiment) -> str | None:
    """Return the method that others are compared with, if there is one."""
    if experiment.baseline is not None:
        return experiment.baseline
    first = in_table_order(experiment)[0]
    return first if isinstance(experiment.methods[first], LikelihoodMethod) else None


def in_table_order(experiment: Experiment) -> list[str]:
    """Return the methods, likelihood alone first, then by name.

    Not in the order of the file: rearranging a mapping must not change any result.
    """
    methods = experiment.methods
    return sorted(methods, key=lambda name: (not isinstance(methods[name], LikelihoodMethod), name))


def _plain(section: Any) -> dict[str, Any]:
    return section.model_dump(mode="json")
