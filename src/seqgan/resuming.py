"""A training run inside a stage: resumed, measured, saved by time, and shown."""

import time
from collections.abc import Callable

import numpy as np

from seqgan.checkpoints import ResumeFolder, resume_key
from seqgan.errors import NonFiniteError, UserError
from seqgan.failures import Stopped
from seqgan.stage import Context, stop_gently
from seqgan.training import Run, StepMetrics, train

SECONDS_BETWEEN_STATES = 60.0


def carry_through(
    context: Context,
    run: Run,
    update: Callable[[Run], StepMetrics],
    *,
    until: int,
    unit: str,
    measure: Callable[[int], StepMetrics],
) -> None:
    """Take a run to its last step, wherever an earlier attempt left it.

    ``run.history`` then holds one row for every step: what ``update`` saw, and what ``measure``
    says of the state after it. An uninterrupted run and one that was killed and continued, any
    number of times, end with the same bytes.

    Raises :class:`UserError` if a loss is not finite, naming the step and the last good state.
    """
    stop_gently(context)
    folder = ResumeFolder(context.work / context.job / resume_key(context.name, *context.key))
    folder.discard_others()
    # On the processor: each part moves its state to where it computes.
    if (state := folder.latest()) is not None:
        run.load_state_dict(state)
        context.say(f"continues after {unit} {run.step} of {until}")
    saved_at, saved_step = time.monotonic(), run.step
    try:
        if not run.history:
            run.history.append({"step": 0, **finite(measure(0), 0)})
        steps = train(run, update, until=until)
        for step, metrics in context.follow(steps, total=until, unit=unit, start=run.step):
            metrics |= finite(measure(step), step)
            run.history.append({"step": step, **metrics})
            # The last state is kept too: writing the outputs may be interrupted.
            if step == until or time.monotonic() - saved_at > SECONDS_BETWEEN_STATES:
                folder.save(step, run.state_dict())
                saved_at, saved_step = time.monotonic(), step
    except Stopped:
        folder.save(run.step, run.state_dict())
        raise
    except NonFiniteError as error:
        good = (
            f"state after {unit} {saved_step} is in {folder.folder}" if saved_step else "none saved"
        )
        raise UserError(
            f"{context.name}: {error}; lower `learning_rate` or `max_grad_norm` "
            f"(last good state: {good})"
        ) from None
    context.at_end(folder.discard)


def finite(metrics: StepMetrics, step: int) -> StepMetrics:
    """Return the metrics; raise :class:`NonFiniteError` if one is infinite or NaN."""
    for name, value in metrics.items():
        if not np.isfinite(value).all():
            raise NonFiniteError(f"{name} is {value} after step {step}")
    return metrics
