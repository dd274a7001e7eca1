"""What there is to say of each metric."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A metric for readers.

    Attributes:
        name: Its name, the same everywhere.
        unit: Its unit, or range.
        direction: ``lower``, ``higher``, or ``real`` where closest to real sentences is best.
        meaning: One sentence.
    """

    name: str
    unit: str
    direction: str
    meaning: str

    @property
    def better(self) -> str:
        """The direction in words."""
        return {
            "lower": "lower is better",
            "higher": "higher is better",
            "real": "closest to real is best",
        }[self.direction]

    @property
    def sign(self) -> str:
        """The direction as a sign."""
        return {"lower": "↓", "higher": "↑", "real": "≈"}[self.direction]


ENTRIES = {
    "nll_oracle": Entry(
        "nll_oracle",
        "nats per token",
        "lower",
        "How unlikely the oracle finds generated sentences: quality alone. A generator that "
        "repeats one likely sentence does well, so read it only together with nll_test.",
    ),
    "nll_test": Entry(
        "nll_test",
        "nats per token",
        "lower",
        "How unlikely the generator finds held-out real sentences: coverage. What it never "
        "generates is punished here.",
    ),
    "entropy": Entry(
        "entropy",
        "nats per token",
        "real",
        "How unlikely the generator finds its own sentences: below that of real sentences it has "
        "lost diversity.",
    ),
    "kl_generator_oracle": Entry(
        "kl_generator_oracle",
        "nats per sentence",
        "lower",
        "What the generator says and the oracle would not: nll_oracle minus entropy, of whole "
        "sentences.",
    ),
    "kl_oracle_generator": Entry(
        "kl_oracle_generator",
        "nats per sentence",
        "lower",
        "What the oracle says and the generator would not: the distance that maximum likelihood "
        "minimises.",
    ),
    "js_oracle": Entry(
        "js_oracle",
        "nats per sentence",
        "lower",
        "Distance between generator and oracle that counts both kinds of mistake alike; from 0 to "
        "ln 2 = 0.693.",
    ),
    "nll_test_sentence": Entry(
        "nll_test_sentence",
        "nats per sentence",
        "lower",
        "nll_test of whole sentences.",
    ),
    "bits_per_character": Entry(
        "bits_per_character",
        "bits per character",
        "lower",
        "nll_test by characters of the text: comparable across tokenizers, unless words are "
        "unknown.",
    ),
    "unique": Entry(
        "unique",
        "0 to 1",
        "real",
        "Share of different sentences among those generated.",
    ),
    "most_frequent": Entry(
        "most_frequent",
        "0 to 1",
        "real",
        "Share that the most frequent sentence has.",
    ),
    "zipf_exponent": Entry(
        "zipf_exponent",
        "",
        "real",
        "How steeply the frequency of words falls with their rank.",
    ),
    "copy_rate": Entry(
        "copy_rate",
        "0 to 1",
        "real",
        "Share of sentences that stand in the training set as they are: learnt by heart, where it "
        "is far above real.",
    ),
    "longest_copy": Entry(
        "longest_copy",
        "0 to 1",
        "real",
        "Longest run of words that a training sentence has too, as a share of the sentence.",
    ),
    "length": Entry("length", "tokens", "real", "Mean length of sentences, without the end."),
    "length_distance": Entry(
        "length_distance",
        "0 to 1",
        "lower",
        "Largest gap between the distributions of lengths of generated and of test sentences.",
    ),
    "lm_score": Entry(
        "lm_score",
        "nats per token",
        "real",
        "How unlikely an n-gram model of training sentences finds generated ones: quality. Below "
        "real the text is too easy.",
    ),
    "reverse_lm_score": Entry(
        "reverse_lm_score",
        "nats per token",
        "lower",
        "How unlikely an n-gram model of generated sentences finds test sentences: what it was "
        "never shown is punished.",
    ),
    "frechet": Entry(
        "frechet",
        "squared length",
        "lower",
        "Distance of Gaussians fitted to embeddings of generated and of test sentences; larger for "
        "smaller sets.",
    ),
    "frechet_infinity": Entry(
        "frechet_infinity",
        "squared length",
        "lower",
        "frechet extrapolated to sets without end, where that of equal distributions is 0.",
    ),
    "kernel_distance": Entry(
        "kernel_distance",
        "",
        "lower",
        "Difference of similarities within and across generated and test sentences; 0 for equal "
        "distributions, at any size.",
    ),
    "precision": Entry(
        "precision",
        "0 to 1",
        "higher",
        "Share of generated sentences that lie among test sentences: quality.",
    ),
    "recall": Entry(
        "recall",
        "0 to 1",
        "higher",
        "Share of test sentences that lie among generated ones: diversity.",
    ),
    "density": Entry(
        "density",
        "1 for real",
        "real",
        "How many test sentences have a generated one among their neighbours; outliers move it "
        "less than precision.",
    ),
    "coverage": Entry(
        "coverage",
        "0 to 1",
        "higher",
        "Share of test sentences with a generated one among their neighbours: diversity.",
    ),
    "mauve": Entry(
        "mauve",
        "0 to 1",
        "higher",
        "Area under the divergences of both kinds between clusters of generated and of test "
        "sentences.",
    ),
    "mauve_star": Entry(
        "mauve_star", "0 to 1", "higher", "mauve of clusters with half a sentence more in each."
    ),
    "frontier_integral": Entry(
        "frontier_integral",
        "0 to 1",
        "lower",
        "The same divergences as one average; still ranks where mauve is near its floor.",
    ),
    "frontier_integral_star": Entry(
        "frontier_integral_star",
        "0 to 1",
        "lower",
        "frontier_integral of clusters with half a sentence more in each.",
    ),
    "bertscore_precision": Entry(
        "bertscore_precision",
        "−1 to 1",
        "higher",
        "Similarity of each generated sentence to the nearest test sentence, word by word.",
    ),
    "bertscore_recall": Entry(
        "bertscore_recall",
        "−1 to 1",
        "higher",
        "Similarity of each test sentence to the nearest generated sentence, word by word.",
    ),
    "python_valid": Entry(
        "python_valid",
        "0 to 1",
        "higher",
        "Share of lines that Python's own parser accepts.",
    ),
    "membership": Entry(
        "membership",
        "0 to 1",
        "higher",
        "Share of sentences that belong to the formal language.",
    ),
    "abc_valid": Entry(
        "abc_valid",
        "0 to 1",
        "higher",
        "Share of tunes in which every token is a note, a rest or a bar line.",
    ),
    "abc_bar": Entry(
        "abc_bar",
        "0 to 1",
        "higher",
        "Share of bars, or of the bar lines of the metre that fits best, that agree with the "
        "durations of the notes.",
    ),
    "abc_key": Entry(
        "abc_key",
        "0 to 1",
        "real",
        "Share of notes in the major scale that fits a tune best; above real the tunes are too "
        "plain.",
    ),
    "quatrain_form": Entry(
        "quatrain_form",
        "0 to 1",
        "higher",
        "Share of poems with four lines of five, or of seven, characters.",
    ),
    "quatrain_distinct": Entry(
        "quatrain_distinct",
        "0 to 1",
        "real",
        "Share of different characters in a poem; below real, poems repeat theirs.",
    ),
    "quatrain_rhyme": Entry(
        "quatrain_rhyme",
        "0 to 1",
        "higher",
        "Share of poems whose second and fourth line rhyme in modern Mandarin.",
    ),
    "label_agreement": Entry(
        "label_agreement",
        "0 to 1",
        "higher",
        "Share of sentences that a classifier of real sentences gives the label asked for; read it "
        "beside label_agreement_real.",
    ),
    "label_agreement_real": Entry(
        "label_agreement_real",
        "0 to 1",
        "real",
        "How often that classifier is right on held-out real sentences.",
    ),
}


