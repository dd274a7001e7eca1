"""Sentences that follow a condition: sampled, scored, rewarded and learnt from after it alone."""

import itertools

import pytest
import torch
from torch import Tensor

import slow_twins
from conftest import make_generator
from seqgan import policy_gradient
from seqgan.action_values import MonteCarloRollout, TerminalReward
from seqgan.adversaries import DiscriminatorReward
from seqgan.assembly import build_discriminator
from seqgan.baselines import Baseline, MeanOfOthers, Zero
from seqgan.corpus.conditions import begin_with
from seqgan.corpus.dataset import Dataset, held_out_conditions
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import END, UNKNOWN, Vocabulary
from seqgan.decoding import log_prob, roll_out, sample, sample_sentences, score
from seqgan.errors import UserError
from seqgan.evaluation import Likelihoods, Overlaps, tokenizer_of
from seqgan.losses import weighted_nll
from seqgan.monitoring import DiscriminatorMonitor, GeneratorMonitor, nll
from seqgan.objectives import MaximumLikelihood
from seqgan.optimizers import adam
from seqgan.policy_gradient import PolicyGradient
from seqgan.randomness import RandomStreams
from seqgan.rewards import ConstantReward, RewardModel
from seqgan.tokens import (
    PAD,
    Alphabet,
    check_tokens,
    conditions,
    cycled,
    is_chosen,
    without_condition,
)
from seqgan.training import DiscriminatorRound, Run
from stage_worlds import DISCRIMINATOR, EVALUATION
from test_objectives import gradient

# Start 0, end 1, unknown 2, separator 3, words 4 to 6.
PROMPTS = Alphabet(7, start=0, end=1, never_emitted=(0, 2, 3), separator=3)
REAL = torch.tensor(
    [
        [4, 3, 5, 6, 1, PAD, PAD],
        [2, 5, 3, 4, 1, PAD, PAD],
        [3, 6, 6, 6, 6, 6, 6],
        [4, 4, 4, 4, 3, 5, 1],
    ]
)
GIVEN = torch.tensor(
    [
        [4, 3, PAD, PAD, PAD, PAD, PAD],
        [2, 5, 3, PAD, PAD, PAD, PAD],
        [3, PAD, PAD, PAD, PAD, PAD, PAD],
        [4, 4, 4, 4, 3, PAD, PAD],
    ]
)


@pytest.fixture
def network():
    return make_generator(PROMPTS, num_layers=2)


def test_conditions_are_what_is_not_chosen():
    check_tokens(REAL, PROMPTS)
    found = conditions(REAL, PROMPTS)
    assert found is not None
    assert torch.equal(found, GIVEN)
    assert conditions(REAL, Alphabet(7)) is None


def test_few_sentences_come_again():
    assert cycled(REAL, 2).tolist() == REAL[:2].tolist()
    assert cycled(REAL, 6).tolist() == REAL[[0, 1, 2, 3, 0, 1]].tolist()


# --- sampling and scoring -------------------------------------------------------------------------


def test_samples_begin_with_what_is_given(network, rng):
    uniforms = torch.rand(4, 7, generator=rng)
    found = sample(network, uniforms, given=GIVEN)
    check_tokens(found, PROMPTS)
    expected = [
        slow_twins.complete(network, [i for i in row.tolist() if i != PAD], some)
        for row, some in zip(GIVEN, uniforms, strict=True)
    ]
    assert found.tolist() == expected
    assert found[:2].tolist() == sample(network, uniforms[:2], given=GIVEN[:2]).tolist()
    whole = torch.tensor([[4, 4, 3, PAD, PAD, PAD, PAD]] * 4)  # no position is drawn for some rows
    assert sample(network, uniforms, given=whole)[:, :3].tolist() == whole[:, :3].tolist()


def test_a_generator_without_conditions_may_be_told_how_to_begin(rng):
    generator = make_generator(Alphabet(9, start=2, end=1, never_emitted=(0, 2)))
    given = torch.tensor([[3, 4, PAD, PAD], [5, PAD, PAD, PAD], [PAD] * 4])
    uniforms = torch.rand(3, 4, generator=rng)
    found = sample(generator, uniforms, given=given)
    assert found[0, :2].tolist() == [3, 4]
    assert found[1, 0] == 5
    assert torch.equal(found[2:], sample(generator, uniforms[2:]))


def test_conditions_must_be_given(network, rng):
    with pytest.raises(ValueError, match="follow conditions, but none were given"):
        sample_sentences(network, 2, 5, rng)


