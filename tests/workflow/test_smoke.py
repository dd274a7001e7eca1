"""The pipeline from end to end at its smallest size."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from paths import ROOT
from projects import DETERMINISTIC, SMOKE
from seqgan.config.experiment import validate
from seqgan.config.reading import read
from seqgan.layout import jobs

pytestmark = pytest.mark.workflow

REPORT = {"receipts/report.json"}


def smoke_jobs():
    return jobs("smoke", validate(read(ROOT / SMOKE)).experiments["smoke"])


def test_a_second_run_has_nothing_to_do(project):
    assert "Nothing to be done" in project.snakemake("--cores", "2")


def test_every_job_of_the_layout_left_its_outputs_and_its_receipt(finished):
    for job in smoke_jobs():
        for path in (job.spec, job.receipt, *job.outputs.values()):
            assert (finished.folder / path).exists(), path
        receipt = json.loads((finished.folder / job.receipt).read_text())
        assert receipt["outputs"].keys() == set(job.outputs.values())
        assert receipt["seed"] == job.seed


def test_snakemake_and_the_layout_know_the_same_outputs(finished):
    listed = {line.split("\t")[0] for line in finished.run_summary().splitlines()[1:]}
    declared = {path for job in smoke_jobs() for path in (job.receipt, *job.outputs.values())}
    volatile = {path for path in listed if "/provenance/" in path}
    assert declared == listed - volatile - {"-"}


def test_results_verify_says_that_all_is_well(finished):
    done = finished.stage("results", "verify", "smoke", "--configfile", SMOKE)
    assert done.returncode == 0, done.stderr
    assert f"all {len(smoke_jobs())} jobs correspond" in done.stdout


def test_results_verify_names_a_flipped_byte_and_what_stands_on_it(project):
    weights = project.folder / (
        "results/smoke/checkpoints/seed-1/train_adversarially-seqgan/last/weights.safetensors"
    )
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    done = project.stage("results", "verify", "smoke", "--configfile", SMOKE)
    assert done.returncode == 1
    states = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert states["seed-1/train_adversarially-seqgan"] == "damaged"
    assert states["seed-1/sample_sentences-seqgan"] == "stale"
    assert states["seed-1/sample_sentences-mle"] == "ok"
    assert "Traceback" not in done.stderr


def test_two_runs_give_the_same_bytes(finished, fresh):
    fresh.snakemake("--cores", "2")
    once, again = finished.content(*DETERMINISTIC), fresh.content(*DETERMINISTIC)
    assert once.keys() == again.keys()
    assert [name for name in once if once[name] != again[name]] == []
    receipts, repeated = finished.content("receipts/**/*"), fresh.content("receipts/**/*")
    # The report shows how long each job took; its figures are equal all the same.
    assert {name for name in receipts if receipts[name] != repeated[name]} <= REPORT
    assert finished.content("figures/*") == fresh.content("figures/*")


def test_another_seed_and_method_move_no_random_stream(finished, fresh):
    def more(experiment):
        experiment["seeds"] = [7, 1]
        first = {
            "another": {**experiment["methods"]["seqgan"], "baseline": {"kind": "mean_of_others"}}
        }
        experiment["methods"] = first | experiment["methods"]

    fresh.edit(more)
    fresh.snakemake("--cores", "2")
    once = finished.content("data/**/*", "*/seed-1/**/*")
    again = fresh.content("data/**/*", "*/seed-1/**/*")
    kept = [name for name in once if not name.startswith(("provenance", "logs", "benchmarks"))]
    # Receipts name the code and settings of a stage, which stay the same for the old jobs too.
    assert [name for name in kept if once[name] != again[name]] == []


def test_a_killed_run_continues_and_ends_with_the_same_bytes(finished, fresh):
    command = [sys.executable, "-m", "snakemake", "--configfile", SMOKE, "--cores", "2"]
    running = subprocess.Popen(
        command,
        cwd=fresh.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(fresh.folder / "results/smoke/receipts/seed-1/pretrain_generator.json", running)
    subprocess.run(["pkill", "-KILL", "-s", str(running.pid)], check=False)
    running.send_signal(signal.SIGKILL)
    running.wait()
    fresh.snakemake("--unlock")
    fresh.snakemake("--cores", "2")
    assert finished.content(*DETERMINISTIC) == fresh.content(*DETERMINISTIC)


def test_a_configuration_that_is_edited_while_jobs_run_is_not_mixed_in(fresh):
    command = [sys.executable, "-m", "snakemake", "--configfile", SMOKE, "--cores", "2"]
    running = subprocess.Popen(
        command, cwd=fresh.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(fresh.folder / "results/smoke/receipts/sample_oracle.json", running)
    fresh.edit(lambda smoke: smoke["methods"]["seqgan"].update(rounds=2))
    # Nor when somebody asks what the edit would mean, which parses the workflow again.
    assert "snakemake is running here" in fresh.snakemake("-n")
    assert running.wait(timeout=600) == 0
    curve = fresh.folder / "results/smoke/metrics/seed-1/train_adversarially-seqgan.jsonl"
    assert json.loads(curve.read_text().splitlines()[-1])["step"] == 3
    assert fresh.stale() == {
        "seed-1/train_adversarially-seqgan",
        "seed-1/sample_sentences-seqgan",
        "seed-1/evaluate-seqgan",
        "seed-1/sweep_sampling-seqgan",
        "summarise",
        "report",
    }


def test_a_blind_touch_makes_nothing_true(project):
    project.edit(lambda smoke: smoke["methods"]["seqgan"].update(rounds=2))
    project.snakemake("--touch")
    project.edit(lambda smoke: smoke["report"].update(num_samples=2))
    output = project.snakemake("--cores", "1", check=False)
    assert "is of other settings or code than now (settings.method.rounds: 3 → 2)" in output


@pytest.mark.parametrize(
    "lost", ["report.html", "summary.txt", "figures", "receipts/seed-1/evaluate-mle.json"]
)
def test_what_was_deleted_is_made_again(project, lost):
    path = project.folder / "results/smoke" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    project.snakemake("--cores", "2")
    assert path.exists()


def test_verify_says_how_to_make_a_damaged_result_again_and_it_works(project):
    weights = project.folder / (
        "results/smoke/checkpoints/seed-1/train_adversarially-seqgan/last/weights.safetensors"
    )
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    verify = ("verify", "smoke", "--configfile", SMOKE)
    command = project.stage("results", *verify).stderr.split("again: ")[1].split(";")[0]
    assert command.startswith("rm results/smoke/receipts/seed-1/train_adversarially-seqgan.json")
    project.run(*command.split())
    project.snakemake("--cores", "2")
    assert weights.read_bytes() == content
    assert project.stage("results", *verify).returncode == 0


def test_nothing_is_left_behind(finished):
    assert list(finished.folder.glob("work/*")) == []
    assert list(finished.folder.glob("results/**/.*.partial")) == []


def test_snakemakes_own_report_is_made_offline(project):
    project.snakemake("--report", "report.zip")
    assert (project.folder / "report.zip").stat().st_size > 10_000


def test_the_table_is_shown_with_both_likelihoods(finished):
    done = finished.stage("results", "show", "--configfile", SMOKE)
    assert done.returncode == 0
    assert re.search(r"nll_oracle\s+nll_test", done.stdout)
    assert "report.html" in done.stdout


def wait_for(path, running: subprocess.Popen) -> None:
    for _ in range(1200):
        if path.exists():
            return
        assert running.poll() is None, f"ended before {path} appeared"
        time.sleep(0.1)
    raise AssertionError(f"{path} did not appear")
