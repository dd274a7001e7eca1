"""What is true of one run of a stage alone: commit, machine, time and memory."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from seqgan.provenance import sha256
from seqgan.records import canonical_json


def origin(record: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return what stays out of a receipt, so that equal runs have equal ones."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Results that are versioned change whenever they are made.
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    gpu = None
    if record["environment"]["device"] == "cuda":
        gpu = import_module("torch").cuda.max_memory_allocated()
    return {
        "receipt": record["sha256"],
        "stage": record["spec"]["stage"],
        "spec_sha256": sha256(canonical_json(record["spec"])),
        "seed": record["seed"],
        "environment": record["environment"],
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
        "machine": {
            "host": platform.node(),
            "system": platform.platform(),
            "processors": os.cpu_count(),
        },
        "wall_seconds": round(seconds, 3),
        "peak_memory_bytes": peak * (1 if sys.platform == "darwin" else 1024),
        "peak_gpu_memory_bytes": gpu,
    }


def _git(*arguments: str) -> str | None:
    """Return what git says, or ``None`` outside a checkout or without git."""
    try:
        folder = Path(__file__).parent
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
