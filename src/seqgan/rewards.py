"""Who judges a sentence, and what that makes each of its tokens worth."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqgan.decoding import roll_out
from seqgan.discriminators import Discriminator
from seqgan.errors import NonFiniteError
from seqgan.generators import Generator
from seqgan.graphs import Replayed
from seqgan.optimizers import adam
from seqgan.progress import Progress
from seqgan.team import ALONE, Team
from seqgan.tokens import is_chosen

Metrics = Mapping[str, float]

# Tokens of the completions that are held at once: about a gigabyte, with all that belongs to them.
ROLLOUT_TOKENS = 2**25


class RewardModel(ABC):
    """Judges finished sentences; may learn to judge better."""

    @abstractmethod
    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        """Return a value in ``[0, 1]``; higher means more like the corpus. Carries no gradient."""

    @abstractmethod
    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        """Learn to tell two sets of equal size apart, in pieces. A fixed judge returns ``{}``."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`fit` has changed."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""


@final
class DiscriminatorReward(RewardModel):
    """The adversary of SeqGAN: ``D(y)``, the probability that ``y`` is real.

    ``fit`` minimises equation 5 of Yu et al. (2017) by ``epochs`` passes over the two sets,
    shuffled together once, in batches of ``batch_size`` sentences (the last batch may be smaller).
    """

    def __init__(
        self,
        discriminator: Discriminator,
        *,
        learning_rate: float,
        batch_size: int,
        epochs: int,
        team: Team = ALONE,
    ) -> None:
        self.discriminator, self._team = discriminator, team
        self.optimizer = adam(discriminator.parameters(), learning_rate)
        self.batch_size, self.epochs = batch_size, epochs
        self._forget_records()

    def _forget_records(self) -> None:
        # What is recorded of an update holds on to the moments that it found.
        self._update = Replayed(self._step) if self._team.size == 1 else self._step

    @torch.no_grad()
    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        return self.discriminator.judge(tokens).sigmoid()

    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        order = progress.keep(
            "shuffle",
            lambda: torch.randperm(len(real) + len(fake), generator=rng, device=rng.device),
        )
        tokens, labels = torch.cat([real, fake])[order], order < len(real)
        batches = list(
            zip(tokens.split(self.batch_size), labels.split(self.batch_size), strict=True)
        )
        # Loss and number of correct answers, summed over all sentences.
        sums = progress.keep("sums", lambda: torch.zeros(2, dtype=torch.float64).to(order.device))
        for number in progress.count("batch", len(batches) * self.epochs):
            some, truth = batches[number % len(batches)]
            sums += self._update(some, truth, self.discriminator.noise(len(some), rng))
        loss, correct = (total / (len(order) * self.epochs) for total in sums.tolist())
        _check_finite(loss)  # on a GPU it is not looked at before
        return {"discriminator_loss": loss, "discriminator_accuracy": correct}

    def _step(
        self,
        tokens: Int[Tensor, "batch time"],
        labels: Bool[Tensor, " batch"],
        noise: Float[Tensor, "batch uniforms"],
    ) -> Float[Tensor, "2"]:
        """Step once; return the summed loss and the number of correct answers."""
        mine = self._team.mine
        logits, truth = self.discriminator(mine(tokens), mine(noise)), mine(labels)
        total = F.binary_cross_entropy_with_logits(logits, truth.to(logits.dtype), reduction="sum")
        loss = total / len(tokens)
        self.optimizer.zero_grad()
        (loss + self.discriminator.penalty() / self._team.size).backward()
        correct = ((logits.detach() > 0) == truth).sum()
        seen = torch.stack([total.detach(), correct.to(loss.dtype)])
        gradients = [each.grad for each in self.discriminator.parameters() if each.grad is not None]
        self._team.add_up([*gradients, seen])
        if not seen.is_cuda:
            _check_finite(seen[0].item() / len(tokens))
        self.optimizer.step()
        return seen

    def state_dict(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._forget_records()


def _check_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise NonFiniteError(f"the discriminator's loss is {loss}")


@final
class ConstantReward(RewardModel):
    """The control that knows nothing: every sentence is worth ``value``.

    A positive reward without a baseline lowers the generator's entropy whatever it says, so what
    a method gains beyond this control is what its reward model contributes.
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        return torch.full((len(tokens),), self.value, device=tokens.device)

    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"a constant reward has no state, but was given {sorted(state)}")


class ActionValue(ABC):
    """Estimates ``Q(prefix, token)``: the reward to expect once a token is chosen."""

    @abstractmethod
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        """Return ``Q[i, t]``, the value of choosing ``tokens[i, t]``; zero for any other."""

    @abstractmethod
    def track(self, generator: Generator) -> None:
        """Follow the generator after a round of updates."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`track` has changed."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""


@final
class MonteCarloRollout(ActionValue):
    """Average reward of ``num_rollouts`` completions of every prefix.

    ``Q(y[:t], y[t])`` is the mean of ``D`` over completions of ``y[:t + 1]`` before the last
    token, and ``D(y)`` at it: Yu et al. (2017), equation 4. The completions come from a copy of
    the generator, of which :meth:`track` keeps the share ``tracking_rate`` once a round: 0
    takes the generator over, 0.8 is the moving average that the released code writes down (and
    which never takes effect there).
    """

    def __init__(
        self,
        generator: Generator,
        reward: RewardModel,
        *,
        num_rollouts: int,
        tracking_rate: float,
        team: Team = ALONE,
    ) -> None:
        self.policy, self._team = copy.deepcopy(generator).requires_grad_(False), team
        self.reward, self.num_rollouts, self.tracking_rate = reward, num_rollouts, tracking_rate
        self._estimate = Replayed(self._complete_and_score)

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        batch, time = tokens.shape
        prefixes = time - 1 - self._given(tokens)
        uniforms = torch.rand(
            prefixes, batch, self.num_rollouts, time, generator=rng, device=tokens.device
        )
        mine, its_uniforms = self._team.mine(tokens), self._team.mine(uniforms, dim=1)
        rows = max(1, ROLLOUT_TOKENS // uniforms[:, 0].numel()) if prefixes else batch
        values = torch.cat(
            [
                self._estimate(*some)
                for some in zip(mine.split(rows), its_uniforms.split(rows, dim=1), strict=True)
            ]
        )
        return self._team.gather(values, values.new_empty(batch, time))

    @torch.no_grad()
    def _complete_and_score(
        self,
        tokens: Int[Tensor, "batch time"],
        uniforms: Float[Tensor, "prefixes batch rollouts time"],
    ) -> Float[Tensor, "batch time"]:
        completed = roll_out(self.policy, tokens, uniforms)
        scores = self.reward.score(completed.flatten(0, 2)).view(completed.shape[:3])
        values = torch.cat([scores.mean(dim=2), self.reward.score(tokens)[None]]).T
        values = F.pad(values, (tokens.shape[1] - values.shape[1], 0))
        return torch.where(is_chosen(tokens, self.policy.alphabet), values, 0.0)

    def _given(self, tokens: Int[Tensor, "batch time"]) -> int:
        """Return how many first positions are given in every row: nobody completes these."""
        if self.policy.alphabet.separator is None or tokens.device.type != "cpu":
            return 0  # a GPU would make the host wait, and record every length anew
        return int(is_chosen(tokens, self.policy.alphabet).int().argmax(dim=1).min())

    @torch.no_grad()
    def track(self, generator: Generator) -> None:
        for mine, theirs in zip(self.policy.parameters(), generator.parameters(), strict=True):
            mine.lerp_(theirs, 1 - self.tracking_rate)

    def state_dict(self) -> dict[str, Any]:
        return {"policy": self.policy.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])


@final
class TerminalReward(ActionValue):
    """Credit every token with the reward of its finished sentence (Williams, 1992)."""

    def __init__(self, generator: Generator, reward: RewardModel, *, team: Team = ALONE) -> None:
        self.reward, self._team = reward, team
        self._alphabet = generator.alphabet

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        mine = self.reward.score(self._team.mine(tokens))
        scores = self._team.gather(mine, mine.new_empty(len(tokens)))
        return torch.where(is_chosen(tokens, self._alphabet), scores[:, None], 0.0)

    def track(self, generator: Generator) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"a terminal reward has no state, but was given {sorted(state)}")
