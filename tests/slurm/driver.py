"""Snakemake that asks the cluster every second how its jobs are, for tests.

The Slurm plugin waits longer after every question, up to three minutes, whatever
``--seconds-between-status-checks`` says. Only this process is changed; jobs run plain Snakemake.
"""

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(self: RemoteExecutor) -> None:
    """Wait for the next round of questions."""
    await asyncio.sleep(min(1.0, self.next_seconds_between_status_checks))


RemoteExecutor.sleep = sleep

if __name__ == "__main__":
    main()
