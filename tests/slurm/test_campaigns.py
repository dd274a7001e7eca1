"""What happens to jobs on a cluster changes no byte of the results."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projects import DETERMINISTIC, SMOKE

from .cluster import wait_until
from .conftest import TRAINING, Campaign, campaign, training_log

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]

# Receipts, too: they name what a result was made of, and nothing of where.
COMPARED = (*DETERMINISTIC, "receipts/seed-1/*")


def test_the_smoke_experiment_ends_as_it_does_without_a_cluster(cluster, finished, fresh):
    with campaign(fresh, cluster) as run:
        run.wait()
        jobs = run.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert finished.content(*COMPARED) == fresh.content(*COMPARED)
    assert "Nothing to be done" in fresh.snakemake("-n")
    assert list((fresh.folder / "logs/slurm").rglob("*.log")) == []


def test_training_that_runs_out_of_time_continues_with_more(cluster, reference, training):
    with campaign(training, cluster, TRAINING) as run:
        run.await_training()
        first = run.await_job("RUNNING")
        run.hang()
        cluster.run("scontrol", "update", f"jobid={first.number}", "EndTime=now")
        run.await_training("continues after round")
        run.wait()
        ended, second = run.jobs()
    assert (ended.state, second.state) == ("TIMEOUT", "COMPLETED")
    assert (first.minutes, second.minutes) == ("2-00:00:00", "4-00:00:00")
    assert (first.memory, second.memory) == ("4000M", "8000M")
    assert_equal(reference, training)


def test_training_that_was_cancelled_continues(cluster, reference, training):
    with campaign(training, cluster, TRAINING) as run:
        run.await_training()
        cluster.run("scancel", run.await_job("RUNNING").number)
        run.await_training("continues after round")
        run.wait()
        first, second = run.jobs()
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    assert_equal(reference, training)


def test_training_that_was_preempted_continues_as_the_same_job(cluster, reference, training):
    with campaign(training, cluster, TRAINING) as run:
        run.await_training()
        first = run.await_job("RUNNING")
        run.hang()
        urgent = ("-p", "urgent", "-N", "2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3")
        cluster.run("sbatch", *urgent)
        run.await_training("continues after round")
        run.wait()
        (job,) = run.jobs()
    assert (job.number, job.state) == (first.number, "COMPLETED")
    assert_equal(reference, training)


def test_training_whose_node_is_lost_continues_on_another(cluster, reference, training):
    begin_here(training)
    with campaign(training, cluster, TRAINING) as run:
        run.await_training("continues after round")
        run.await_training()
        first = run.await_job("RUNNING")
        cluster.crash_node(first.node)
        try:
            wait_until(lambda: run.jobs()[0].state != "RUNNING", "the loss is noticed")
            training_log(training).unlink()
            run.await_training("continues after round")
            run.wait()
            (job,) = run.jobs()
        finally:
            cluster.revive_node(first.node)
    assert (job.number, job.state) == (first.number, "COMPLETED")
    assert job.node != first.node
    assert_equal(reference, training)


def test_a_controller_that_is_away_for_a_while_harms_nobody(cluster, reference, training):
    with campaign(training, cluster, TRAINING) as run:
        run.await_training()
        cluster.crash_controller()
        try:
            # Longer than scontrol and squeue together are patient, so that the driver's question
            # fails; the job ends meanwhile, while nobody can be told.
            time.sleep(24)
            assert (training.folder / TRAINING).exists()
        finally:
            cluster.revive_controller()
        run.wait()
        (job,) = run.jobs()
    assert job.state == "COMPLETED"
    assert_equal(reference, training)


def test_an_edit_while_jobs_wait_is_not_mixed_in(cluster, reference, training):
    cluster.run("scontrol", "update", "partition=gpu", "state=down")
    try:
        with campaign(training, cluster, TRAINING) as run:
            run.await_job("PENDING")
            training.edit(lambda smoke: smoke["methods"]["seqgan"].update(rounds=2))
            assert "snakemake is running here" in training.snakemake("-n")
            cluster.run("scontrol", "update", "partition=gpu", "state=up")
            run.wait()
    finally:
        cluster.run("scontrol", "update", "partition=gpu", "state=up")
    assert_equal(reference, training)
    assert training.stale() == {
        "seed-1/train_adversarially-seqgan",
        "seed-1/sample_sentences-seqgan",
        "seed-1/evaluate-seqgan",
        "seed-1/sweep_sampling-seqgan",
        "summarise",
        "report",
    }


def test_a_job_that_needs_more_memory_gets_more(cluster, finished, project):
    receipt = "results/smoke/receipts/seed-1/sample_sentences-mle.json"
    (project.folder / receipt).unlink()
    project.edit(lambda smoke: smoke.update(resources={"memory_mb": 250}))
    with campaign(project, cluster, receipt) as run:
        run.wait()
        jobs = [(job.memory, job.state) for job in run.jobs()]
    assert jobs == [("250M", "FAILED"), ("500M", "COMPLETED")]
    assert "Exceeded job memory limit" in logs(project)
    assert finished.content(*COMPARED) == project.content(*COMPARED)


def test_a_request_that_no_node_can_meet_fails_at_once(cluster, training):
    profile = training.folder / "profiles/slurm/profile.yaml"
    profile.write_text(profile.read_text().replace("gpu: 1\n", "gpu: 9\n"))
    with campaign(training, cluster, TRAINING) as run:
        assert run.process.wait(timeout=60) == 1
        assert {(job.state, job.node) for job in run.jobs()} <= {("FAILED", "")}
    assert "Requested node configuration is not available" in run.output


def begin_here(project):
    """Start the training on this machine and stop it, so that it left a state."""
    command = [sys.executable, "-m", "snakemake", "--configfile", SMOKE, "--cores", "1", TRAINING]
    with open(os.devnull, "w") as nowhere:
        run = subprocess.Popen(
            command, cwd=project.folder, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
    Campaign(project, None, run, Path(os.devnull)).await_training()
    os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
    run.wait(timeout=60)


def logs(project):
    return "".join(path.read_text() for path in (project.folder / "logs/slurm").rglob("*.log"))


def assert_equal(reference, training):
    once, again = reference.content(*COMPARED), training.content(*COMPARED)
    assert once.keys() == again.keys()
    assert [name for name in once if once[name] != again[name]] == []
    assert list(training.folder.glob("work/*")) == []