PATTERNS: tuple[tuple[str, str, str, str], ...] = (
    # Pattern of the name, unit, direction, meaning; {0} is the number in the name.
    (
        r"bleu_(\d+)(?:_at_\d+)?",
        "0 to 1",
        "higher",
        (
            "Overlap of up to {0} words in a row with test sentences: quality. Copying or "
            "repeating a few good sentences raises it."
        ),
    ),
    (
        r"self_bleu_(\d+)",
        "0 to 1",
        "real",
        (
            "Overlap of up to {0} words in a row among generated sentences: above real "
            "sentences, they repeat each other."
        ),
    ),
    (
        r"reverse_bleu_(\d+)",
        "0 to 1",
        "higher",
        (
            "Overlap of up to {0} words in a row of test sentences with generated ones: how "
            "much of what real sentences say is said."
        ),
    ),
    (
        r"corpus_bleu_(\d+)",
        "0 to 100",
        "higher",
        "BLEU with matches of up to {0} words added up over all sentences, as sacrebleu has it.",
    ),
    (
        r"chrf_(\d+)",
        "0 to 100",
        "higher",
        "Overlap of characters in a row with the best of {0} test sentences, of {0} sentences.",
    ),
    (
        r"ms_jaccard_(\d+)",
        "0 to 1",
        "higher",
        (
            "What frequencies of up to {0} words in a row have in common with the test set: "
            "spoiled by what is said too often and by what is missing."
        ),
    ),
    (
        r"distinct_(\d+)",
        "0 to 1",
        "real",
        "Share of different ones among all {0} words in a row.",
    ),
    (
        r"ngram_entropy_(\d+)",
        "nats",
        "real",
        "How evenly {0} words in a row are spread; low where few make up the text.",
    ),
    (
        r"novelty_(\d+)",
        "0 to 1",
        "real",
        (
            "Share of {0} words in a row that no training sentence has; near 0 all is copied, far "
            "above real it is noise."
        ),
    ),
    (
        r"hypervolume_(\w+)",
        "",
        "higher",
        (
            "Area that the curve over temperatures dominates in the plane of {0}: quality and "
            "diversity together, whatever the temperature."
        ),
    ),
    (
        r"gain_(\w+)",
        "",
        "higher",
        (
            "How much better than the baseline's is diversity in the plane of {0}, with the "
            "temperature that gives the quality that the baseline has at temperature 1."
        ),
    ),
)
