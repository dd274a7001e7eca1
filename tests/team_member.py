"""What every process of a team does in the tests: python team_member.py FOLDER WHAT."""

import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

import torch

SRC = Path(__file__).parents[1] / "src"


def one_round(team: Any, value_kind: str) -> dict[str, Any]:
    """Return all that a round changes, in float64; batch sizes that no team divides evenly."""
    from seqgan.action_values import MonteCarloRollout, TerminalReward
    from seqgan.baselines import MeanOfOthers
    from seqgan.policy_gradient import PolicyGradient
    from seqgan.randomness import RandomStreams
    from seqgan.tokens import Alphabet
    from seqgan.training import AdversarialRound, DiscriminatorRound, GeneratorUpdate, Run
    from training_worlds import NAMES, corpus_of, discriminator_reward, lstm

    alphabet = Alphabet(9, start=2, end=1, never_emitted=(0, 2))
    generator = lstm(alphabet, 1).double()
    reward = discriminator_reward(alphabet, 1)
    reward.discriminator.double()
    reward._team = team
    if value_kind == "rollout":
        value = MonteCarloRollout(generator, reward, num_rollouts=3, tracking_rate=0.5, team=team)
    else:
        value = TerminalReward(generator, reward, team=team)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    update = AdversarialRound(
        GeneratorUpdate(generator, PolicyGradient(value, MeanOfOthers()), optimizer, 5.0, team),
        DiscriminatorRound(generator, reward, corpus_of(alphabet), 7),
        generator_steps=2,
        reward_steps=2,
        batch_size=5,
    )
    run = Run({"generator": generator, "reward": reward}, RandomStreams(3, names=NAMES))
    metrics = [update(run)]
    run.progress.clear()
    metrics.append(update(run))
    run.progress.clear()
    tokens = corpus_of(alphabet)[:5]
    return {
        "generator": generator.state_dict(),
        "discriminator": reward.discriminator.state_dict(),
        "value": value(tokens, run.streams["sampling"]),
        "metrics": metrics,
    }


def main() -> None:
    sys.path.insert(0, str(SRC))
    from seqgan.checkpoints import save_tree
    from seqgan.errors import UserError
    from seqgan.failures import guarded
    from seqgan.launching import members, patient
    from seqgan.stage import stop_gently
    from seqgan.team import assemble

    torch.set_num_threads(1)
    folder, what = Path(sys.argv[1]), sys.argv[2]

    def work() -> None:
        team = assemble("cpu", members())
        if what in ("rollout", "terminal"):
            save_tree(folder / f"{team.rank}.safetensors", one_round(team, what))
        elif what == "any":
            seen = [team.any(team.rank == 1), team.any(False), team.any(True)]
            save_tree(folder / f"{team.rank}.safetensors", {"seen": seen})
        elif what == "both fail":
            raise UserError("what is wrong for all")
        elif what == "one fails":
            if team.rank == 0:
                raise UserError("only the leader knows")
            team.any(True)
        elif what == "one is killed":
            if team.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            team.any(True)
        elif what == "one is killed at work":
            stop_gently(types.SimpleNamespace())
            if team.rank == 1:
                time.sleep(0.5)
                os.kill(os.getpid(), signal.SIGKILL)
            until = time.monotonic() + 2.5  # computes while torchrun asks it to end
            while time.monotonic() < until:
                time.sleep(0.05)
            team.any(True)
        elif what == "wait":
            (folder / str(team.rank)).write_text("ready")
            time.sleep(60)

    sys.exit(guarded(patient(work), "member"))


if __name__ == "__main__":
    main()
