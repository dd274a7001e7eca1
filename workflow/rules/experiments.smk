# Checks the configuration, freezes the spec of every stage, and tells rules what they read.

import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

SOURCE = Path(str(workflow.current_basedir)).resolve().parents[1] / "src"
sys.path.insert(0, str(SOURCE))
# Stages run in the Python that runs snakemake, also where no environment was activated. The second
# variable makes matrix products on a GPU repeat to the last bit.
os.environ.update(
    CUBLAS_WORKSPACE_CONFIG=os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
)

from seqgan.config.experiment import validate
from seqgan.config.problems import ConfigError
from seqgan.layout import jobs
from seqgan.provenance import spec, write_if_changed
from seqgan.records import expand

if not Path("src/report.py").is_file():
    raise WorkflowError("start snakemake in the folder of the pipeline, where src/ is")
try:
    CONFIG = validate(config, root=Path.cwd())
except ConfigError as error:
    raise WorkflowError(f"the configuration is wrong\n{error}") from None

JOBS = {
    (job.experiment, job.stage, job.seed, job.method): job
    for name in CONFIG.run
    for job in jobs(name, CONFIG.experiments[name])
}

# Nodes of a cluster parse this file too, while the configuration may have been edited: only the
# main process decides what a run means. Nor does a plan (-n, --summary) that is asked for while a run
# holds its lock: it would put new settings under the feet of jobs that wait.
RUNNING = any(Path(".snakemake/locks").glob("*.lock"))
if RUNNING:
    logger.warning(
        "snakemake is running here (or was killed: then say `snakemake --unlock`); this plan is "
        "that of the settings it started with"
    )
if getattr(workflow, "is_main_process", True) and not RUNNING:
    try:
        for job in JOBS.values():
            write_if_changed(Path(job.spec), spec(job.stage, job.settings))
    except OSError as error:
        raise WorkflowError(f"cannot write to results/: {error}") from None


def find(stage, wildcards):
    """Return the job that a rule is asked for."""
    seed = int(wildcards.seed) if hasattr(wildcards, "seed") else None
    method = getattr(wildcards, "method", None)
    try:
        return JOBS[wildcards.experiment, stage, seed, method]
    except KeyError:
        what = f"{wildcards.experiment}, seed {seed}, method {method}"
        raise WorkflowError(
            f"the configuration has no job {stage} for {what}"
        ) from None


def receipts(stage):
    """Return the input function for the receipts of a stage's upstream."""
    return lambda wildcards: [job.receipt for job in find(stage, wildcards).upstream]


def made_by(makers, output, stage):
    """Return the input function for an output of those upstream jobs that `makers` names."""
    folder = output in ("checkpoint", "samples", "sentences", "encoder", "source")

    def paths(wildcards):
        upstream = find(stage, wildcards).upstream
        made = [job.outputs[output] for job in upstream if job.stage in makers]
        # Folders have no checksum, only a modification time, which means nothing where clocks
        # differ. What is in them counts all the same: by the receipts, which stand beside them.
        return [ancient(path) for path in made] if folder else made

    return paths


def external(stage, option):
    """Return the input function for files that the user brings; a folder stands for its files."""

    def paths(wildcards):
        given = find(stage, wildcards).external.get(option)
        return [] if given is None else [str(path) for path in expand(Path(given))]

    return paths


def downloads(wildcards):
    """Return where archives are kept."""
    return CONFIG.experiments[wildcards.experiment].resources.downloads


def mirror(wildcards):
    """Return the folder of archives that is looked into first; nothing without one."""
    return CONFIG.experiments[wildcards.experiment].resources.mirror or ""


def offline(wildcards):
    """Return whether the net must not be asked, as a word."""
    return "yes" if CONFIG.experiments[wildcards.experiment].resources.offline else "no"


def memory(wildcards, attempt):
    """Return what a job of this experiment may use, in MB: more each time it failed."""
    return CONFIG.experiments[wildcards.experiment].resources.memory_mb * attempt


def processes(wildcards):
    """Return how many processes share a training run of this experiment."""
    return CONFIG.experiments[wildcards.experiment].resources.processes


def minutes(first):
    """Return the input function for the time a job may take: more each time it failed."""
    return lambda wildcards, attempt: first * attempt


def experiments_with(stage):
    """Return the pattern of the names of experiments that have a stage."""
    names = [re.escape(name) for name, found, _, _ in JOBS if found == stage]
    return "|".join(names) or "(?!)"