def test_many_samples_are_drawn_in_parts(network, monkeypatch):
    given = cycled(GIVEN, 50)
    once = sample_sentences(network, 50, 7, torch.Generator().manual_seed(1), given=given)
    monkeypatch.setattr("seqgan.decoding.SAMPLED_AT_ONCE", 7)
    parts = sample_sentences(network, 50, 7, torch.Generator().manual_seed(1), given=given)
    assert torch.equal(once[:7], parts[:7])
    for rows in (once, parts):
        assert torch.equal(conditions(rows, PROMPTS), given)


def test_scores_are_those_of_chosen_tokens(network):
    found = log_prob(network, REAL)
    assert (found[~is_chosen(REAL, PROMPTS)] == 0).all()
    for row, scores in zip(REAL.tolist(), found, strict=True):
        start = row.index(3) + 1
        for t in range(start, len(row)):
            if row[t] != PAD:
                logits = slow_twins.next_logits(network, row[:t])
                expected = logits.log_softmax(dim=0)[row[t]].item()
                assert scores[t].item() == pytest.approx(expected, abs=1e-12)
    assert torch.equal(score(network, REAL), found)


def test_a_loss_knows_nothing_of_conditions(network):
    every = torch.ones(REAL.shape, dtype=torch.float64)
    loss = weighted_nll(network, REAL, every)
    naive = -log_prob(network, REAL).sum()
    torch.testing.assert_close(loss, naive, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(
        gradient(loss, network), gradient(naive, network), atol=1e-12, rtol=1e-9
    )
    mean = MaximumLikelihood()(network, REAL, step=0, rng=torch.Generator()).value
    assert mean.item() == pytest.approx(naive.item() / is_chosen(REAL, PROMPTS).sum().item())
    assert nll(network, REAL) == pytest.approx(mean.item())


# --- rollouts and rewards -------------------------------------------------------------------------


class Weighing(RewardModel):
    """Values a sentence by its tokens, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def score(self, tokens: Tensor) -> Tensor:
        self.seen.append(tokens)
        weights = torch.arange(1, tokens.shape[1] + 1) ** 2
        return ((tokens.clamp(min=0) * weights).sum(dim=1) % 7 / 7).double()

    def fit(self, real, fake, rng, progress):
        self.seen += [real, fake]
        return {}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@pytest.mark.parametrize("rows", [[0, 1], [1, 3], [0, 1, 2, 3]])
def test_values_are_those_of_completions_of_chosen_prefixes(network, rows, rng):
    """The positions that are given in every row cost nothing."""
    tokens, reward = REAL[rows], Weighing()
    first = int(is_chosen(tokens, PROMPTS).int().argmax(dim=1).min())
    value = MonteCarloRollout(network, reward, num_rollouts=3, tracking_rate=0.0)
    found = value(tokens, torch.Generator().manual_seed(2))
    prefixes = 6 - first
    uniforms = torch.rand(prefixes, len(rows), 3, 7, generator=torch.Generator().manual_seed(2))
    completed = slow_twins.roll_out(network, tokens, uniforms)
    assert torch.equal(reward.seen[0], completed.flatten(0, 2))
    for i, t in itertools.product(range(len(rows)), range(7)):
        if not is_chosen(tokens, PROMPTS)[i, t]:
            expected = 0.0
        elif t == 6:
            expected = Weighing().score(tokens[i : i + 1]).item()
        else:
            expected = Weighing().score(completed[t - first, i]).mean().item()
        assert found[i, t].item() == pytest.approx(expected)
    # What a chosen prefix is completed to keeps its condition.
    for i, t in is_chosen(tokens, PROMPTS)[:, :6].nonzero().tolist():
        for row in completed[t - first, i]:
            assert row[: t + 1].tolist() == tokens[i, : t + 1].tolist()


def test_conditions_that_leave_one_token(network, rng):
    tokens = torch.tensor([[4, 4, 4, 3, 5], [5, 5, 5, 3, 1]])
    value = MonteCarloRollout(network, Weighing(), num_rollouts=2, tracking_rate=0.0)(tokens, rng)
    assert value[:, :4].tolist() == [[0.0] * 4] * 2
    assert value[:, 4].tolist() == Weighing().score(tokens).tolist()


def test_a_terminal_reward_credits_chosen_tokens(network, rng):
    found = TerminalReward(network, ConstantReward(0.5))(REAL, rng)
    assert torch.equal(found, is_chosen(REAL, PROMPTS) * 0.5)


def test_longest_prefixes_are_completed(network, rng):
    uniforms = torch.rand(3, 4, 2, 7, generator=rng)
    assert torch.equal(
        roll_out(network, REAL, uniforms), slow_twins.roll_out(network, REAL, uniforms)
    )


# --- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [Zero(), MeanOfOthers()])
def test_the_expected_gradient_is_that_of_the_expected_reward(baseline: Baseline, monkeypatch, rng):
    """Over every batch of two conditions."""
    world = Alphabet(6, start=0, end=1, never_emitted=(0, 2, 3), separator=3)
    generator = make_generator(world, hidden=3)
    given = torch.tensor([[4, 3], [2, 3]])
    free = slow_twins.all_sentences(Alphabet(6, start=0, end=1, never_emitted=(0, 2, 3)), 2)
    rows = [torch.cat([each.expand(len(free), 2), free], dim=1) for each in given]
    shares = [log_prob(generator, some).sum(dim=1).exp() for some in rows]
    assert [each.sum().item() for each in shares] == pytest.approx([1.0, 1.0])
    rewards = [Weighing().score(some) for some in rows]
    expected = gradient(
        sum((each * value).sum() for each, value in zip(shares, rewards, strict=True)), generator
    )

    class Exact(TerminalReward):
        def __call__(self, tokens, rng):
            scores = Weighing().score(tokens)
            return torch.where(is_chosen(tokens, world), scores[:, None], 0.0)

    objective = PolicyGradient(Exact(generator, Weighing()), baseline)
    found = torch.zeros_like(expected)
    seen = {}
    for one, other in itertools.product(range(len(free)), repeat=2):
        batch = torch.stack([rows[0][one], rows[1][other]])

        def take(*_, given, y=batch):
            seen["given"] = given
            return y

        monkeypatch.setattr(policy_gradient, "sample_sentences", take)
        loss = objective(generator, batch, step=0, rng=rng)
        weight = (shares[0][one] * shares[1][other]).item()
        found -= weight * gradient(loss.value, generator)
    assert conditions(batch, world) is not None
    assert torch.equal(seen["given"], conditions(batch, world))
    assert expected.norm() > 1e-3
    assert (found - expected).abs().max() < 1e-12


def test_a_policy_gradient_answers_the_conditions_of_its_batch(network):
    value = TerminalReward(network, reward := Weighing())
    loss = PolicyGradient(value)(network, REAL, step=0, rng=torch.Generator().manual_seed(1))
    (tokens,) = reward.seen
    assert torch.equal(conditions(tokens, PROMPTS), GIVEN)
    scores = Weighing().score(tokens)
    assert loss.metrics["reward"].item() == pytest.approx(scores.mean().item())
    counts = is_chosen(tokens, PROMPTS)
    per_position = (counts * scores[:, None]).sum(dim=0) / counts.sum(dim=0)
    assert per_position.isnan().any()  # what is given is worth nothing, and not zero
    assert loss.metrics["reward_per_position"].tolist() == pytest.approx(
        per_position.tolist(), nan_ok=True
    )


def test_a_discriminator_sees_the_same_conditions_on_both_sides(network):
    names = ("batches", "negatives", "discriminator")
    run = Run({}, RandomStreams(1, "x", names=names, device="cpu"))
    DiscriminatorRound(network, reward := Weighing(), REAL.int(), 3)(run)
    real, fake = reward.seen
    assert real.shape == fake.shape == (3, 7)
    assert torch.equal(conditions(real, PROMPTS), conditions(fake, PROMPTS))
    assert {tuple(row) for row in real.tolist()} <= {tuple(row) for row in REAL.tolist()}
    assert (fake != real).any()


def test_a_generator_learns_what_a_condition_asks_for(rng):
    """Where the label alone decides the sentence."""
    world = Alphabet(8, start=0, end=1, never_emitted=(0, 2, 3, 4, 5), separator=3)
    real = torch.tensor([[4, 3, 6, 6, 1], [5, 3, 7, 1, PAD]] * 16)
    generator = make_generator(world, std=0.1, hidden=8).float()
    optimizer = adam(generator.parameters(), 0.05)
    for step in range(60):
        optimizer.zero_grad()
        MaximumLikelihood()(generator, real, step=step, rng=rng).value.backward()
        optimizer.step()
    given = conditions(real, world)
    found = sample_sentences(generator, 32, 5, rng, given=given)
    assert (found == real).all(dim=1).float().mean() > 0.9


# --- measuring ------------------------------------------------------------------------------------

WORDS = Vocabulary(("a", "b", "c"), WordTokenizer(), condition="prompt")


@pytest.fixture
def data():
    rows = cycled(REAL, 40)
    return Dataset(rows, rows[:8], rows[:12], WORDS.alphabet, WORDS)


def test_monitors_answer_the_conditions_of_validation_data(network, data, monkeypatch, rng):
    asked = []

    def spy(*arguments, given=None, **options):
        asked.append(given)
        return sample_sentences(*arguments, given=given, **options)

    monkeypatch.setattr("seqgan.monitoring.sample_sentences", spy)
    metrics = GeneratorMonitor(network, data.validation, None, 10, rng)()
    assert metrics["nll_validation"] == pytest.approx(nll(network, data.validation))
    discriminator = build_discriminator(DISCRIMINATOR, PROMPTS, 7, rng)
    reward = DiscriminatorReward(discriminator, learning_rate=0.1, batch_size=4, epochs=1)
    DiscriminatorMonitor(reward, network, data.validation, 5, rng)()
    assert torch.equal(asked[0], conditions(cycled(data.validation, 10), PROMPTS))
    assert torch.equal(asked[1], conditions(data.validation[:5], PROMPTS))


def test_held_out_conditions(data):
    assert torch.equal(held_out_conditions(data, 4), conditions(data.validation[::2], PROMPTS))
    assert held_out_conditions(data, 20).shape == (20, 7)
    plain = Dataset(data.train, data.train, data.train, Alphabet(7))
    assert held_out_conditions(plain, 4) is None


def test_scores_are_those_of_sentences_without_conditions(network, data):
    scores = {each.name: each for each in Likelihoods(data, None)(network, REAL, 1.0)}
    expected = -log_prob(network, data.test).sum() / is_chosen(data.test, PROMPTS).sum()
    assert scores["nll_test"].value == pytest.approx(expected.item())
    assert "after=prompt" in scores["nll_test"].signature
    texts = [WORDS.decode(row) for row in data.test.tolist()]
    characters = sum(len(text) + 1 for text in texts)
    bits = -log_prob(network, data.test).sum() / characters / torch.log(torch.tensor(2.0))
    assert scores["bits_per_character"].value == pytest.approx(bits.item(), rel=1e-6)
    bare = without_condition(REAL, PROMPTS)
    alphabet = Alphabet(7, start=0, end=1, never_emitted=(0, 2, 3))
    vocabulary = Vocabulary(("-", "a", "b", "c"), WordTokenizer())
    plain = Dataset(*(cycled(bare, n) for n in (40, 8, 12)), alphabet, vocabulary)
    ours = Overlaps(data, EVALUATION)(cycled(REAL, 8))
    theirs = Overlaps(plain, EVALUATION)(cycled(bare, 8))
    assert len(ours) > 20
    assert [(each.name, each.value) for each in ours] == [
        (each.name, pytest.approx(each.value)) for each in theirs
    ]


def test_signatures_of_sentences_without_conditions_stay(data):
    plain = Dataset(data.train, data.train, data.train, Alphabet(7))
    assert tokenizer_of(plain) == "ids"
    assert tokenizer_of(data) == "word,lowercase=true,after=prompt"


# --- what a user types ----------------------------------------------------------------------------

LABELS = Vocabulary(("a", "b"), WordTokenizer(), condition="label", labels=("bad", "good"))
PLAIN = Vocabulary(("a", "b"), WordTokenizer())


def begun(prompt, label, vocabulary, length=6):
    found = begin_with(prompt, label, vocabulary, length)
    return None if found is None else [[i for i in row if i != PAD] for row in found.tolist()]


def test_what_sentences_begin_with():
    assert begun("A zebra", None, WORDS) == [[4, UNKNOWN, 3]]
    assert begun(None, "good", LABELS) == [[5, 3]]
    assert begun(None, None, LABELS) == [[4, 3], [5, 3]]
    assert begun("b", "bad", LABELS) == [[4, 3, 7]]
    assert begun("b a", None, PLAIN) == [[4, 3]]
    assert begun(None, None, PLAIN) is None
    assert begun(None, None, None) is None
    keep = Vocabulary(("a",), WordTokenizer(), emit_unknown=True)
    assert begun("zebra", None, keep) == [[UNKNOWN]]
    assert END not in begun("b a", None, PLAIN)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", None, None), "--prompt and --label need words, but this generator has none"),
        ((None, "x", LABELS), r"--label 'x' is not one of the generator's labels \(bad, good\)"),
        ((None, "x", PLAIN), r"labels \(none: it was trained without\)"),
        (("zebra", None, PLAIN), "--prompt has a word that the generator never saw: zebra"),
        ((None, None, WORDS), "this generator answers prompts; give one: --prompt"),
        (("a a a a a", None, WORDS), "--prompt has 5 tokens, but rows have 6 with the sentence"),
    ],
)
def test_what_cannot_be_followed(arguments, message):
    with pytest.raises(UserError, match=message):
        begun(*arguments)
