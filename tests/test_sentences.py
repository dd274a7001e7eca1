import numpy as np
import pytest

from seqgan.errors import UserError
from seqgan.metrics.likelihood import nll_per_token
from seqgan.metrics.score import Score, mean_score
from seqgan.sentences import read_parts, write_sentences

LENGTHS = np.array([3, 1, 2])
LOG_PROB = np.array([-1 / 3, -2.5, -np.pi])
SCORES = [
    mean_score("bleu_4", np.array([0.1, 0.2, 0.7]), "", of="samples"),
    nll_per_token("nll_test", LOG_PROB, LENGTHS, "", "test"),
    mean_score("lm", np.array([1.0, 2.0]), "", of="samples"),
    Score("self_bleu_4", 0.5, ""),
]
FEWER = [
    nll_per_token("lm_score", LOG_PROB[:2], LENGTHS[:2], ""),
    nll_per_token("nll_oracle", LOG_PROB, LENGTHS, ""),
    nll_per_token("other", LOG_PROB, LENGTHS + 1, ""),
]


def per(scores: list[Score]) -> dict[str, tuple[str, str]]:
    plain = [each.as_dict() for each in scores]
    return {each["name"]: (each["of"], each["per"]) for each in plain if each["of"]}


def test_scores_of_sentences_come_back_to_the_last_bit(tmp_path):
    write_sentences(tmp_path, SCORES)
    found = read_parts(tmp_path, per(SCORES))
    assert set(found) == {"bleu_4", "nll_test", "lm"}
    for score in SCORES[:3]:
        parts = found[score.name]
        weights = np.ones(len(parts.values)) if parts.weights is None else parts.weights
        assert parts.values.sum() / weights.sum() == score.value
    assert found["nll_test"].weights.tolist() == LENGTHS.tolist()
    assert (found["nll_test"].of, found["lm"].of) == ("test", "samples")
    assert found["lm"].values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("order", [FEWER, FEWER[::-1], [FEWER[1], FEWER[0], FEWER[2]]])
def test_scores_of_fewer_sentences_or_of_other_tokens_keep_their_own(tmp_path, order):
    write_sentences(tmp_path, order)
    found = read_parts(tmp_path, per(order))
    assert found.keys() == {"lm_score", "nll_oracle", "other"}
    for score in order:
        assert score.parts is not None
        assert found[score.name].values.tolist() == score.parts.values.tolist()
        assert found[score.name].weights.tolist() == score.parts.weights.tolist()


def test_equal_scores_give_equal_files(tmp_path):
    for name in ("one", "other"):
        write_sentences(tmp_path / name, SCORES)
    for file in ("samples.parquet", "test.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_sets_without_scores_have_a_file_all_the_same(tmp_path):
    write_sentences(tmp_path, SCORES[:1])
    assert set(read_parts(tmp_path, per(SCORES[:1]))) == {"bleu_4"}


@pytest.mark.parametrize("content", [None, b"", b"PAR1 nonsense PAR1"])
def test_a_damaged_file_is_named_in_one_line(tmp_path, content):
    write_sentences(tmp_path, SCORES)
    path = tmp_path / "samples.parquet"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"samples\.parquet cannot be read .*run snakemake") as info:
        read_parts(tmp_path, per(SCORES))
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("written", [SCORES[:1], [], SCORES[2:]])
def test_a_file_that_lacks_a_score_is_refused(tmp_path, written):
    write_sentences(tmp_path, written)
    with pytest.raises(UserError, match=r"parquet cannot be read \(it has no \w+\); run snakemake"):
        read_parts(tmp_path, per(SCORES))
