"""The one training loop, the state that makes it resumable, and what one step of it does."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, final, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.curricula import Curriculum
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
StepMetrics = dict[str, float | list[float | None]]


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
    run: Run,
    update: Callable[[Run], StepMetrics],
    *,
    until: int,
    enough: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, StepMetrics]]:
    """Apply ``update`` until ``run.step == until``, yielding each step and what it measured.

    It ends sooner once ``enough`` is true between two steps.

    Logging, evaluation and checkpoints are ordinary code of whoever consumes the steps; within a
    step ``run.progress.pause`` is called between its pieces, where ``run.state_dict()`` is whole.
    Raises :class:`NonFiniteError` with the step; on a processor before any weight has changed, on
    a GPU, which is not kept waiting for an answer, at the end of the step.
    """
    while run.step < until and not enough():
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
        if self.objective.draws or self.generator.dropout or self.team.size > 1:
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
    length: Curriculum | None = None

    def __call__(self, run: Run) -> StepMetrics:
        rng, progress = run.streams["batches"], run.progress
        count, length = self.num_sentences, longest(self.length, self.corpus, run.step)
        rows = progress.keep(
            "real",
            lambda: torch.randperm(len(self.corpus), generator=rng, device=rng.device)[:count],
        )
        real, stream = self.corpus[rows][:, :length].long(), run.streams["negatives"]
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

    ``generator_steps`` updates of the generator against its judge (g-steps), then
    ``likelihood_steps`` updates on real sentences, which the paper has none of, then the rollout
    policy, if any, follows, then ``reward_steps`` rounds (d-steps) of fitting the reward model.
    Before the first round the reward model is fitted ``warm_up`` times; 0 where it comes from its
    own pretraining.
    """

    update: GeneratorUpdate
    discriminator_round: DiscriminatorRound
    generator_steps: int
    reward_steps: int
    batch_size: int
    likelihood: GeneratorUpdate | None = None
    likelihood_steps: int = 0
    warm_up: int = 0

    def __call__(self, run: Run) -> StepMetrics:
        if self.warm_up and run.step == 0:
            for _ in run.progress.count("warm-up", self.warm_up):
                self.discriminator_round(run)
        length = self.discriminator_round.length
        sums: dict[str, Tensor] = run.progress.keep("sums", dict)
        for _ in run.progress.count("g-step", self.generator_steps):
            add(sums, self.update(self._batch(run), run))
        learnt: dict[str, Tensor] = {}
        if self.likelihood is not None:
            learnt = run.progress.keep("learnt", dict)
            for _ in run.progress.count("likelihood", self.likelihood_steps):
                seen = self.likelihood(self._batch(run), run)
                add(learnt, {"nll_train": seen["nll_train"]})
        for _ in run.progress.count("tracking", 1):
            self.update.objective.track(self.update.generator)
        judged: StepMetrics = run.progress.keep("judged", dict)
        for _ in run.progress.count("d-step", self.reward_steps):
            judged.update(self.discriminator_round(run))
        metrics = average(sums, self.generator_steps) | judged
        metrics |= average(learnt, max(1, self.likelihood_steps))
        if length is not None:
            metrics["curriculum_length"] = float(length.tokens(run.step))
            length.learn({name: each for name, each in judged.items() if isinstance(each, float)})
        return metrics

    def _batch(self, run: Run) -> Int[Tensor, "batch time"]:
        """Draw real sentences: an objective may use their shape alone, or their content."""
        judge, rng = self.discriminator_round, run.streams["batches"]
        rows = torch.randint(
            len(judge.corpus), (self.batch_size,), generator=rng, device=rng.device
        )
        return judge.corpus[rows][:, : longest(judge.length, judge.corpus, run.step)].long()


def longest(curriculum: Curriculum | None, corpus: Int[Tensor, "sentences time"], step: int) -> int:
    """Return how many tokens of a sentence there are in the round after ``step`` rounds."""
    return corpus.shape[1] if curriculum is None else curriculum.tokens(step)


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
    """A copy of the weights with the lowest score so far: for selection on validation data.

    Attributes:
        score: The lowest so far.
        step: Where it was offered.
        waited: Scores offered since then.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.score, self.step, self.waited = float("inf"), 0, 0
        self.weights: dict[str, Tensor] = self._copy()

    def offer(self, score: float, step: int) -> None:
        """Keep the module's present weights if their score is lower than any before."""
        self.waited += 1
        if score < self.score:
            self.score, self.step, self.waited, self.weights = score, step, 0, self._copy()

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._module.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the copy and where it was taken."""
        found = {"score": self.score, "step": self.step, "waited": self.waited}
        return {**found, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.score, self.step, self.waited = state["score"], state["step"], state["waited"]
        self.weights = state["weights"]


def add(sums: dict[str, Tensor], seen: dict[str, Float[Tensor, "*shape"]]) -> None:
    """Add what an update saw to the sums of a step, on the device."""
    for name, value in seen.items():
        sums[name] = sums[name] + value if name in sums else value


def average(sums: dict[str, Tensor], count: int) -> StepMetrics:
    """Return the mean of every metric, in one transfer from the device per metric.

    Of those with a value for every position, ``None`` where there is none. Raises
    :class:`NonFiniteError` for a loss that a GPU has not been asked about before.
    """
    means: StepMetrics = {}
    for name, total in sums.items():
        value: float | list[float] = (total / count).tolist()
        if isinstance(value, list):
            means[name] = [None if math.isnan(each) else each for each in value]
        elif math.isfinite(value):
            means[name] = value
        else:
            raise NonFiniteError(f"the generator's {name} is {value}")
    return means
