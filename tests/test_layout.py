import importlib
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from seqgan.codebase import SOURCE
from seqgan.config.experiment import Experiment
from seqgan.config.feasibility import shares_discriminator
from seqgan.config.reference import RERUNS
from seqgan.layout import Job, baseline, jobs
from seqgan.records import canonical_json

ROOT = Path(__file__).parents[1]
STAGES = (
    "fetch_corpus", "sample_oracle", "prepare_corpus", "pretrain_generator",
    "pretrain_discriminator",
    "train_adversarially", "encode_references", "sample_sentences", "evaluate", "sweep_sampling",
    "summarise", "report",
)  # fmt: skip
GAN = {
    "kind": "policy_gradient",
    "action_value": {"kind": "rollout"},
    "reward": {"kind": "discriminator"},
}
CONTROL = {
    "kind": "policy_gradient",
    "action_value": {"kind": "terminal"},
    "reward": {"kind": "constant"},
}
FILE = {"kind": "file", "path": "data/text.txt", "prompt": "question", "label": "class"}
TEXT = {"kind": "text", "source": FILE}
FETCHED = {"kind": "text", "source": {"kind": "chitchat"}}


def experiment(**changes: Any) -> Experiment:
    settings = {
        "seeds": [1, 2],
        "corpus": {"kind": "oracle"},
        "methods": {"mle": {"kind": "likelihood"}, "gan": GAN, "control": CONTROL},
    }
    return Experiment.model_validate(settings | changes)


def find(all_jobs: list[Job], name: str) -> Job:
    (job,) = [job for job in all_jobs if job.name == name]
    return job


# --- which jobs there are -------------------------------------------------------------------------


def test_the_jobs_of_an_oracle_experiment_in_order():
    found = [job.name for job in jobs("x", experiment())]
    seed = [
        "pretrain_generator", "pretrain_discriminator",
        "sample_sentences-real", "evaluate-real", "sweep_sampling-real",
        "sample_sentences-mle", "evaluate-mle", "sweep_sampling-mle",
        "train_adversarially-gan", "sample_sentences-gan", "evaluate-gan", "sweep_sampling-gan",
        "train_adversarially-control", "sample_sentences-control", "evaluate-control",
        "sweep_sampling-control",
    ]  # fmt: skip
    seeds = [f"seed-{number}/{name}" for number in (1, 2) for name in seed]
    assert found == ["sample_oracle", "encode_references", *seeds, "summarise", "report"]


def test_what_is_turned_off_has_no_job():
    bare = experiment(
        evaluation={"embedding": {"encoder": "none"}}, sweep={"temperatures": []}, seeds=[1]
    )
    stages = {job.stage for job in jobs("x", bare)}
    assert {"encode_references", "sweep_sampling"} & stages == set()
    assert upstream(find(jobs("x", bare), "seed-1/evaluate-mle")) == {
        "sample_oracle", "seed-1/sample_sentences-mle", "seed-1/pretrain_generator",
    }  # fmt: skip
    truncated = experiment(sweep={"temperatures": [], "top_k": [5]})
    assert "sweep_sampling" in {job.stage for job in jobs("x", truncated)}


def test_a_text_experiment_prepares_its_file():
    first, *rest = jobs("x", experiment(corpus=TEXT))
    assert (first.name, first.external) == ("prepare_corpus", {"text": "data/text.txt"})
    assert "sample_oracle" not in [job.stage for job in rest]
    assert not any(job.external for job in rest)


def test_an_oracle_that_is_given_is_an_external_file():
    corpus = {"kind": "oracle", "parameters": "oracle.npz"}
    assert jobs("x", experiment(corpus=corpus))[0].external == {"parameters": "oracle.npz"}
    assert jobs("x", experiment())[0].external == {}


def test_likelihood_alone_trains_no_discriminator():
    found = jobs("x", experiment(seeds=[7], methods={"mle": {"kind": "likelihood"}}))
    assert [job.name for job in found] == [
        "sample_oracle", "encode_references", "seed-7/pretrain_generator",
        "seed-7/sample_sentences-real", "seed-7/evaluate-real", "seed-7/sweep_sampling-real",
        "seed-7/sample_sentences-mle", "seed-7/evaluate-mle", "seed-7/sweep_sampling-mle",
        "summarise", "report",
    ]  # fmt: skip


