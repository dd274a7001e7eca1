"""Train the discriminator to tell real sentences from those of the pretrained generator."""

import torch

from seqgan.assembly import build_discriminator, build_fit, load_generator, save_discriminator
from seqgan.corpus.dataset import read_dataset
from seqgan.monitoring import DiscriminatorMonitor
from seqgan.randomness import RandomStreams, derive_seed, make_deterministic
from seqgan.records import json_lines, write_atomically
from seqgan.resuming import carry_through
from seqgan.stage import Context, Stage
from seqgan.team import assemble
from seqgan.training import DiscriminatorRound, Run, StepMetrics, negatives_per_round

STAGE = Stage(
    "pretrain_discriminator",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "generator": "checkpoint of pretrain_generator",
    },
    outputs={
        "checkpoint": "folder with the weights and the state of the optimizer",
        "metrics": "learning curve, one JSON object a round",
    },
    seeded=True,
    in_team=True,
)


def run(context: Context) -> None:
    """Each round draws fresh negatives and trains some epochs on them."""
    settings = context.settings["discriminator_pretraining"]
    make_deterministic(context.threads, context.settings["precision"])
    team = assemble(context.device, context.processes)
    data = read_dataset(context.input("data"), context.device)
    generator, _ = load_generator(
        context.input("generator") / context.settings["hand_over"], context.device
    )
    weights = torch.Generator().manual_seed(derive_seed(context.seed, "discriminator", "weights"))
    discriminator = build_discriminator(
        context.settings["discriminator"], data.alphabet, data.length, weights
    )
    reward = build_fit(settings, discriminator.to(context.device), team)
    names = ("batches", "negatives", "discriminator", "monitoring")
    streams = RandomStreams(
        context.seed, "pretrain_discriminator", names=names, device=context.device
    )
    monitor = DiscriminatorMonitor(
        reward, generator, data.validation, len(data.validation), streams["monitoring"]
    )

    def measure(_: int) -> StepMetrics:
        return monitor()

    training = Run({"reward": reward}, streams)
    carry_through(
        context,
        training,
        DiscriminatorRound(
            generator,
            reward,
            data.positives,
            negatives_per_round(settings["num_sentences"], data.positives),
        ),
        until=settings["rounds"],
        unit="round",
        measure=measure,
        team=team,
    )
    save_discriminator(
        context.output("checkpoint"),
        reward,
        context.settings["discriminator"],
        data.alphabet,
        data.length,
    )
    write_atomically(context.output("metrics"), json_lines(training.history))


if __name__ == "__main__":
    STAGE.main(run)
