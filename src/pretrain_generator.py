"""Train the generator on real sentences by maximum likelihood."""

import torch

from seqgan.assembly import build_generator, build_likelihood_objective, read_oracle, save_generator
from seqgan.corpus.dataset import read_dataset
from seqgan.monitoring import GeneratorMonitor
from seqgan.optimizers import adam
from seqgan.randomness import RandomStreams, derive_seed, make_deterministic
from seqgan.records import json_lines, write_atomically
from seqgan.resuming import carry_through
from seqgan.stage import Context, Stage
from seqgan.training import BestWeights, GeneratorUpdate, LikelihoodEpoch, Run, StepMetrics

STAGE = Stage(
    "pretrain_generator",
    __doc__,
    inputs={"data": "folder of the dataset"},
    outputs={
        "checkpoint": "folder with the weights of the last and of the best epoch",
        "metrics": "learning curve, one JSON object an epoch",
    },
    seeded=True,
)


def run(context: Context) -> None:
    """Keep the last epoch's weights, and those with the lowest NLL on validation data."""
    settings = context.settings["generator_pretraining"]
    make_deterministic(context.threads, context.settings["precision"])
    data = read_dataset(context.input("data"), context.device)
    weights = torch.Generator().manual_seed(derive_seed(context.seed, "generator", "weights"))
    generator = build_generator(context.settings["generator"], data.alphabet, data.length, weights)
    generator.to(context.device)
    optimizer = adam(generator.parameters(), settings["learning_rate"])
    names = ("batches", "sampling", "monitoring")
    streams = RandomStreams(context.seed, "pretrain_generator", names=names, device=context.device)
    best = BestWeights(generator)
    training = Run({"generator": generator, "optimizer": optimizer, "best": best}, streams)
    objective = build_likelihood_objective(settings["objective"])
    update = GeneratorUpdate(generator, objective, optimizer, settings["max_grad_norm"])
    monitoring = settings["monitoring"]
    monitor = GeneratorMonitor(
        generator,
        data.validation,
        read_oracle(context.input("data"), context.device),
        monitoring["num_sentences"],
        streams["monitoring"],
    )

    def measure(epoch: int) -> StepMetrics:
        if epoch % monitoring["every"] and epoch != settings["epochs"]:
            return {}
        metrics = monitor()
        best.offer(metrics["nll_validation"], epoch)  # type: ignore[arg-type]
        return metrics

    carry_through(
        context,
        training,
        LikelihoodEpoch(update, data.train, settings["batch_size"]),
        until=settings["epochs"],
        unit="epoch",
        measure=measure,
    )
    folder = context.output("checkpoint")
    for name, kept in (("last", None), ("best", best.weights)):
        save_generator(
            folder / name,
            generator,
            context.settings["generator"],
            data.length,
            data.vocabulary,
            kept,
        )
    write_atomically(context.output("metrics"), json_lines(training.history))
    context.say(f"lowest NLL on validation data {best.score:.4f} after epoch {best.step}")


if __name__ == "__main__":
    STAGE.main(run)
