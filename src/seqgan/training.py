"""The one training loop, the state that makes it resumable, and what one step of it does."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, final, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.action_values import ActionValue
from seqgan.decoding import sample_sentences
from seqgan.errors import NonFiniteError, UserError
from seqgan.generators import Generator
from seqgan.graphs import Replayed
from seqgan.objectives import Loss, Objective
from seqgan.progress import Progress
from seqgan.randomness import RandomStreams
from seqgan.rewards import RewardModel
from seqgan.team import ALONE, Team
from seqgan.tokens import conditions

# A list is a value per position of a sentence.
StepMetrics = dict[str, float | list[float]]


@runtime_checkable
class Stateful(Protocol):
    """Anything with a state that a checkpoint must hold."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...


@dataclass
class Run:
    """Everything that changes during training: enough to continue exactly."""

    parts: dict[str, Stateful]
    streams: RandomStreams
    step: int = 0
    history: list[StepMetrics] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)

    def state_dict(self) -> dict[str, Any]:
        """Return the whole state as a tree of tensors and plain values."""
        return {
            "step": self.step,
            "history": self.history,
            "progress": self.progress.state_dict(),
            "streams": self.streams.state_dict(),
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what :meth:`state_dict` returned."""
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        self.streams.load_state_dict(state["streams"])
        self.progress.load_state_dict(state["progress"], self.streams.device)
        self.step, self.history = state["step"], list(state["history"])


def train(
    run: Run, update: Callable[[Run], StepMetrics], *, until: int
) -> Iterator[tuple[int, StepMetrics]]:
    """Apply ``update`` until ``run.step == until``, yielding each step and what it measured.

    Logging, evaluation and checkpoints are ordinary code of whoever consumes the steps; within a
    step ``run.progress.pause`` is called between its pieces, where ``run.state_dict()`` is whole.
    Raises :class:`NonFiniteError` with the step; on a processor before any weight has changed, on
    a GPU, which is not kept waiting for an answer, at the end of the step.
    """
    while run.step < until:
        try:
            metrics = update(run)
        except NonFiniteError as error:
            raise NonFiniteError(f"{error} in step {run.step + 1}") from None
        run.progress.clear()
        run.step += 1
        yield run.step, metrics


@final
@dataclass
class GeneratorUpdate:
    """One step of Adam on an objective, with the norm of the gradient clipped."""

    generator: Generator
    objective: Objective
    optimizer: torch.optim.Optimizer
    max_grad_norm: float
    team: Team = ALONE

    def __post_init__(self) -> None:
        self._replayed = Replayed(self._learn_from)

    def __call__(self, real: Int[Tensor, "batch time"], run: Run) -> dict[str, Tensor]:
        """Update the generator once; ``real`` is a batch of the corpus."""
        if self.objective.draws or self.team.size > 1:
            rng = run.streams["sampling"]
            return self._step(self.objective(self.generator, real, step=run.step, rng=rng))
        return self._replayed(real)

    def _learn_from(self, real: Int[Tensor, "batch time"]) -> dict[str, Tensor]:
        return self._step(self.objective(self.generator, real, step=0, rng=torch.Generator()))

    def _step(self, loss: Loss) -> dict[str, Tensor]:
        self.optimizer.zero_grad()
        loss.value.backward()
        parameters = self.generator.parameters()
        self.team.follow_leader(each.grad for each in parameters if each.grad is not None)
        norm = nn.utils.clip_grad_norm_(self.generator.parameters(), self.max_grad_norm)
        if not norm.is_cuda and not torch.isfinite(norm + loss.value.detach()):
            raise NonFiniteError(
                f"the generator's loss is {loss.value.item()} and its gradient norm {norm.item()}"
            )
        self.optimizer.step()
        return {**loss.metrics, "gradient_norm": norm}


@final
@dataclass
class LikelihoodEpoch:
    """One pass over the corpus in shuffled batches; the last batch may be smaller."""

    update: GeneratorUpdate
    corpus: Int[Tensor, "sentences time"]
    batch_size: int

    def __call__(self, run: Run) -> StepMetrics:
        rng, progress = run.streams["batches"], run.progress
        order = progress.keep(
            "order", lambda: torch.randperm(len(self.corpus), generator=rng, device=rng.device)
        )
        batches = order.split(self.batch_size)
        sums: dict[str, Tensor] = progress.keep("sums", dict)
        for number in progress.count("batch", len(batches)):
            add(sums, self.update(self.corpus[batches[number]].long(), run))
        return average(sums, len(batches))


@final
@dataclass
class DiscriminatorRound:
    """Fit a reward model to fresh negatives and as many real sentences."""

    generator: Generator
    reward: RewardModel
    corpus: Int[Tensor, "sentences time"]
    num_sentences: int

    def __call__(self, run: Run) -> StepMetrics:
        rng, progress = run.streams["batches"], run.progress
        count, length = self.num_sentences, self.corpus.shape[1]
        rows = progress.keep(
            "real",
            lambda: torch.randperm(len(self.corpus), generator=rng, device=rng.device)[:count],
        )
        real, stream = self.corpus[rows].long(), run.streams["negatives"]
        given = conditions(real, self.generator.alphabet)  # the same, so that they tell nothing
        fake = progress.keep(
            "fake",
            lambda: sample_sentences(self.generator, count, length, stream, given=given),
        )
        return dict(self.reward.fit(real, fake, run.streams["discriminator"], progress))


@final
@dataclass
class AdversarialRound:
    """One iteration of the outer loop of Algorithm 1 (Yu et al., 2017).

    ``generator_steps`` policy-gradient updates (g-steps), then the rollout policy follows, then
    ``reward_steps`` rounds (d-steps) of fitting the reward model.
    """

    update: GeneratorUpdate
    action_value: ActionValue
    discriminator_round: DiscriminatorRound
    generator_steps: int
    reward_steps: int
    batch_size: int

    def __call__(self, run: Run) -> StepMetrics:
        # An objective may use the shape of real sentences, or their content.
        corpus, rng = self.discriminator_round.corpus, run.streams["batches"]
        sums: dict[str, Tensor] = run.progress.keep("sums", dict)
        for _ in run.progress.count("g-step", self.generator_steps):
            rows = torch.randint(len(corpus), (self.batch_size,), generator=rng, device=rng.device)
            add(sums, self.update(corpus[rows].long(), run))
        for _ in run.progress.count("tracking", 1):
            self.action_value.track(self.update.generator)
        judged: StepMetrics = run.progress.keep("judged", dict)
        for _ in run.progress.count("d-step", self.reward_steps):
            judged.update(self.discriminator_round(run))
        return average(sums, self.generator_steps) | judged


def negatives_per_round(wanted: int | None, corpus: Int[Tensor, "sentences time"]) -> int:
    """Return how many negatives a round draws: as many as the corpus has, unless told.

    Raises :class:`UserError` for more than there are real sentences to set against them.
    """
    if wanted is not None and wanted > len(corpus):
        raise UserError(
            f"`num_sentences` must not exceed the training set, but {wanted} is more than "
            f"{len(corpus)}; lower it, or leave it out to use all"
        )
    return wanted or len(corpus)


@final
class BestWeights:
    """A copy of the weights with the lowest score so far: for selection on validation data."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.score, self.step = float("inf"), 0
        self.weights: dict[str, Tensor] = self._copy()

    def offer(self, score: float, step: int) -> None:
        """Keep the module's present weights if their score is lower than any before."""
        if score < self.score:
            self.score, self.step, self.weights = score, step, self._copy()

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._module.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the copy and where it was taken."""
        return {"score": self.score, "step": self.step, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.score, self.step, self.weights = state["score"], state["step"], state["weights"]


def add(sums: dict[str, Tensor], seen: dict[str, Float[Tensor, "*shape"]]) -> None:
    """Add what an update saw to the sums of a step, on the device."""
    for name, value in seen.items():
        sums[name] = sums[name] + value if name in sums else value


def average(sums: dict[str, Tensor], count: int) -> StepMetrics:
    """Return the mean of every metric, in one transfer from the device per metric.

    Raises :class:`NonFiniteError` for a loss that a GPU has not been asked about before.
    """
    means: StepMetrics = {name: (total / count).tolist() for name, total in sums.items()}
    for name, value in means.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise NonFiniteError(f"the generator's {name} is {value}")
    return means
