"""A training run inside a stage: resumed, measured, saved by time, and shown."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from seqgan.checkpoints import ResumeFolder, resume_key
from seqgan.errors import NonFiniteError, UserError
from seqgan.failures import Stopped
from seqgan.stage import Context, stop_gently
from seqgan.symptoms import new_symptoms
from seqgan.team import ALONE, Team
from seqgan.training import Run, StepMetrics, train

SECONDS_BETWEEN_STATES = 60.0


class _Keeper:
    """Saves the state of a run: by time, and when the process is asked to stop."""

    def __init__(self, context: Context, run: Run, team: Team) -> None:
        self._context, self._run, self._team = context, run, team
        key = resume_key(context.name, *context.key)
        self.folder = ResumeFolder(context.work / context.job / key)
        self._saved_at = time.monotonic()
        self.saved: Path | None = None

    def load(self) -> bool:
        """Continue from the newest state, if there is one."""
        if self._team.leads:
            self.folder.sweep()
        # On the processor: each part moves its state to where it computes.
        state = self.folder.latest(self._context.say)
        self._team.any(False)  # nobody saves before all have read
        if state is None and self.folder.others():
            self._context.say(
                "starts anew: the state that is kept belongs to other settings, inputs, libraries, "
                "threads or another device"
            )
        if state is not None:
            self._run.load_state_dict(state)
        return state is not None

    def _save(self) -> None:
        if not self._run.progress.is_finite():  # on a GPU nobody has looked before
            raise NonFiniteError("a loss is not finite")
        if self._team.leads:
            self.saved = self.folder.save(self._run.state_dict())
        self._saved_at = time.monotonic()

    def pause(self, due: bool = False) -> None:
        """Save if it is time; raise :class:`Stopped`, with the state saved, if that was asked."""
        due = due or time.monotonic() - self._saved_at > SECONDS_BETWEEN_STATES
        if not self._team.any(self._context.stopping or due):
            return
        self._save()
        if self._team.any(self._context.stopping):
            raise Stopped


def carry_through(
    context: Context,
    run: Run,
    update: Callable[[Run], StepMetrics],
    *,
    until: int,
    unit: str,
    measure: Callable[[int], StepMetrics],
    enough: Callable[[], bool] = lambda: False,
    team: Team = ALONE,
) -> None:
    """Take a run to its last step, wherever an earlier attempt left it.

    It ends sooner once ``enough``, which may ask the run's parts alone, says so after a step.

    ``run.history`` then holds one row for every step: what ``update`` saw, and what ``measure``
    says of the state after it. An uninterrupted run and one that was killed and continued, any
    number of times, end with the same bytes.

    Raises :class:`UserError` if a loss is not finite, naming the step and the last good state, and
    :class:`Stopped` between two pieces of a step if the process is asked to stop.
    """
    stop_gently(context)
    keeper = _Keeper(context, run, team)

    def where() -> str:
        return f"{unit} {run.step + 1}/{until} · {run.progress.describe()}"

    def pause() -> None:
        context.pulse(where)
        keeper.pause()

    run.progress.pause = pause
    if keeper.load():
        inside = ", within the next one" if run.progress.state_dict() else ""
        context.say(f"continues after {unit} {run.step} of {until}{inside}")
    try:
        if not run.history:
            run.history.append({"step": 0, **finite(measure(0), 0)})
        steps = train(run, update, until=until, enough=enough)
        for step, metrics in context.follow(steps, total=until, unit=unit, start=run.step):
            metrics |= finite(measure(step), step)
            run.history.append({"step": step, **metrics})
            for symptom in new_symptoms(run.history):
                context.say(f"after {unit} {step}: {symptom}")
            # The last state is kept too: writing the outputs may be interrupted.
            keeper.pause(due=step == until or enough())
    except NonFiniteError as error:
        good = "none saved" if keeper.saved is None else str(keeper.saved)
        raise UserError(
            f"{context.name}: {error}; lower `learning_rate` or `max_grad_norm` "
            f"(last good state: {good})"
        ) from None
    context.at_end(keeper.folder.discard)


def finite(metrics: StepMetrics, step: int) -> StepMetrics:
    """Return the metrics; raise :class:`NonFiniteError` if one is infinite or NaN."""
    for name, value in metrics.items():
        values = value if isinstance(value, list) else [value]
        if not all(math.isfinite(each) for each in values if each is not None):
            raise NonFiniteError(f"{name} is {value} after step {step}")
    return metrics
