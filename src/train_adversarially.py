"""Train a method's generator by policy gradient: Algorithm 1 of Yu et al. (2017)."""

from collections.abc import Callable

from seqgan.adversaries import DiscriminatorReward
from seqgan.assembly import (
    build_policy_gradient,
    build_reward,
    load_generator,
    read_oracle,
    save_generator,
)
from seqgan.corpus.dataset import read_dataset
from seqgan.monitoring import DiscriminatorMonitor, GeneratorMonitor
from seqgan.optimizers import adam
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.records import json_lines, write_atomically
from seqgan.resuming import carry_through
from seqgan.stage import Context, Stage
from seqgan.team import assemble
from seqgan.training import (
    AdversarialRound,
    DiscriminatorRound,
    GeneratorUpdate,
    Run,
    StepMetrics,
    negatives_per_round,
)

STAGE = Stage(
    "train_adversarially",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "generator": "checkpoint of pretrain_generator",
        "discriminator": "checkpoint of pretrain_discriminator, for rewards that need it",
    },
    outputs={
        "checkpoint": "folder with the weights of the last round",
        "metrics": "learning curve, one JSON object a round",
    },
    seeded=True,
    in_team=True,
)


def run(context: Context) -> None:
    """Alternate policy-gradient updates of the generator and fits of the reward model."""
    method, device = context.settings["method"], context.device
    make_deterministic(context.threads, context.settings["precision"])
    team = assemble(device, context.processes)
    data = read_dataset(context.input("data"), device)
    generator, model = load_generator(
        context.input("generator") / context.settings["hand_over"], device
    )
    pretrained = context.inputs("discriminator")
    reward = build_reward(method["reward"], pretrained[0] if pretrained else None, device, team)
    objective, action_value = build_policy_gradient(method, generator, reward, team)
    optimizer = adam(generator.parameters(), method["learning_rate"])
    names = ("batches", "sampling", "negatives", "discriminator", "monitoring")
    # Methods of one seed begin with the same streams; they part as they draw different amounts.
    streams = RandomStreams(context.seed, "train_adversarially", names=names, device=device)
    parts = {
        "generator": generator,
        "optimizer": optimizer,
        "reward": reward,
        "action_value": action_value,
    }
    training = Run(parts, streams)
    monitoring = method["monitoring"]
    monitors: list[Callable[[], StepMetrics]] = [
        GeneratorMonitor(
            generator,
            data.validation,
            read_oracle(context.input("data"), device),
            monitoring["num_sentences"],
            streams["monitoring"],
        )
    ]
    if isinstance(reward, DiscriminatorReward):
        monitors.append(
            DiscriminatorMonitor(
                reward,
                generator,
                data.validation,
                monitoring["num_sentences"],
                streams["monitoring"],
            )
        )

    def measure(step: int) -> StepMetrics:
        if step % monitoring["every"] and step != method["rounds"]:
            return {}
        return {name: value for monitor in monitors for name, value in monitor().items()}

    fit = method["reward"]
    carry_through(
        context,
        training,
        AdversarialRound(
            GeneratorUpdate(generator, objective, optimizer, method["max_grad_norm"], team),
            action_value,
            DiscriminatorRound(
                generator,
                reward,
                data.positives,
                negatives_per_round(fit.get("num_sentences"), data.positives),
            ),
            generator_steps=method["generator_steps"],
            reward_steps=fit.get("steps", 0),
            batch_size=method["batch_size"],
        ),
        until=method["rounds"],
        unit="round",
        measure=measure,
        team=team,
    )
    save_generator(
        context.output("checkpoint") / "last",
        generator,
        model["settings"],
        data.length,
        data.vocabulary,
    )
    write_atomically(context.output("metrics"), json_lines(training.history))


if __name__ == "__main__":
    STAGE.main(run)
