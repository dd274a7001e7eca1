"""Turn a text file, one sentence a line, into training, validation and test sets of tokens."""

from seqgan.corpus.dataset import write_dataset
from seqgan.corpus.text import prepare
from seqgan.stage import Context, Stage

STAGE = Stage(
    "prepare_corpus",
    __doc__,
    inputs={"text": "UTF-8 file, one sentence a line"},
    outputs={"data": "folder of the dataset"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """Split by the hash of each sentence; count words on the training split alone."""
    dataset, facts = prepare(context.input("text"), context.settings["corpus"])
    write_dataset(context.output("data"), dataset, facts)
    sizes = ", ".join(f"{count} {split}" for split, count in facts["sentences"].items())
    left = ", ".join(f"{count} {why}" for why, count in facts["left_out"].items() if count)
    context.say(f"{sizes} sentences, {facts['vocabulary_size']} words; left out: {left or 'none'}")


if __name__ == "__main__":
    STAGE.main(run)
