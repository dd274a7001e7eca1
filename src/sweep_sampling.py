"""Sample a method at many temperatures, and score each: its curve of quality and diversity.

A point says little of a method: every generator can trade one for the other by its temperature. A
method is better than another only where its curve lies outside the other's (Caccia et al., 2020).
"""

from collections.abc import Iterator
from typing import Any

from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.dataset import evenly, held_out_conditions, read_dataset
from seqgan.decoding import sample_sentences
from seqgan.evaluation import Likelihoods, Overlaps, check_finite, comparable_size, digests
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.records import readable_json, write_atomically
from seqgan.resemblance import judges
from seqgan.stage import Context, Stage
from seqgan.sweeps import UNCHANGED, setting

STAGE = Stage(
    "sweep_sampling",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "encoder": "folder of encode_references; without one, sentences are not embedded",
        "generator": "checkpoint of the generator; none for real sentences, a single point",
    },
    outputs={"points": "JSON file with settings and scores of every point"},
    seeded=True,
)


def run(context: Context) -> None:
    """Every point has as many sentences, and randomness of its own."""
    make_deterministic(context.threads)
    settings, sweep = context.settings["evaluation"], context.settings["sweep"]
    data = read_dataset(context.input("data"), context.device)
    oracle = read_oracle(context.input("data"), context.device)
    sets = digests(context.input("data"))
    size = comparable_size(data, oracle, sweep["num_sentences"])
    likelihoods = Likelihoods(data, oracle, sweep["num_sentences"], sets)
    overlaps = Overlaps(data, settings, sets)
    resemblances = judges(
        context.inputs("encoder"), data, settings["embedding"], size, context.device
    )
    streams = RandomStreams(
        context.seed, "sweep_sampling", names=("samples",), device=context.device
    )
    if folders := context.inputs("generator"):
        generator, _ = load_generator(folders[0] / context.settings["weights"], context.device)
        grid = list(points(sweep))
    else:
        generator, grid = oracle, [UNCHANGED]

    given = held_out_conditions(data, size)

    def scored() -> Iterator[tuple[int, dict[str, Any]]]:
        for i, how in enumerate(grid, 1):
            if generator is None:
                samples = evenly(data.validation, size)
            else:
                samples = sample_sentences(
                    generator, size, data.length, streams["samples"], given=given, **how
                )
            temperature = how.get("temperature") if len(how) == 1 else None
            scores = likelihoods(generator, samples, temperature) + overlaps.curve(samples)
            scores += [score for each in resemblances for score in each.curve(samples)]
            check_finite(scores, f" at {setting(how)}")
            found.append({"sampling": how, "scores": [each.as_dict() for each in scores]})
            yield i, {each.name: each.value for each in scores}

    found: list[dict[str, Any]] = []
    for _ in context.follow(scored(), total=len(grid), unit="point"):
        pass
    for reason in {reason for each in resemblances for reason in each.left_out}:
        context.say(f"left out: {reason}")
    # The same for all seeds and methods: what is measured from it must compare.
    fixed = RandomStreams(0, "sweep_sampling", names=("uniform",), device=context.device)
    corner = likelihoods.uniform(data.alphabet, fixed["uniform"])
    content = {"points": found, "corner": corner}
    write_atomically(context.output("points"), readable_json(content))


def points(sweep: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings of every point, as sampling takes them."""
    for name, option in (("temperatures", "temperature"), ("top_k", "top_k"), ("top_p", "top_p")):
        for value in sweep[name]:
            yield {option: value}


if __name__ == "__main__":
    STAGE.main(run)
