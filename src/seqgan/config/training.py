"""How generator and discriminator are trained, and the methods that are compared."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.objectives import (
    CoolingConfig,
    ExponentialCooling,
    MaximumLikelihoodConfig,
    ObjectiveConfig,
)
from seqgan.config.policies import (
    Advantage,
    BaselineConfig,
    Curriculum,
    NoBaseline,
    TeacherForcing,
)
from seqgan.config.rewards import (
    ActionValueConfig,
    DiscriminatorFit,
    DiscriminatorRewardConfig,
    RepetitionPenalty,
    RewardConfig,
)
from seqgan.config.section import Positive, PositiveCount, Section


class Monitoring(Section):
    """What the learning curves are measured on; its samples come from streams of their own."""

    num_sentences: PositiveCount = Field(
        default=1000, description="Sentences that are sampled for each point of a learning curve."
    )
    every: PositiveCount = Field(
        default=1, description="Epochs or rounds from one point of a learning curve to the next."
    )


class RoundMonitoring(Monitoring):
    """What the learning curves of a method are measured on; its samples come from own streams."""

    every: PositiveCount = Field(
        default=5, description="Rounds from one point of a learning curve to the next. Paper: 5."
    )


class LikelihoodTraining(Section):
    """Training on real sentences."""

    objective: ObjectiveConfig = Field(
        default=MaximumLikelihoodConfig(), description="What the generator learns first."
    )
    epochs: PositiveCount = Field(
        default=120, description="Passes over the training set. Paper: 120, which over-fits."
    )
    batch_size: PositiveCount = Field(default=64, description="Sentences per update. Paper: 64.")
    learning_rate: Positive = Field(default=0.01, description="Step size of Adam. Paper: 0.01.")
    max_grad_norm: Positive = Field(
        default=5.0, description="The gradient is scaled down to this norm. Paper: 5."
    )
    monitoring: Monitoring = Field(
        default=Monitoring(), description="Points of the learning curves."
    )


class GeneratorPretraining(LikelihoodTraining):
    """Training on real sentences before any adversary appears."""

    hand_over: Literal["last", "best"] = Field(
        default="last",
        description="Weights that the adversarial methods start from: of the last epoch (paper), "
        "or of the epoch with the lowest NLL on the validation set.",
    )


class DiscriminatorPretraining(DiscriminatorFit):
    """Training of the discriminator against the pretrained generator."""

    rounds: PositiveCount = Field(default=50, description="Sets of fresh negatives. Paper: 50.")


class Selection(Section):
    """When a method's training ends, and which of its weights are sampled from."""

    weights: Literal["last", "best"] = Field(
        default="last",
        description="Of the last round (paper), or of the point of the learning curve that is "
        "lowest in `by`; round 0, the pretrained generator, is one of them.",
    )
    by: Literal["nll_validation", "nll_oracle", "nll_sum"] = Field(
        default="nll_validation",
        description="NLL of validation sentences under the generator, of its samples under the "
        "oracle, or the sum of both.",
    )
    patience: PositiveCount | None = Field(
        default=None,
        description="Points of the learning curve without a lower one after which training ends; "
        "without it, it goes on to the last round.",
    )


class LikelihoodMethod(Section):
    """The pretrained generator as it is, or one with a training of its own."""

    kind: Literal["likelihood"]
    weights: Literal["last", "best"] = Field(
        default="best",
        description="Of the last epoch, or of the epoch with the lowest NLL on validation data.",
    )
    training: LikelihoodTraining | None = Field(
        default=None,
        description="How this generator is trained, from the start; without it, it is the "
        "pretrained one that all methods share.",
    )


class AdversarialMethod(Section):
    """What methods have in common that train the pretrained generator against a judge."""

    rounds: PositiveCount = Field(
        default=200, description="Rounds of the outer loop of Algorithm 1. Paper: 200."
    )
    generator_steps: PositiveCount = Field(
        default=1, description="g: generator updates in each round. Paper: 1."
    )
    batch_size: PositiveCount = Field(
        default=64, description="Sentences sampled for a generator update. Paper: 64."
    )
    learning_rate: Positive = Field(
        default=0.01, description="Step size of Adam for the generator. Paper: 0.01."
    )
    max_grad_norm: Positive = Field(
        default=5.0, description="The gradient is scaled down to this norm. Paper: 5."
    )
    teacher_forcing: TeacherForcing = Field(
        default=TeacherForcing(), description="Likelihood mixed into the rounds."
    )
    selection: Selection = Field(
        default=Selection(), description="When training ends, and which weights are kept."
    )
    monitoring: RoundMonitoring = Field(
        default=RoundMonitoring(), description="Points of the learning curves."
    )


class PolicyGradientMethod(AdversarialMethod):
    """Policy gradient from the pretrained generator: action value × reward model."""

    kind: Literal["policy_gradient"]
    action_value: ActionValueConfig = Field(description="What a token is worth.")
    reward: RewardConfig = Field(description="Who judges finished sentences.")
    repetition_penalty: RepetitionPenalty | None = Field(
        default=None,
        description="What the reward is lowered by for n-grams that repeat within a sentence. "
        "Paper: nothing.",
    )
    baseline: BaselineConfig = Field(
        default=NoBaseline(),
        description="What is subtracted from the value of a token. Paper: nothing.",
    )
    advantage: Advantage = Field(
        default=Advantage(), description="How values are scaled and cut. Paper: not at all."
    )
    entropy_bonus: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="Weight of the entropy, in nats, of the distribution that each token is drawn "
        "from, in what the generator climbs. Paper: 0.",
    )
    curriculum: Curriculum = Field(default=Curriculum(), description="What is easy comes first.")


class GumbelSoftmaxMethod(AdversarialMethod):
    """The discriminator's own gradient, through relaxed samples (Gumbel-softmax GAN)."""

    kind: Literal["gumbel_softmax"]
    reward: DiscriminatorRewardConfig = Field(
        default=DiscriminatorRewardConfig(kind="discriminator"),
        description="The discriminator and how it learns; `shape` has no part in it.",
    )
    temperature: CoolingConfig = Field(
        default=ExponentialCooling(kind="exponential"),
        description="Temperature of the relaxation, by round.",
    )
    straight_through: bool = Field(
        default=True,
        description="Whether sampled tokens are read and the gradient alone is that of the "
        "relaxation; else both networks read mixtures of tokens.",
    )


MethodConfig = Annotated[
    LikelihoodMethod | PolicyGradientMethod | GumbelSoftmaxMethod, Field(discriminator="kind")
]
