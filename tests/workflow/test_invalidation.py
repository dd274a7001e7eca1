"""Changing one thing reruns exactly the jobs that depend on it."""

import os

import pytest
import yaml

from projects import SMOKE

pytestmark = pytest.mark.workflow

SEED = "seed-1/"
METHODS = ("real", "mle", "seqgan", "constant_reward")
END = {"summarise", "report"}
SCORING = {f"{SEED}evaluate-{method}" for method in METHODS} | END
SWEEP = {f"{SEED}sweep_sampling-{method}" for method in METHODS} | END
EVALUATION = SCORING | SWEEP
SAMPLING = {f"{SEED}sample_sentences-{method}" for method in METHODS} | SCORING
EMBEDDING = {"encode_references"} | EVALUATION


def following(*methods: str) -> set[str]:
    """Return what follows the training of these methods."""
    stages = ("sample_sentences", "evaluate", "sweep_sampling")
    return {f"{SEED}{stage}-{method}" for method in methods for stage in stages} | END


SEQGAN = {f"{SEED}train_adversarially-seqgan"} | following("seqgan")
CONSTANT = {f"{SEED}train_adversarially-constant_reward"} | following("constant_reward")
DISCRIMINATOR = {f"{SEED}pretrain_discriminator"} | SEQGAN
GENERATOR = {f"{SEED}pretrain_generator"} | DISCRIMINATOR | CONSTANT | following("mle")
OF_SEED = GENERATOR | SAMPLING | SWEEP
ALL = {"sample_oracle", "encode_references"} | OF_SEED


def setting(*path, value):
    """Return the change of one key."""

    def change(smoke):
        section = smoke
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (setting("corpus", "num_train", value=330), ALL),
        (setting("generator", "hidden_dim", value=9), GENERATOR),
        (setting("generator_pretraining", "epochs", value=4), GENERATOR),
        (setting("generator_pretraining", "hand_over", value="best"), DISCRIMINATOR | CONSTANT),
        (setting("discriminator", "dropout", value=0.5), DISCRIMINATOR),
        (setting("discriminator_pretraining", "rounds", value=3), DISCRIMINATOR),
        (setting("methods", "seqgan", "rounds", value=4), SEQGAN),
        (setting("methods", "constant_reward", "learning_rate", value=0.02), CONSTANT),
        (setting("methods", "mle", "weights", value="last"), following("mle")),
        (setting("sampling", "num_sentences", value=60), SAMPLING),
        (setting("evaluation", "bleu_orders", value=[2]), EVALUATION),
        (setting("evaluation", "embedding", value={"neighbours": 3}), EMBEDDING),
        (setting("sweep", "temperatures", value=[1.0, 1.5]), SWEEP),
        (setting("report", "num_samples", value=2), {"report"}),
        (setting("description", value="another"), {"report"}),
        (setting("resources", "memory_mb", value=5000), set()),
    ],
)
def test_a_setting_reruns_its_stage_and_what_follows(project, change, expected):
    project.edit(change)
    # The report shows the settings of corpus, methods and pretraining.
    assert project.stale() == expected


def test_one_more_seed_reruns_that_seed_and_the_summaries(project):
    project.edit(setting("seeds", value=[1, 2]))
    stale = project.stale()
    assert {name for name in stale if not name.startswith("seed-2/")} == END
    assert len(stale) == len(OF_SEED)


def test_swapping_two_equal_typed_values_is_seen(project):
    project.edit(setting("generator", "embedding_dim", value=12))
    project.stale()
    project.edit(setting("generator", value={"embedding_dim": 8, "hidden_dim": 12}))
    assert project.stale() == GENERATOR


def test_order_comments_and_times_rerun_nothing(project):
    path = project.folder / SMOKE
    settings = yaml.safe_load(path.read_text())
    smoke = settings["experiments"]["smoke"]
    smoke["corpus"] = dict(reversed(smoke["corpus"].items()))
    path.write_text("# a comment\n" + yaml.safe_dump(settings, sort_keys=False))
    for module in (project.folder / "src").rglob("*.py"):
        text = module.read_text()
        module.write_text("# a comment\n" + text.replace('"""', '"""Another word: ', 1))
    for place in project.folder.rglob("*"):
        if ".snakemake" not in place.parts:
            os.utime(place)
    assert project.stale() == set()


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("seqgan/metrics/bleu.py", "EPSILON = 0.1", "EPSILON = 0.2", EVALUATION),
        ("seqgan/summary.py", "WIDTH = 100", "WIDTH = 90", END),
        ("seqgan/alarms.py", "QUANTILE = 1.96", "QUANTILE = 2.0", END),
        ("seqgan/metrics/mauve.py", "SCALE = 5.0", "SCALE = 6.0", EMBEDDING),
        ("pretrain_discriminator.py", '"monitoring")', '"monitoring", "x")', DISCRIMINATOR),
        ("seqgan/layers.py", ".normal_(generator", ".uniform_(generator", ALL),
    ],
)
def test_code_reruns_the_stages_that_import_it(project, module, old, new, expected):
    path = project.folder / "src" / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert project.stale() == expected


def test_a_reverted_edit_reruns_nothing(project):
    project.edit(setting("methods", "seqgan", "rounds", value=4))
    assert project.stale() == SEQGAN
    project.edit(setting("methods", "seqgan", "rounds", value=3))
    assert project.stale() == set()


def test_lost_metadata_never_hides_an_edit(project):
    project.run("rm", "-rf", ".snakemake")
    assert project.stale() == set()
    project.edit(setting("methods", "seqgan", "rounds", value=4))
    assert project.stale() == SEQGAN


def test_threads_rerun_nothing(project):
    output = project.snakemake("--cores", "2", "--set-threads", "train_adversarially=2", "-n")
    assert "Nothing to be done" in output