def test_a_reward_that_knows_nothing_needs_no_discriminator():
    found = jobs("x", experiment(methods={"control": CONTROL}))
    assert "pretrain_discriminator" not in [job.stage for job in found]
    both = experiment()
    assert shares_discriminator(both.methods["gan"])
    assert not shares_discriminator(both.methods["control"])
    assert not shares_discriminator(both.methods["mle"])


def upstream(job: Job) -> set[str]:
    return {each.name for each in job.upstream}


def test_a_reward_with_a_discriminator_of_its_own_needs_no_other():
    own = {"kind": "discriminator", "discriminator": {"kind": "rnn"}}
    methods = {
        "gan": GAN | {"reward": own},
        "rank": GAN | {"reward": own | {"kind": "ranking"}},
        "bleu": GAN | {"reward": {"kind": "bleu"}},
        "gumbel": {"kind": "gumbel_softmax", "reward": own},
    }
    each = experiment(methods=methods)
    found = jobs("x", each)
    assert "pretrain_discriminator" not in {job.stage for job in found}
    for name in methods:
        job = find(found, f"seed-1/train_adversarially-{name}")
        assert [before.stage for before in job.upstream] == ["sample_oracle", "pretrain_generator"]
    shared = experiment(methods=methods | {"gan": GAN})
    assert "pretrain_discriminator" in {job.stage for job in jobs("x", shared)}
    relaxed = experiment(methods={"gumbel": {"kind": "gumbel_softmax"}})
    assert shares_discriminator(relaxed.methods["gumbel"])


def test_what_each_job_reads():
    found = jobs("x", experiment())
    assert upstream(find(found, "sample_oracle")) == set()
    assert upstream(find(found, "seed-1/pretrain_generator")) == {"sample_oracle"}
    pretrained = {"sample_oracle", "seed-1/pretrain_generator"}
    assert upstream(find(found, "seed-1/pretrain_discriminator")) == pretrained
    assert upstream(find(found, "seed-1/train_adversarially-control")) == pretrained
    assert upstream(find(found, "seed-1/train_adversarially-gan")) == (
        pretrained | {"seed-1/pretrain_discriminator"}
    )
    assert upstream(find(found, "seed-1/sample_sentences-real")) == {"sample_oracle"}
    assert upstream(find(found, "seed-1/sample_sentences-mle")) == pretrained
    assert upstream(find(found, "seed-1/evaluate-gan")) == {
        "sample_oracle", "encode_references", "seed-1/sample_sentences-gan",
        "seed-1/train_adversarially-gan",
    }  # fmt: skip
    assert upstream(find(found, "seed-1/sweep_sampling-mle")) == (
        pretrained | {"encode_references"}
    )
    assert upstream(find(found, "encode_references")) == {"sample_oracle"}
    judged = {job.name for job in found if job.stage in ("evaluate", "sweep_sampling")}
    assert upstream(find(found, "summarise")) == judged
    assert upstream(find(found, "report")) == {job.name for job in found[:-1]}


@pytest.mark.parametrize("changes", [{}, {"corpus": TEXT}, {"methods": {"gan": GAN}}])
def test_jobs_come_after_what_they_read_and_no_two_share_a_path(changes):
    seen: list[Job] = []
    paths: list[str] = []
    for job in jobs("x", experiment(**changes)):
        assert all(any(each is other for other in seen) for each in job.upstream), job.name
        seen.append(job)
        paths += [job.receipt, *job.outputs.values()]
    assert len(set(paths)) == len(paths)
    for one in paths:
        assert one.startswith("results/x/")
        assert not [other for other in paths if other.startswith(f"{one}/")], "one inside another"


def test_names_and_paths():
    found = jobs("x", experiment())
    training = find(found, "seed-2/train_adversarially-gan")
    assert (training.seed, training.method) == (2, "gan")
    assert training.spec == "results/x/.spec/train_adversarially-gan.json"
    assert training.receipt == "results/x/receipts/seed-2/train_adversarially-gan.json"
    assert training.outputs == {
        "checkpoint": "results/x/checkpoints/seed-2/train_adversarially-gan",
        "metrics": "results/x/metrics/seed-2/train_adversarially-gan.jsonl",
    }
    assert find(found, "seed-1/train_adversarially-gan").spec == training.spec
    assert find(found, "report").outputs == {
        "report": "results/x/report.html", "figures": "results/x/figures",
        "course": "results/x/curves.csv",
    }  # fmt: skip


