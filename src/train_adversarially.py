"""Train a method's generator against its judge: Algorithm 1 of Yu et al. (2017)."""

import copy
from collections.abc import Callable
from dataclasses import replace

from seqgan.adversaries import DiscriminatorReward
from seqgan.assembly import load_generator, read_oracle, save_generator
from seqgan.corpus.dataset import read_dataset
from seqgan.methods import (
    Surroundings,
    build_adversarial_objective,
    build_curricula,
    build_reward,
)
from seqgan.monitoring import DiscriminatorMonitor, GeneratorMonitor
from seqgan.objectives import MaximumLikelihood
from seqgan.optimizers import adam
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.records import json_lines, write_atomically
from seqgan.resuming import carry_through
from seqgan.stage import Context, Stage
from seqgan.team import assemble
from seqgan.training import (
    AdversarialRound,
    BestWeights,
    DiscriminatorRound,
    GeneratorUpdate,
    Run,
    Stateful,
    StepMetrics,
    negatives_per_round,
)

CRITERIA = {
    "nll_validation": ("nll_validation",),
    "nll_oracle": ("nll_oracle",),
    "nll_sum": ("nll_validation", "nll_oracle"),
}
"""What is lowest where the best weights are, by its name in the configuration."""

STAGE = Stage(
    "train_adversarially",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "generator": "checkpoint of pretrain_generator",
        "discriminator": "checkpoint of pretrain_discriminator, for rewards that need it",
    },
    outputs={
        "checkpoint": "folder with the weights of the last and of the best round",
        "metrics": "learning curve, one JSON object a round",
    },
    seeded=True,
    in_team=True,
)


def run(context: Context) -> None:
    """Alternate updates of the generator and fits of the reward model."""
    method, device = context.settings["method"], context.device
    make_deterministic(context.threads, context.settings["precision"])
    team = assemble(device, context.processes)
    data = read_dataset(context.input("data"), device)
    generator, model = load_generator(
        context.input("generator") / context.settings["hand_over"], device
    )
    pretrained = context.inputs("discriminator")
    around = Surroundings(data, context.seed, device, pretrained[0] if pretrained else None, team)
    reward = build_reward(method["reward"], around)
    curricula = build_curricula(method.get("curriculum", {}), data.length)
    prefix = curricula.get("prefix")
    objective = build_adversarial_objective(method, generator, reward, prefix, team)
    optimizer = adam(generator.parameters(), method["learning_rate"])
    best = BestWeights(generator)
    update = GeneratorUpdate(generator, objective, optimizer, method["max_grad_norm"], team)
    names = ("batches", "sampling", "negatives", "discriminator", "monitoring")
    # Methods of one seed begin with the same streams; they part as they draw different amounts.
    streams = RandomStreams(context.seed, "train_adversarially", names=names, device=device)
    parts: dict[str, Stateful] = {
        "generator": generator,
        "optimizer": optimizer,
        "reward": reward,
        **objective.parts(),
        "best": best,
        **{f"curriculum_{name}": each for name, each in curricula.items()},
    }
    forcing, likelihood = method["teacher_forcing"], None
    if forcing["steps"]:
        # Moments of its own: those of the policy gradient are of another size.
        parts["likelihood"] = moments = adam(generator.parameters(), forcing["learning_rate"])
        likelihood = replace(update, objective=MaximumLikelihood(), optimizer=moments)
    training = Run(parts, streams)
    monitoring = method["monitoring"]
    monitors: list[Callable[[], StepMetrics]] = [
        GeneratorMonitor(
            generator,
            data.validation,
            read_oracle(context.input("data"), device),
            monitoring["num_sentences"],
            streams["monitoring"],
            copy.deepcopy(generator),
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
    selection = method["selection"]

    def measure(step: int) -> StepMetrics:
        if step % monitoring["every"] and step != method["rounds"]:
            return {}
        metrics = {name: value for monitor in monitors for name, value in monitor().items()}
        best.offer(sum(metrics[name] for name in CRITERIA[selection["by"]]), step)  # type: ignore[misc]
        return metrics

    def enough() -> bool:
        return selection["patience"] is not None and best.waited >= selection["patience"]

    fit = method["reward"]
    carry_through(
        context,
        training,
        AdversarialRound(
            update,
            DiscriminatorRound(
                generator,
                reward,
                data.positives,
                negatives_per_round(fit.get("num_sentences"), data.positives),
                curricula.get("length"),
            ),
            generator_steps=method["generator_steps"],
            reward_steps=fit.get("steps", 0),
            batch_size=method["batch_size"],
            likelihood=likelihood,
            likelihood_steps=forcing["steps"],
            warm_up=fit.get("warm_up", 0),
        ),
        until=method["rounds"],
        unit="round",
        measure=measure,
        enough=enough,
        team=team,
    )
    for name, kept in (("last", None), ("best", best.weights)):
        save_generator(
            context.output("checkpoint") / name,
            generator,
            model["settings"],
            data.length,
            data.vocabulary,
            kept,
        )
    write_atomically(context.output("metrics"), json_lines(training.history))
    context.say(f"lowest {selection['by']} {best.score:.4f} after round {best.step}")


if __name__ == "__main__":
    STAGE.main(run)
