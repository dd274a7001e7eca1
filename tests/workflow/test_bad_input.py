"""What is wrong with a configuration or a file is said before anything is lost."""

import pytest
import yaml

from projects import SMOKE

pytestmark = pytest.mark.workflow


def test_all_problems_of_a_configuration_are_said_at_once_and_nothing_is_lost(project):
    before = project.content("**/*")

    def spoil(smoke):
        smoke["generater"] = smoke.pop("generator")
        smoke["generator_pretraining"]["learning_rate"] = "1e-3"
        smoke["methods"]["seqgan"]["rounds"] = "many"

    project.edit(spoil)
    output = project.snakemake("--cores", "2", check=False)
    assert "experiments.smoke.generater: unknown key; did you mean `generator`?" in output
    assert "learning_rate: must be a number, but is '1e-3'" in output
    assert "write 1.0e-3 or 0.001" in output
    assert "methods.seqgan.rounds: must be a whole number, but is 'many'" in output
    assert "Traceback" not in output
    assert project.content("**/*") == before


def test_impossible_combinations_are_refused(fresh):
    fresh.edit(lambda smoke: smoke["discriminator"].update(widths=[1, 2, 9]))
    output = fresh.snakemake("-n", check=False)
    assert "a filter must not be wider than a sentence, but 9 is wider than 8 tokens" in output


def test_a_missing_text_is_named(fresh):
    command = ("snakemake", "-n", "--configfile", "config/own_text.yaml")
    done = fresh.run(*command, check=False)
    assert done.returncode != 0
    assert "experiments.own_text.corpus.source.path: no such file: data/own_text.txt" in done.stdout


@pytest.mark.parametrize("name", ["paper", "config", "smoke"])
def test_every_configuration_can_be_planned(fresh, name):
    fresh.run("snakemake", "-n", "--configfile", f"config/{name}.yaml")


def test_hostile_names_never_reach_a_shell(fresh):
    path = fresh.folder / SMOKE
    settings = yaml.safe_load(path.read_text())
    settings["experiments"]["a;touch x"] = settings["experiments"]["smoke"]
    settings["run"] = ["a;touch x"]
    path.write_text(yaml.safe_dump(settings))
    output = fresh.snakemake("--cores", "1", check=False)
    assert "experiments.'a;touch x': must be a name of" in output
    assert not (fresh.folder / "x").exists()


def test_a_truncated_dataset_stops_the_stage_that_reads_it(project):
    data = project.folder / "results/smoke/data/train.npy"
    data.write_bytes(data.read_bytes()[:100])
    project.edit(lambda smoke: smoke["generator_pretraining"].update(epochs=4))
    output = project.snakemake("--cores", "1", "--rerun-triggers", "params", check=False)
    output += project.snakemake("--cores", "1", check=False)
    assert "has not the bytes that" in output
    assert "Traceback" not in output


def test_a_diverging_loss_stops_before_the_weights_move(fresh):
    fresh.edit(lambda smoke: smoke["generator"].update(std=1e38))
    output = fresh.snakemake("--cores", "1", check=False)
    assert "pretrain_generator" in output
    assert "is nan after step 0; lower `learning_rate`" in output
    assert "Traceback" not in output


def test_two_runs_at_once_are_refused(project):
    lock = project.folder / ".snakemake/locks"
    lock.mkdir(parents=True, exist_ok=True)
    (lock / "0.output.lock").write_text("results/smoke/report.html\n")
    project.edit(lambda smoke: smoke.update(description="new"))
    output = project.snakemake("--cores", "1", check=False)
    assert "lock" in output.lower()
