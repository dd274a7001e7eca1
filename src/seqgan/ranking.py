"""RankGAN's adversary: which of several sentences is most like real ones."""

import math
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.discriminators import SCORING_TOKENS, Discriminator
from seqgan.errors import NonFiniteError
from seqgan.optimizers import adam
from seqgan.progress import Progress
from seqgan.rewards import Metrics, RewardModel
from seqgan.team import ALONE, Team
from seqgan.tokens import is_real

LEAST_DOUBT = 1e-6
"""A generated sentence is never held to rank first for sure: the loss would be infinite."""


@final
class RankingReward(RewardModel):
    """How a sentence ranks among others by its likeness to real ones, in (0, 1).

    RankGAN (Lin et al., 2017, https://arxiv.org/abs/1705.11001). The likeness of a sentence to a
    reference ``u`` is the cosine ``a(s|u)`` of their features in a network. Its rank among others
    ``C`` is ``log R(s|U, C) = mean_u log P(s|u, C)``, P the softmax of ``g a(s|u)`` among ``s`` and
    ``C``. ``fit`` minimises the mean of ``-log R(real|U, generated)`` and of
    ``-log(1 - R(generated|U, real))``, and the reward of a sentence is its R among real ones.

    References and comparisons are drawn anew for each update, and for the next rounds after
    each fit, from the real sentences of that fit.

    Args:
        discriminator: Whose features are compared; its last layer has no part in it.
        real: Real sentences, from which the first references and comparisons are drawn.
        rng: What draws these.
        learning_rate: Step size of Adam.
        batch_size: Sentences of an update, half of them real.
        epochs: Passes over each pair of sets.
        num_references: Sentences that others are likened to.
        num_comparisons: Sentences that one is ranked among.
        sharpness: The factor ``g`` of the cosine.
        team: Processes that work together; each of them does all of this.
    """

    def __init__(
        self,
        discriminator: Discriminator,
        real: Int[Tensor, "sentences time"],
        rng: torch.Generator,
        *,
        learning_rate: float,
        batch_size: int,
        epochs: int,
        num_references: int,
        num_comparisons: int,
        sharpness: float,
        team: Team = ALONE,
    ) -> None:
        self.discriminator, self._team = discriminator, team
        self.optimizer = adam(discriminator.parameters(), learning_rate)
        self.half, self.epochs = max(1, batch_size // 2), epochs
        self.num_references, self.num_comparisons = num_references, num_comparisons
        self.sharpness = sharpness
        self.references = self._draw(real, num_references, rng)
        self.comparisons = self._draw(real, num_comparisons, rng)

    @torch.no_grad()
    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        references, comparisons = self._see(self.references), self._see(self.comparisons)
        rows = max(1, SCORING_TOKENS // self.discriminator.max_length)
        return torch.cat(
            [
                log_rank(self._see(some), references, comparisons, self.sharpness).exp()
                for some in tokens.split(rows)
            ]
        )

    def fit(
        self,
        real: Int[Tensor, "batch time"],
        fake: Int[Tensor, "batch time"],
        rng: torch.Generator,
        progress: Progress,
    ) -> Metrics:
        orders = progress.keep(
            "shuffle",
            lambda: torch.stack(
                [torch.randperm(len(real), generator=rng, device=rng.device) for _ in range(2)]
            ),
        )
        batches = [orders[:, start : start + self.half] for start in range(0, len(real), self.half)]
        sums = progress.keep("sums", lambda: torch.zeros(2, dtype=torch.float64).to(orders.device))
        for number in progress.count("batch", len(batches) * self.epochs):
            of_real, of_fake = batches[number % len(batches)]
            sums += self._step(real, fake, of_real, of_fake, rng)
        for _ in progress.count("references", 1):
            self.references = self._draw(real, self.num_references, rng)
            self.comparisons = self._draw(real, self.num_comparisons, rng)
        loss, correct = (total / (len(real) * self.epochs) for total in sums.tolist())
        return {"discriminator_loss": loss, "discriminator_accuracy": correct}

    def _step(
        self,
        real: Int[Tensor, "sentences time"],
        fake: Int[Tensor, "sentences time"],
        of_real: Int[Tensor, " batch"],
        of_fake: Int[Tensor, " batch"],
        rng: torch.Generator,
    ) -> Float[Tensor, "2"]:
        """Step once; return the loss and the share of right ranks, times the real sentences."""
        sets = [
            real[of_real],
            fake[of_fake],
            self._draw(real, self.num_references, rng),
            self._draw(real, self.num_comparisons, rng),
            self._draw(fake, self.num_comparisons, rng),
        ]
        seen = self._see(torch.cat(sets)).split([len(each) for each in sets])
        true, false, references, true_others, false_others = seen
        rank_of_true = log_rank(true, references, false_others, self.sharpness)
        rank_of_false = log_rank(false, references, true_others, self.sharpness)
        doubt = 1 - rank_of_false.exp().clamp(max=1 - LEAST_DOUBT)
        loss = -rank_of_true.mean() - doubt.log().mean()
        if not loss.is_cuda and not math.isfinite(loss.item()):
            raise NonFiniteError(f"the discriminator's loss is {loss.item()}")
        self.optimizer.zero_grad()
        loss.backward()
        self._team.follow_leader(
            each.grad for each in self.discriminator.parameters() if each.grad is not None
        )
        self.optimizer.step()
        # Who knows nothing gives everyone the same rank.
        chance = -math.log(self.num_comparisons + 1)
        right = (rank_of_true > chance).double().mean() + (rank_of_false < chance).double().mean()
        return torch.stack([loss.detach().double(), right / 2]) * len(of_real)

    def _draw(
        self, sentences: Int[Tensor, "sentences time"], count: int, rng: torch.Generator
    ) -> Int[Tensor, "_ time"]:
        rows = torch.randint(len(sentences), (count,), generator=rng, device=rng.device)
        return sentences[rows].long()

    def _see(self, tokens: Int[Tensor, "sentences time"]) -> Float[Tensor, "sentences features"]:
        """Return features of length one."""
        tokens = self.discriminator.widened(tokens)
        features = self.discriminator.features(self.discriminator.embed(tokens), is_real(tokens))
        return F.normalize(features, dim=1)

    def state_dict(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "references": self.references,
            "comparisons": self.comparisons,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        device = self.references.device
        self.references = state["references"].to(device)
        self.comparisons = state["comparisons"].to(device)


def log_rank(
    sentences: Float[Tensor, "batch features"],
    references: Float[Tensor, "references features"],
    others: Float[Tensor, "others features"],
    sharpness: float,
) -> Float[Tensor, " batch"]:
    """Return ``log R(s|U, C)`` of each sentence, from features of length one."""
    own = sharpness * sentences @ references.T
    theirs = (sharpness * others @ references.T).logsumexp(dim=0)
    return (own - torch.logaddexp(own, theirs)).mean(dim=1)
