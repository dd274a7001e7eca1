"""Score the sentences of a method, and the generator that made them."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.dataset import Dataset, read_dataset, read_tokens
from seqgan.decoding import score
from seqgan.errors import UserError
from seqgan.generators import Generator
from seqgan.metrics.bleu import bleu, self_bleu
from seqgan.metrics.likelihood import js_divergence, kl_divergence, nll_per_token
from seqgan.metrics.ngrams import Sentences
from seqgan.metrics.score import Score, sign
from seqgan.provenance import describe
from seqgan.randomness import make_deterministic
from seqgan.records import readable_json, write_atomically
from seqgan.stage import Context, Stage
from seqgan.tokens import PAD, is_real

STAGE = Stage(
    "evaluate",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "samples": "folder of sample_sentences",
        "generator": "checkpoint of the generator; none for real sentences",
    },
    outputs={"scores": "JSON file with one object a score"},
    seeded=True,
)


def run(context: Context) -> None:
    """Test sentences are the references; real sentences are scored as if generated."""
    make_deterministic(context.threads)
    data = read_dataset(context.input("data"), context.device)
    samples = read_tokens(context.input("samples") / "sentences.npy").to(context.device)
    oracle = read_oracle(context.input("data"), context.device)
    generator: Generator | None = oracle
    temperature = 1.0
    if folders := context.inputs("generator"):
        generator, _ = load_generator(folders[0] / context.settings["weights"], context.device)
        temperature = context.settings["sampling"]["temperature"]
    scores = likelihoods(generator, oracle, samples, data.test, temperature)
    scores += overlaps(samples, data, context)
    for each in scores:
        if not np.isfinite(each.value):
            raise UserError(f"{each.name} is {each.value}: some sentence has probability zero")
    content = [each.as_dict() for each in scores]
    write_atomically(context.output("scores"), readable_json(content))


def likelihoods(
    generator: Generator | None,
    oracle: Generator | None,
    samples: Tensor,
    test: Tensor,
    temperature: float,
) -> list[Score]:
    """Return everything that follows from log-probabilities of samples and test sentences."""

    def of(model: Generator, tokens: Tensor, temperature: float) -> Float[np.ndarray, " sentences"]:
        return score(model, tokens, temperature).double().sum(dim=1).cpu().numpy()

    lengths = is_real(samples).sum(dim=1).cpu().numpy()
    test_lengths = is_real(test).sum(dim=1).cpu().numpy()
    drawn = {"samples": len(samples), "temperature": temperature}
    held_out = {"test": len(test), "temperature": temperature}
    per_token, per_sentence = {"unit": "nats/token"}, {"unit": "nats/sentence"}
    scores = []
    if generator is not None:
        own, on_test = of(generator, samples, temperature), of(generator, test, temperature)
        scores += [
            nll_per_token("nll_test", on_test, test_lengths, sign(**held_out, **per_token)),
            nll_per_token("entropy", own, lengths, sign(**drawn, **per_token)),
        ]
        if oracle is not None:
            by_oracle, oracle_on_test = of(oracle, samples, 1.0), of(oracle, test, 1.0)
            of_samples, of_test = sign(**drawn, **per_sentence), sign(**held_out, **per_sentence)
            both = sign(**drawn, test=len(test), **per_sentence)
            scores += [
                nll_per_token("nll_oracle", by_oracle, lengths, sign(**drawn, **per_token)),
                kl_divergence("kl_generator_oracle", own, by_oracle, of_samples),
                kl_divergence("kl_oracle_generator", oracle_on_test, on_test, of_test),
                js_divergence(own, by_oracle, on_test, oracle_on_test, both),
            ]
    return scores


def overlaps(samples: Tensor, data: Dataset, context: Context) -> list[Score]:
    """Return BLEU against the test set and Self-BLEU, on tokens without the end token."""
    end, orders = data.alphabet.end, context.settings["evaluation"]["bleu_orders"]
    references = describe(context.input("data") / "test.npy")["sha256"][:12]

    def sentences(tokens: Tensor) -> Sentences:
        return Sentences.from_tokens(tokens.cpu().numpy(), padding=PAD, end=end)

    tokenizer = "ids" if data.vocabulary is None else data.vocabulary.tokenizer.signature()
    return [
        *bleu(
            sentences(samples),
            sentences(data.test),
            orders,
            tokenizer=tokenizer,
            reference_set=references,
        ),
        *self_bleu(sentences(samples), orders, tokenizer=tokenizer),
    ]


if __name__ == "__main__":
    STAGE.main(run)
