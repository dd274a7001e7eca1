"""Make the oracle world: a fixed LSTM, and training, validation and test sentences from it."""

from pathlib import Path

from seqgan.assembly import save_generator
from seqgan.corpus.dataset import SPLITS, Dataset, write_dataset
from seqgan.decoding import sample_sentences
from seqgan.monitoring import nll
from seqgan.oracle import load_oracle, random_oracle
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.stage import Context, Stage

STAGE = Stage(
    "sample_oracle",
    __doc__,
    inputs={"parameters": "file with the oracle's parameters (.npz, .safetensors), if not random"},
    outputs={"data": "folder of the dataset, with the oracle in data/oracle"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """Draw each set from a stream of its own, so that the size of one moves no other."""
    corpus = context.settings["corpus"]
    make_deterministic(context.threads)
    sizes = {name: corpus[name] for name in ("vocab_size", "embedding_dim", "hidden_dim")}
    if files := context.inputs("parameters"):
        oracle = load_oracle(files[0], **sizes)
    else:
        oracle = random_oracle(**sizes, std=corpus["std"], seed=corpus["seed"])
    streams = RandomStreams(corpus["seed"], "sample_oracle", names=SPLITS)
    train, validation, test = (
        sample_sentences(oracle, corpus[f"num_{split}"], corpus["length"], streams[split])
        for split in SPLITS
    )
    dataset = Dataset(train, validation, test, oracle.alphabet)
    folder: Path = context.output("data")
    entropy = nll(oracle, dataset.test)
    facts = {
        "kind": "oracle",
        "sentences": {split: corpus[f"num_{split}"] for split in SPLITS},
        "oracle_entropy": entropy,
    }
    write_dataset(folder, dataset, facts)
    settings = {
        "kind": "lstm",
        "embedding_dim": corpus["embedding_dim"],
        "hidden_dim": corpus["hidden_dim"],
        "num_layers": 1,
        "std": corpus["std"],
    }
    save_generator(folder / "oracle", oracle, settings, corpus["length"])
    context.say(f"oracle with an entropy of {entropy:.3f} nats per token")


if __name__ == "__main__":
    STAGE.main(run)
