"""Score the sentences of a method, and the generator that made them."""

from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.dataset import read_dataset, read_tokens
from seqgan.domain import Domain
from seqgan.evaluation import (
    Likelihoods,
    Overlaps,
    check_finite,
    comparable_size,
    digests,
    tokenizer_of,
)
from seqgan.generators import Generator
from seqgan.randomness import make_deterministic
from seqgan.records import readable_json, write_atomically
from seqgan.resemblance import judges
from seqgan.sentences import write_sentences
from seqgan.stage import Context, Stage

STAGE = Stage(
    "evaluate",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "encoder": "folder of encode_references; without one, sentences are not embedded",
        "samples": "folder of sample_sentences",
        "generator": "checkpoint of the generator; none for real sentences",
    },
    outputs={
        "scores": "JSON file with one object a score",
        "sentences": "folder with the scores of every sentence, as Parquet files",
    },
    seeded=True,
)


def run(context: Context) -> None:
    """Test sentences are the references; real sentences are scored as if generated."""
    make_deterministic(context.threads)
    settings = context.settings["evaluation"]
    data = read_dataset(context.input("data"), context.device)
    samples = read_tokens(context.input("samples") / "sentences.npy").to(context.device)
    oracle = read_oracle(context.input("data"), context.device)
    generator: Generator | None = oracle
    temperature = 1.0
    if folders := context.inputs("generator"):
        generator, _ = load_generator(folders[0] / context.settings["weights"], context.device)
        temperature = context.settings["sampling"]["temperature"]
    sets = digests(context.input("data"))
    scores = Likelihoods(data, oracle, sets=sets)(generator, samples, temperature)
    size = comparable_size(data, oracle, len(samples))
    scores += Overlaps(data, settings, sets)(samples[:size])
    for resemblance in judges(
        context.inputs("encoder"), data, settings["embedding"], size, context.device
    ):
        scores += resemblance(samples[:size])
        for reason in resemblance.left_out:
            context.say(f"left out: {reason}")
    domain = Domain(data, settings["validity"], tokenizer_of(data))
    scores += domain(samples)
    for reason in domain.left_out:
        context.say(f"left out: {reason}")
    check_finite(scores)
    content = [each.as_dict() for each in scores]
    write_atomically(context.output("scores"), readable_json(content))
    write_sentences(context.output("sentences"), scores)


if __name__ == "__main__":
    STAGE.main(run)
