"""Strengths of systems from comparisons of two: Bradley-Terry with ties."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqgan.errors import UserError

ELO = 400 / np.log(10)
"""Points of the Elo scale in one unit of log-odds."""
RIDGE = 0.1
"""Precision of the prior that holds strengths finite: a standard deviation of 3.2 in log-odds."""
STEPS = 200


@dataclass(frozen=True)
class Strengths:
    """Fitted strengths of systems.

    Attributes:
        log_strength: Log-odds scale, mean 0: the difference of two is the log-odds that one is
            preferred, given that one is.
        covariance: Of the log-strengths, from the information matrix.
        log_tie: Log of Davidson's tie parameter; ``-inf`` where there are no ties.
        ridge: Precision of the prior that was needed, else 0.
    """

    log_strength: Float[np.ndarray, " systems"]
    covariance: Float[np.ndarray, "systems systems"]
    log_tie: float
    ridge: float

    @property
    def standard_error(self) -> Float[np.ndarray, " systems"]:
        """Standard errors of the log-strengths, which take comparisons for independent."""
        return np.sqrt(np.clip(np.diag(self.covariance), 0, None))


def components(games: Float[np.ndarray, "systems systems"], *, strong: bool) -> list[list[int]]:
    """Return the groups of systems that games join; a single group is comparable throughout.

    Args:
        games: Positive where the row's system beat (or tied with) the column's.
        strong: Whether a chain of wins must lead both ways, as a finite maximum of the likelihood
            needs (Ford, 1957), or a game in either direction is enough.
    """
    reach = (games > 0) | np.eye(len(games), dtype=bool)
    if not strong:
        reach |= reach.T
    for middle in range(len(reach)):
        reach |= reach[:, [middle]] & reach[[middle], :]
    both = reach & reach.T
    groups = {tuple(np.flatnonzero(row).tolist()) for row in both}
    return [list(group) for group in sorted(groups)]


def bradley_terry(
    wins: Float[np.ndarray, "systems systems"], ties: Float[np.ndarray, "systems systems"]
) -> Strengths:
    """Return the strengths that make the comparisons most likely.

    Davidson's (1970) model, P(i over j) : P(j over i) : P(tie) = p_i : p_j : nu sqrt(p_i p_j);
    without ties it is that of Bradley and Terry (1952). The likelihood is concave in log p and
    log nu. Where some systems never lose to the others it has no maximum (with ties, also where no
    chain of wins is a circle), and a normal prior of precision :data:`RIDGE` on the log-strengths
    is added; likewise on log nu if all games are ties.

    Raises:
        UserError: If no chain of comparisons joins all systems: nothing could be said of them.

    Args:
        wins: How often the row's system was preferred to the column's.
        ties: How often neither was; symmetric.
    """
    size = len(wins)
    first, second = np.triu_indices(size, 1)
    won, lost = wins[first, second], wins[second, first]
    tied = ties[first, second]
    played = np.zeros((size, size))
    played[first, second] = won + tied
    played[second, first] = lost + tied
    if len(components(played, strong=False)) > 1:
        raise UserError(
            "comparisons do not join all systems; collect pairs of systems of different groups"
        )
    has_ties = bool(tied.sum() > 0)
    # With ties, log nu can run away together with strengths unless wins alone form a circle.
    circle = len(components(wins, strong=True)) < size
    finite = len(components(played, strong=True)) == 1 and (circle or not has_ties)
    ridge = 0.0 if finite else RIDGE
    basis = _contrasts(size)
    # Utilities of the three outcomes are linear in (contrasts, log nu): a multinomial logit.
    one, other = basis[first], basis[second]
    zeros, ones = np.zeros((len(first), 1)), np.ones((len(first), 1))
    designs = [np.hstack([one, zeros]), np.hstack([other, zeros])]
    counts = [won, lost]
    penalty = np.full(size, ridge)
    penalty[-1] = RIDGE if has_ties and not (won + lost).sum() else 0.0
    if has_ties:
        designs.append(np.hstack([(one + other) / 2, ones]))
        counts.append(tied)
    else:
        designs = [each[:, :-1] for each in designs]
        penalty = penalty[:-1]
    x, n = np.stack(designs, axis=1), np.stack(counts, axis=1)
    parameters, information = _maximise(x, n, penalty)
    contrasts = parameters[: size - 1]
    covariance = np.linalg.inv(information)[: size - 1, : size - 1]
    return Strengths(
        basis @ contrasts,
        basis @ covariance @ basis.T,
        float(parameters[-1]) if has_ties else float("-inf"),
        ridge,
    )


def _contrasts(size: int) -> Float[np.ndarray, "systems contrasts"]:
    """Return an orthonormal basis of all strengths with mean 0."""
    centred = np.eye(size) - 1 / size
    return np.linalg.svd(centred)[0][:, : size - 1]


def _maximise(
    x: Float[np.ndarray, "pairs outcomes parameters"],
    n: Float[np.ndarray, "pairs outcomes"],
    penalty: Float[np.ndarray, " parameters"],
) -> tuple[Float[np.ndarray, " parameters"], Float[np.ndarray, "parameters parameters"]]:
    """Return the maximum of a penalised multinomial logit and its information, by Newton."""
    parameters = np.zeros(x.shape[2])
    value, gradient, information = _likelihood(parameters, x, n, penalty)
    for _ in range(STEPS):
        step = np.linalg.solve(information, gradient)
        scale = 1.0
        while True:
            found = _likelihood(parameters + scale * step, x, n, penalty)
            if found[0] >= value - 1e-12 * abs(value) or scale < 1e-10:
                break
            scale /= 2
        parameters = parameters + scale * step
        value, gradient, information = found
        if np.abs(scale * step).max() < 1e-12:
            break
    return parameters, information


def _likelihood(
    parameters: Float[np.ndarray, " parameters"],
    x: Float[np.ndarray, "pairs outcomes parameters"],
    n: Float[np.ndarray, "pairs outcomes"],
    penalty: Float[np.ndarray, " parameters"],
) -> tuple[float, Float[np.ndarray, " parameters"], Float[np.ndarray, "parameters parameters"]]:
    utility = x @ parameters
    log_p = utility - np.logaddexp.reduce(utility, axis=1, keepdims=True)
    p, games = np.exp(log_p), n.sum(axis=1)
    mean = np.einsum("go,gop->gp", p, x)
    value = float((n * log_p).sum() - (penalty * parameters**2).sum() / 2)
    gradient = np.einsum("go,gop->p", n, x) - games @ mean - penalty * parameters
    centred = x - mean[:, None]
    information = np.einsum("g,go,gop,goq->pq", games, p, centred, centred) + np.diag(penalty)
    return value, gradient, information


def bootstrap_strengths(
    wins: Float[np.ndarray, "raters systems systems"],
    ties: Float[np.ndarray, "raters systems systems"],
    rng: np.random.Generator,
    resamples: int,
) -> Float[np.ndarray, "resamples systems"]:
    """Return strengths of samples of the raters with replacement.

    A sample in which not all systems are joined gives NaN; where a system is undefeated the ridge
    of :func:`bradley_terry` holds.
    """
    raters = len(wins)
    found = np.full((resamples, wins.shape[1]), np.nan)
    known: dict[bytes, Float[np.ndarray, " systems"]] = {}
    for place, drawn in enumerate(
        rng.multinomial(raters, np.full(raters, 1 / raters), size=resamples)
    ):
        # With few raters most samples repeat an earlier one.
        name = drawn.tobytes()
        if name not in known:
            try:
                weights = drawn.astype(float)
                fitted = bradley_terry(
                    np.tensordot(weights, wins, axes=1), np.tensordot(weights, ties, axes=1)
                )
                known[name] = fitted.log_strength
            except UserError:
                continue
        found[place] = known[name]
    return found
