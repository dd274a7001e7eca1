"""What a reward model's judgement of whole sentences makes each of their tokens worth."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.decoding import roll_out
from seqgan.generators import Generator
from seqgan.graphs import Replayed
from seqgan.rewards import Judge
from seqgan.team import ALONE, Team
from seqgan.tokens import is_chosen, is_real

# Tokens of the completions that are held at once: about a gigabyte, with all that belongs to them.
ROLLOUT_TOKENS = 2**25
# Numbers of the states of the prefixes that are held at once: a gigabyte of float32.
ROLLOUT_STATES = 2**28


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

    Args:
        generator: Whose completions are judged.
        reward: Who judges them.
        num_rollouts: Completions of a prefix.
        tracking_rate: Share of the rollout policy that stays at each round.
        every: Complete the prefixes that end at every so many tokens alone, from the first chosen
            one; between two of them, and between the last of them and the end of the sentence,
            values lie on a straight line. Guo et al. (2018) complete every fourth.
        discount: Factor for each token that follows until the end of a completion.
        team: The processes that judge together.
    """

    def __init__(
        self,
        generator: Generator,
        reward: Judge,
        *,
        num_rollouts: int,
        tracking_rate: float,
        every: int = 1,
        discount: float = 1.0,
        team: Team = ALONE,
    ) -> None:
        self.policy, self._team = copy.deepcopy(generator).requires_grad_(False), team
        self.reward, self.num_rollouts, self.tracking_rate = reward, num_rollouts, tracking_rate
        self.every, self.discount = every, discount
        self._lengths: Sequence[int] = ()
        self._estimate = Replayed(self._complete_and_score)

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        batch, time = tokens.shape
        self._lengths = range(self._given(tokens) + 1, time, self.every)
        uniforms = torch.rand(
            len(self._lengths), batch, self.num_rollouts, time, generator=rng, device=tokens.device
        )
        mine, its_uniforms = self._team.mine(tokens), self._team.mine(uniforms, dim=1)
        rows = batch
        if self._lengths:
            of_sentence = len(self._lengths) * self.num_rollouts
            numbers = self.policy.state_numbers(time)
            rows = min(ROLLOUT_TOKENS // time, ROLLOUT_STATES // numbers) // of_sentence
            rows = max(1, rows)
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
        lengths = torch.tensor(self._lengths, device=tokens.device, dtype=torch.int64)
        completed = roll_out(self.policy, tokens, uniforms, self._lengths)
        scores = self.reward.score(completed.flatten(0, 2)).view(completed.shape[:3])
        final = self.reward.score(tokens)
        if self.discount != 1.0:
            follow = is_real(completed).sum(dim=3) - lengths[:, None, None]
            scores = scores * self.discount ** follow.clamp(min=0)
        ends = is_real(tokens).sum(dim=1)
        values = spread(scores.mean(dim=2), final, lengths, ends, tokens.shape[1])
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


def spread(
    values: Float[Tensor, "prefixes batch"],
    final: Float[Tensor, " batch"],
    lengths: Int[Tensor, " prefixes"],
    ends: Int[Tensor, " batch"],
    time: int,
) -> Float[Tensor, "batch time"]:
    """Return a value for every token from those of some prefixes, on straight lines between them.

    The last token of a sentence has the sentence's own value, and ends the last line; it goes on
    where the sentence does not. Tokens before the first prefix have the value of that.

    Args:
        values: Of the last token of each prefix.
        final: Of each sentence.
        lengths: Tokens of each prefix, ascending.
        ends: Tokens of each sentence.
        time: Length of a row.
    """
    if not len(lengths):
        return final[:, None].expand(-1, time)
    read = torch.arange(1, time + 1, device=final.device)
    left = (torch.searchsorted(lengths, read, right=True) - 1).clamp(min=0)
    right = (left + 1).clamp(max=len(lengths) - 1)
    is_last = (left + 1 >= len(lengths)) | (lengths[right] >= ends[:, None])
    start, end = lengths[left], torch.where(is_last, ends[:, None], lengths[right])
    share = ((read - start) / (end - start).clamp(min=1)).clamp(min=0).to(values.dtype)
    goal = torch.where(is_last, final[:, None], values[right].T)
    return torch.where(read >= ends[:, None], final[:, None], values[left].T.lerp(goal, share))


@final
class PrefixValue(ActionValue):
    """The rewards of the sentence up to a token and up to each that follows, discounted.

    ``Q(y[:t], y[t]) = sum_{s >= t} discount^(s - t) r(y[:s + 1])`` over the tokens of the sentence:
    nothing is completed, for the judge has seen what a prefix is worth (ScratchGAN: d'Autume et
    al., 2019, equation 4, with 2D - 1 and a discount of 0.23).

    Args:
        generator: Whose sentences are judged.
        reward: Who judges them; it must judge prefixes.
        discount: Factor for each token between a choice and a reward; 0 leaves a choice its own.
        team: The processes that judge together.
    """

    def __init__(
        self,
        generator: Generator,
        reward: Judge,
        *,
        discount: float = 1.0,
        team: Team = ALONE,
    ) -> None:
        self.reward, self.discount, self._team = reward, discount, team
        self._alphabet = generator.alphabet

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        mine = self.reward.prefix_score(self._team.mine(tokens))
        rewards = self._team.gather(mine, mine.new_empty(tokens.shape))
        chosen = is_chosen(tokens, self._alphabet)
        rewards = torch.where(chosen, rewards, 0.0)
        following = rewards.new_zeros(len(tokens))
        values = torch.empty_like(rewards)
        for t in reversed(range(tokens.shape[1])):
            values[:, t] = following = rewards[:, t] + self.discount * following
        return torch.where(chosen, values, 0.0)

    def track(self, generator: Generator) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"values of prefixes have no state, but were given {sorted(state)}")


@final
class TerminalReward(ActionValue):
    """Credit every token with the reward of its finished sentence (Williams, 1992).

    Args:
        generator: Whose sentences are judged.
        reward: Who judges them.
        discount: Factor for each token that follows until the end of the sentence.
        team: The processes that judge together.
    """

    def __init__(
        self,
        generator: Generator,
        reward: Judge,
        *,
        discount: float = 1.0,
        team: Team = ALONE,
    ) -> None:
        self.reward, self.discount, self._team = reward, discount, team
        self._alphabet = generator.alphabet

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch time"], rng: torch.Generator
    ) -> Float[Tensor, "batch time"]:
        mine = self.reward.score(self._team.mine(tokens))
        scores = self._team.gather(mine, mine.new_empty(len(tokens)))[:, None]
        if self.discount != 1.0:
            places = torch.arange(tokens.shape[1], device=tokens.device)
            follow = is_real(tokens).sum(dim=1, keepdim=True) - 1 - places
            scores = scores * self.discount ** follow.clamp(min=0)
        return torch.where(is_chosen(tokens, self._alphabet), scores, 0.0)

    def track(self, generator: Generator) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"a terminal reward has no state, but was given {sorted(state)}")
