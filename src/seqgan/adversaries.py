"""Reward models that learn to tell generated sentences from real ones."""

import math
from collections.abc import Callable
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqgan.discriminators import Discriminator
from seqgan.errors import NonFiniteError
from seqgan.graphs import Replayed
from seqgan.optimizers import adam
from seqgan.progress import Progress
from seqgan.rewards import Metrics, RewardModel
from seqgan.team import ALONE, Team
from seqgan.tokens import is_real

Shape = Callable[[Float[Tensor, " batch"]], Float[Tensor, " batch"]]
"""What reward a logit of the discriminator, its log-odds that a sentence is real, is worth."""

LARGEST_LOGIT = 20.0
"""Odds of a sentence are not taken for more than those of this logit, half a billion to one."""


def centred(logits: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Return ``2 D - 1``, in [-1, 1] (ScratchGAN: d'Autume et al., 2019)."""
    return 2 * logits.sigmoid() - 1


def as_they_are(logits: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Return ``log D - log(1 - D)``, without bounds."""
    return logits


def odds(logits: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Return ``D / (1 - D)``, never negative (MaliGAN: Che et al., 2017).

    Where D is the best of all, the ratio of the density of the corpus to that of the generator.
    """
    return logits.clamp(max=LARGEST_LOGIT).exp()


@final
class DiscriminatorReward(RewardModel):
    """The adversary of SeqGAN: ``D(y)``, the probability that ``y`` is real, or a shape of it.

    ``fit`` minimises equation 5 of Yu et al. (2017) by ``epochs`` passes over the two sets,
    shuffled together once, in batches of ``batch_size`` sentences (the last batch may be smaller).
    With ``label_smoothing`` real sentences are to have a probability of so much less than one
    (one-sided: Salimans et al., 2016). With ``gradient_penalty`` so many halves of the squared
    gradient of the log-odds by the embedded tokens of a real sentence are added, on average over
    real sentences (R1: Mescheder et al., 2018, equation 9).
    """

    def __init__(
        self,
        discriminator: Discriminator,
        *,
        learning_rate: float,
        batch_size: int,
        epochs: int,
        label_smoothing: float = 0.0,
        gradient_penalty: float = 0.0,
        shape: Shape = torch.sigmoid,
        team: Team = ALONE,
    ) -> None:
        self.discriminator, self._team = discriminator, team
        self.optimizer = adam(discriminator.parameters(), learning_rate)
        self.batch_size, self.epochs = batch_size, epochs
        self.label_smoothing, self.gradient_penalty = label_smoothing, gradient_penalty
        self.shape = shape
        self._forget_records()

    def _forget_records(self) -> None:
        # What is recorded of an update holds on to the moments that it found.
        self._update = Replayed(self._step) if self._team.size == 1 else self._step

    @torch.no_grad()
    def score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        return self.shape(self._logits(tokens))

    @torch.no_grad()
    def prefix_score(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        logits = self.discriminator.prefix_logits(self.discriminator.widened(tokens))
        logits = logits[:, : tokens.shape[1]]
        return self.shape(logits.flatten()).view(logits.shape)

    @torch.no_grad()
    def probability(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        """Return ``D(y)``, whatever is made of it as a reward."""
        return self._logits(tokens).sigmoid()

    def _logits(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        return self.discriminator.judge(self.discriminator.widened(tokens))

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
        tokens = self.discriminator.widened(tokens)
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
        truth = mine(labels)
        goals = truth.double() * (1 - self.label_smoothing)
        total, logits = self.discriminator.loss(mine(tokens), goals, mine(noise))
        loss = total / len(tokens)
        if self.gradient_penalty:
            slopes = squared_slopes(self.discriminator, mine(tokens))
            mean = torch.where(truth, slopes, 0.0).sum() / labels.sum().clamp(min=1)
            loss = loss + self.gradient_penalty / 2 * mean
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


def squared_slopes(
    discriminator: Discriminator, tokens: Int[Tensor, "batch time"]
) -> Float[Tensor, " batch"]:
    """Return, for each sentence, the squared gradient of its log-odds by its embedded tokens.

    Without dropout, and itself a function of the weights with a gradient.
    """
    real = is_real(tokens)
    embedded = discriminator.embed(tokens).detach().requires_grad_()
    # The recurrent kernels of cuDNN have no second derivative, those of PyTorch have.
    with torch.backends.cudnn.flags(enabled=False):
        logits = discriminator.classify(discriminator.features(embedded, real))
        (slopes,) = torch.autograd.grad(logits.sum(), embedded, create_graph=True)
    return torch.where(real[..., None], slopes, 0.0).square().sum(dim=(1, 2))


def _check_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise NonFiniteError(f"the discriminator's loss is {loss}")
