"""The profiles say nothing that the workflow or the plugin does not understand."""

import re

import pytest
import yaml

from paths import ROOT

DEFAULT = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
TEXT = (ROOT / "profiles/slurm/profile.yaml").read_text()
SLURM = yaml.safe_load(TEXT)
WORKSTATION = yaml.safe_load((ROOT / "profiles/workstation/profile.yaml").read_text())
RULES = {
    name
    for path in (ROOT / "workflow/rules").glob("*.smk")
    for name in re.findall(r"^rule (\w+):$", path.read_text(), re.MULTILINE)
}


def uncommented(text):
    """Return a profile with every alternative that stands in a comment switched on."""
    return re.sub(r"^( *)# ((?:slurm|gpu|gres|runtime)[\w-]*: )", r"\1\2", text, flags=re.MULTILINE)


@pytest.mark.parametrize("profile", [SLURM, WORKSTATION], ids=["slurm", "workstation"])
def test_other_profiles_repeat_the_default_one(profile):
    # Snakemake loads one workflow profile: what the default one says would be lost.
    assert DEFAULT.items() <= profile.items()


@pytest.mark.parametrize(
    "text",
    [TEXT, uncommented(TEXT), yaml.safe_dump(WORKSTATION)],
    ids=["slurm", "slurm, all switched on", "workstation"],
)
def test_every_rule_that_a_profile_names_exists(text):
    profile = yaml.safe_load(text)
    named = set(profile["set-resources"])
    named |= set(profile.get("slurm-array-jobs", "").split(",")) - {""}
    assert named
    assert named <= RULES


def test_training_asks_for_a_gpu_and_a_signal_before_the_end():
    training = {"pretrain_generator", "pretrain_discriminator", "train_adversarially"}
    assert {rule for rule, asked in SLURM["set-resources"].items() if asked["gpu"]} == training
    assert re.fullmatch(r"--signal=TERM@\d+", SLURM["default-resources"]["slurm_extra"])


def test_without_its_gpu_block_no_gpu_is_named():
    before, _, rest = TEXT.partition("# --- GPU BEGIN")
    block, _, after = rest.partition("# --- GPU END")
    assert "gpu: 1" in block
    without = uncommented(before + after)
    assert not re.search(r"^[^#]*\b(gpu|gres)", without, re.MULTILINE)
    assert "set-resources" not in yaml.safe_load(without)


def test_retries_are_counted_by_the_profile_alone():
    # A rule's own would be obeyed again by each of the two Snakemakes inside a Slurm job.
    assert SLURM["retries"] == 2
    for path in (ROOT / "workflow").rglob("*"):
        if path.is_file():
            assert not re.search(r"^\s*retries\s*:", path.read_text(), re.MULTILINE), path


def test_every_option_is_one_of_snakemake_or_the_plugin():
    cli = pytest.importorskip("snakemake.cli")
    pytest.importorskip("snakemake_executor_plugin_slurm")
    known = {
        option.removeprefix("--")
        for action in cli.get_argument_parser()._actions
        for option in action.option_strings
    }
    assert yaml.safe_load(uncommented(TEXT)).keys() <= known
