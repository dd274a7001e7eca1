"""How generator and discriminator are trained, and the methods that are compared."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.objectives import MaximumLikelihoodConfig, ObjectiveConfig
from seqgan.config.rewards import ActionValueConfig, DiscriminatorFit, RewardConfig
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


class GeneratorPretraining(Section):
    """Training on real sentences before any adversary appears."""

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
    hand_over: Literal["last", "best"] = Field(
        default="last",
        description="Weights that the adversarial methods start from: of the last epoch (paper), "
        "or of the epoch with the lowest NLL on the validation set.",
    )
    monitoring: Monitoring = Field(
        default=Monitoring(), description="Points of the learning curves."
    )


class DiscriminatorPretraining(DiscriminatorFit):
    """Training of the discriminator against the pretrained generator."""

    rounds: PositiveCount = Field(default=50, description="Sets of fresh negatives. Paper: 50.")


class LikelihoodMethod(Section):
    """The pretrained generator as it is: the baseline."""

    kind: Literal["likelihood"]
    weights: Literal["last", "best"] = Field(
        default="best",
        description="Of the last epoch, or of the epoch with the lowest NLL on validation data.",
    )


class PolicyGradientMethod(Section):
    """Policy gradient from the pretrained generator: action value × reward model."""

    kind: Literal["policy_gradient"]
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
    action_value: ActionValueConfig = Field(description="What a token is worth.")
    reward: RewardConfig = Field(description="Who judges finished sentences.")
    baseline: Literal["none", "mean_of_others"] = Field(
        default="none",
        description="Subtracted from the value of a token: nothing (paper), or the mean value at "
        "its position in the other sentences of the batch, which lowers the variance and keeps "
        "the gradient unbiased.",
    )
    monitoring: RoundMonitoring = Field(
        default=RoundMonitoring(), description="Points of the learning curves."
    )


MethodConfig = Annotated[LikelihoodMethod | PolicyGradientMethod, Field(discriminator="kind")]