def test_jobs_of_one_spec_have_one_content():
    by_spec: dict[str, bytes] = {}
    for job in jobs("x", experiment()):
        content = canonical_json([job.stage, job.settings])
        assert by_spec.setdefault(job.spec, content) == content


def test_the_baseline_is_likelihood_alone():
    assert baseline(experiment()) == "mle"
    assert baseline(experiment(methods={"gan": GAN})) is None


# --- which settings each stage sees ---------------------------------------------------------------


OTHER_JOBS = ("methods.gan.reward.discriminator",)
"""Keys that decide which jobs there are, each with a test of its own."""


def leaves(section: BaseModel, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key with another value that it could have."""
    for name, field in type(section).model_fields.items():
        value, here = getattr(section, name), f"{path}{name}"
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{here}.")
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from leaves(each, f"{here}.{key}.")
        elif name not in ("kind", "seeds", "training") and path + name not in OTHER_JOBS:
            yield here, other(value, name, typing.get_args(field.annotation))


def other(value: Any, name: str, allowed: tuple[Any, ...]) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.9 if value else 0.3
    if isinstance(value, tuple):
        if not value:
            return [0.5] if name == "top_p" else [3]
        return [*value[:-1], value[-1] - 1 if name == "widths" else value[-1] + 1]
    if isinstance(value, str):
        if name == "validity":
            return "python"  # none is what `automatic` means here
        return next((each for each in allowed if each != value and isinstance(each, str)), "x")
    return {
        "num_sentences": 3, "parameters": "x.npz", "baseline": "gan", "capped_references": 5,
        "mirror": "x", "group": "x", "validation_path": "x", "test_path": "x", "clip": 1.0,
        "repetition_penalty": {"order": 3},
        "patience": 3, "length": {"kind": "schedule", "start": 2}, "prefix": {"start": 2},
    }[name]  # fmt: skip


def replaced(tree: Any, path: str, value: Any) -> Any:
    first, _, rest = path.partition(".")
    return tree | {first: replaced(tree[first], rest, value) if rest else value}


def changed_stages(old: Experiment, new: Experiment) -> set[str]:
    before, after = ({job.name: job for job in jobs("x", each)} for each in (old, new))
    assert before.keys() == after.keys()
    return {
        job.stage
        for name, job in after.items()
        if canonical_json(job.settings) != canonical_json(before[name].settings)
    }


EXPECTED: dict[str, set[str]] = {
    # By the longest beginning of a key that is listed.
    "description": {"report"},
    "corpus": {"sample_oracle", "prepare_corpus", "report"},
    "corpus.source": {"fetch_corpus", "prepare_corpus", "report"},
    "generator": {"pretrain_generator"},
    "discriminator": {"pretrain_discriminator"},
    "generator_pretraining": {"pretrain_generator", "report"},
    "generator_pretraining.hand_over": {
        "pretrain_discriminator", "train_adversarially", "report",
    },
    "discriminator_pretraining": {"pretrain_discriminator"},
    "baseline": {"summarise", "report"},
    "methods.gan": {"train_adversarially", "report"},
    "methods.control": {"train_adversarially", "report"},
    **{
        f"methods.{name}.selection.weights": {
            "sample_sentences", "evaluate", "sweep_sampling", "report"
        }
        for name in ("gan", "control")
    },
    "methods.mle": {"sample_sentences", "evaluate", "sweep_sampling", "report"},
    "sampling": {"sample_sentences", "evaluate"},
    "evaluation": {"evaluate", "sweep_sampling"},
    "evaluation.validity": {"evaluate"},
    "evaluation.embedding": {"encode_references", "evaluate", "sweep_sampling"},
    "sweep": {"sweep_sampling"},
    "report": {"report"},
    "precision": {"pretrain_generator", "pretrain_discriminator", "train_adversarially"},
    "resources": set(),
}  # fmt: skip


def expected(key: str) -> set[str]:
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        if (found := EXPECTED.get(".".join(parts[:length]))) is not None:
            return found
    raise KeyError(f"say in EXPECTED which stages read {key}")


WORLDS = {
    "oracle": experiment(),
    "text": experiment(corpus=TEXT),
    "fetched": experiment(corpus=FETCHED),
}
KEYS = [
    (world, key, value)
    for world, each in WORLDS.items()
    for key, value in leaves(each)
    if world == "oracle" or not key.endswith("selection.by")  # a text has one kind alone
]


@pytest.mark.parametrize(("world", "key", "value"), KEYS, ids=[f"{w}-{k}" for w, k, _ in KEYS])
def test_a_key_changes_exactly_the_specs_of_the_stages_that_read_it(world, key, value):
    old = WORLDS[world]
    new = Experiment.model_validate(replaced(old.model_dump(), key, value))
    stages = {job.stage for job in jobs("x", old)}
    assert changed_stages(old, new) == expected(key) & stages


def test_a_key_of_one_method_changes_no_other_method():
    old = experiment()
    new = experiment(methods={"mle": {"kind": "likelihood"}, "gan": GAN | {"rounds": 3},
                              "control": CONTROL})  # fmt: skip
    before, after = ({job.name: job.settings for job in jobs("x", each)} for each in (old, new))
    assert {name for name in after if before[name] != after[name]} == {
        "seed-1/train_adversarially-gan", "seed-2/train_adversarially-gan", "report",
    }  # fmt: skip


def test_the_order_of_methods_changes_no_spec():
    methods = {"mle": {"kind": "likelihood"}, "gan": GAN, "control": CONTROL}
    one = experiment(methods=methods)
    other = experiment(methods=dict(reversed(methods.items())))
    specs = [
        {job.spec: canonical_json(job.settings) for job in jobs("x", each)} for each in (one, other)
    ]
    assert specs[0] == specs[1]


def test_one_more_seed_changes_the_summary_and_the_report_alone():
    before, after = (
        {job.spec: canonical_json(job.settings) for job in jobs("x", experiment(seeds=seeds))}
        for seeds in ([1, 2], [1, 2, 3])
    )
    assert {spec for spec in after if before[spec] != after[spec]} == {
        "results/x/.spec/summarise.json", "results/x/.spec/report.json",
    }  # fmt: skip


def test_the_reference_says_the_same_of_what_reruns():
    """The table of config/README.md: per section, the stages whose specs a change reaches."""
    reached: dict[str, set[str]] = {section: set() for section in RERUNS}
    for world, key, value in KEYS:
        new = Experiment.model_validate(replaced(WORLDS[world].model_dump(), key, value))
        section = max((each for each in RERUNS if f"{key}.".startswith(f"{each}.")), key=len)
        reached[section] |= changed_stages(WORLDS[world], new)
    reached["seeds"] = {"summarise", "report"}
    shown = {
        section: {stage for each in stages for stage in each.split(" or ")}
        for section, stages in RERUNS.items()
    }
    assert reached == shown


# --- the same paths in the rules ------------------------------------------------------------------

RULES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in re.findall(
        r"^rule (\w+):\n((?:(?:    .*)?\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
}


def pattern(path: str, job: Job) -> str:
    path = path.replace("results/x/", "results/{experiment}/")
    if job.seed is not None:
        path = path.replace(f"seed-{job.seed}", "seed-{seed}")
    if job.method is not None:
        path = re.sub(rf"(?<=[-/]){job.method}(?=\.|$)", "{method}", path)
    return f'"{path}"'


@pytest.mark.parametrize("stage", STAGES)
def test_rules_spell_the_paths_of_the_layout(stage):
    corpora = {"fetch_corpus": FETCHED, "prepare_corpus": TEXT}
    changes = {"corpus": corpora[stage]} if stage in corpora else {}
    job = next(job for job in jobs("x", experiment(**changes)) if job.stage == stage)
    rule, script = RULES[stage], importlib.import_module(stage).STAGE
    assert script.name == stage
    assert ("--seed {wildcards.seed}" in rule) == (job.seed is not None)
    assert set(script.outputs) == set(job.outputs)
    assert pattern(job.spec, job) in rule
    assert pattern(job.receipt, job) in rule
    for option, path in job.outputs.items():
        assert pattern(path, job) in rule, path
        assert f"--{option} {{output.{option}:q}}" in rule
    for option in script.inputs:
        assert f"--{option} {{input.{option}:q}}" in rule
    assert f"python src/{stage}.py --spec {{input.spec:q}}" in rule
    for option in ("provenance", "receipt"):
        assert f"--{option} {{output.{option}:q}}" in rule
    assert not re.search(r"^    (params|script|run|notebook):", rule, re.MULTILINE)


def test_every_stage_has_a_rule_and_a_script():
    every = {job.stage for world in WORLDS.values() for job in jobs("x", world)}
    assert every == set(STAGES) == set(RULES)
    assert all((SOURCE / f"{stage}.py").is_file() for stage in STAGES)
