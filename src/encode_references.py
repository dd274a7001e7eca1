"""Choose what turns sentences into vectors: a pretrained encoder, or one of the corpus's own words.

The pretrained one is of the extra `embed` and knows English alone; what else there is to say of the
choice stands in encoder.json, in the log and in the report.
"""

from seqgan.corpus.dataset import read_dataset
from seqgan.randomness import make_deterministic
from seqgan.resemblance import write_encoder
from seqgan.stage import Context, Stage

STAGE = Stage(
    "encode_references",
    __doc__,
    inputs={"data": "folder of the dataset"},
    outputs={"encoder": "folder with encoder.json and, where it is fitted here, its weights"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """The same encoder serves all seeds and methods, so that their scores compare."""
    make_deterministic(context.threads)
    data = read_dataset(context.input("data"))
    folder = context.output("encoder")
    choice = write_encoder(folder, data, context.settings["embedding"]["encoder"])
    if choice is None:
        context.say("the training set is too small for any encoder; sentences are not embedded")
    else:
        context.say(choice.reason)


if __name__ == "__main__":
    STAGE.main(run)
