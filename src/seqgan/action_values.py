"""What a reward model's judgement of whole sentences makes each of their tokens worth."""

import copy
from abc import ABC, abstractmethod
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.decoding import roll_out
from seqgan.generators import Generator
from seqgan.graphs import Replayed
from seqgan.rewards import RewardModel
from seqgan.team import ALONE, Team
from seqgan.tokens import is_chosen

# Tokens of the completions that are held at once: about a gigabyte, with all that belongs to them.
ROLLOUT_TOKENS = 2**25


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
