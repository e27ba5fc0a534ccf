"""What the data cannot tell, and the run that would.

A coefficient is told by the data where its error is much smaller than that of the prior. Two
*trade* against each other where their errors go together so closely that only their sum is known.
What one more run would tell is found by simulating it: candidates are runs of one benchmark tool,
of few users and of many, with short and long prompts and answers; their figures' derivatives say by
how much each coefficient's error would shrink, before the run is made. What no candidate would show
matters to no prediction, and is not asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.coefficients import PER_KV_TOKEN, STEP_BASE
from sim.model.measured import ClosedLoop, Drive, MeasuredRun, Source, Tokens
from sim.studies.calibration.figures import FLOOR, METRICS, summary
from sim.studies.calibration.fitting import DIFFERENCE
from sim.studies.calibration.problem import Fit
from sim.studies.calibration.replay import replays
from sim.studies.calibration.script import Script, script

FloatArray = npt.NDArray[np.float64]

UNTOLD = 0.5  # of the prior's error: the data have said little
TOGETHER = 0.9  # correlation from which two coefficients trade
WIDE = 0.10  # error of each of the two, below which it does not matter
WORTH = 0.35  # share of the error that a run has to take away to be suggested
CHANGE = 0.08  # of a logarithm: what moves no candidate's figure by more does not matter
WORDS = {
    STEP_BASE: "the time of a step by its batch (a)",
    PER_KV_TOKEN: "the cost of a token in the caches (c)",
    "prefill_ms_per_request": "the cost of a prompt in itself (d0)",
    "prefill_us_per_token": "the cost of a prompt's token (d1)",
    "prefill_ns_per_token_context": "the cost of a prompt's length squared (d2)",
    "overhead_ms": "the delay before the engine",
    "output_delay_ms": "the delay after it",
    "frontend_ms_per_request": "the front end's work for a request",
    "frontend_us_per_token": "the front end's work for a token",
    "frontend_us_per_token_from_rest": "its further work for a token where it was idle",
    "frontend_us_per_prompt_token_out": "its work for a prompt's token before the first token",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A benchmark that could be run."""

    users: int
    prompt_tokens: int
    output_tokens: int

    @property
    def requests(self) -> int:
        """Enough for every user to come to rest."""
        return max(8 * self.users, 20)


@dataclass(frozen=True, slots=True)
class Untold:
    """Coefficients of which the data say little.

    Attributes
    ----------
    names : tuple of str
        One, or two that trade against each other.
    relative_sd : tuple of float
        Of their logarithms.
    correlation : float
        Of two; NaN of one.
    run : Wanted or None
        That would tell the most about them.
    remaining : float
        Share of the (first) error that is left after that run.
    """

    names: tuple[str, ...]
    relative_sd: tuple[float, ...]
    correlation: float
    run: Wanted | None
    remaining: float

    def words(self) -> str:
        """In a sentence."""
        texts = [in_words(name) for name in self.names]
        if len(self.names) == 1:
            factor = math.exp(self.relative_sd[0])
            return f"{texts[0]} is hardly told (within a factor of {factor:.2g} either way)"
        wide = " and ".join(f"{sd:.0%}" for sd in self.relative_sd)
        return (
            f"{texts[0]} and {texts[1]} trade against each other (correlation"
            f" {self.correlation:+.2f}; {wide}): their sum is known, not each"
        )


def in_words(name: str) -> str:
    """A coefficient in words.

    >>> in_words("step_base_ms@64")
    'the time of a step by its batch (a) at 64'
    """
    key, at, batch = name.partition("@")
    return f"{WORDS[key]} at {batch}" if at else WORDS[key]


def untold(fit: Fit) -> list[Untold]:
    """What the data cannot tell, each with the run that would, the widest first."""
    names = fit.problem.names
    sd = np.sqrt(np.diag(fit.covariance))
    prior = np.array([each.prior_sd for each in fit.problem.free])
    pairs = fit.covariance / np.outer(sd, sd)
    groups: list[tuple[int, ...]] = [
        (first, second)
        for first in range(len(names))
        for second in range(first)
        if abs(pairs[first, second]) > TOGETHER and min(sd[first], sd[second]) > WIDE
    ]
    in_pairs = {each for group in groups for each in group}
    groups += [
        (at,) for at in range(len(names)) if sd[at] > UNTOLD * prior[at] and at not in in_pairs
    ]
    runs = candidates(fit)
    if not groups or not runs:
        return []
    told = _told(fit, runs)
    moved = np.max([(np.abs(each) * _floors()[:, None]).max(axis=0) for each in told], axis=0) * sd
    groups = [group for group in groups if moved[list(group)].max() > CHANGE]
    after = [_after(fit, each) for each in told]
    found = []
    for group in sorted(groups, key=lambda group: -sd[group[0]]):
        left = [math.sqrt(each[group[0], group[0]]) / sd[group[0]] for each in after]
        best = int(np.argmin(left)) if left else -1
        helps = best >= 0 and left[best] < 1 - WORTH
        found.append(
            Untold(
                tuple(names[at] for at in group),
                tuple(float(sd[at]) for at in group),
                float(pairs[group[0], group[1]]) if len(group) == 2 else math.nan,
                runs[best] if helps else None,
                float(left[best]) if helps else 1.0,
            )
        )
    return found


def candidates(fit: Fit) -> list[Wanted]:
    """Runs that the engine could be measured by, and has not been."""
    profile = fit.profile
    some = min(16, profile.max_num_seqs)
    many = min(max(profile.batch), profile.max_num_seqs, 256)
    longest = min(profile.max_model_len, profile.kv_capacity_tokens)
    alone, shared = min(8192, longest // 2), min(8192, profile.kv_capacity_tokens // (2 * some))
    each = profile.kv_capacity_tokens // (2 * many)  # tokens of one of many
    wanted = [
        Wanted(1, 128, 128),
        Wanted(1, alone, 64),
        Wanted(some, shared, 256),
        Wanted(some, 512, 256),
        Wanted(many, 128, min(1024, each)),
        Wanted(many, min(1024, each), 128),
    ]
    return [
        each
        for each in wanted
        if each.prompt_tokens > 0 and each.prompt_tokens + each.output_tokens <= longest
    ]


def _told(fit: Fit, runs: Sequence[Wanted]) -> list[FloatArray]:
    """Derivatives of each run's figures, in standard deviations: (figures, coefficients)."""
    scripts = [script(_as_run(each, fit)) for each in runs]
    moves = DIFFERENCE * np.eye(len(fit.x))
    points = [fit.problem.profile(x) for x in (*(fit.x + moves), *(fit.x - moves))]
    logs = iter(replays([(point, each) for each in scripts for point in points]))
    told = []
    for _ in runs:
        rows = []
        for _ in points:
            log = next(logs)
            values = [log.values(metric)[log.completed] for metric in METRICS]
            middles = [summary(v[~np.isnan(v)], "middle") if v.size else np.nan for v in values]
            rows.append(np.log(middles))
        above, below = np.array(rows[: len(moves)]), np.array(rows[len(moves) :])
        told.append(np.nan_to_num((above - below) / (2 * DIFFERENCE) / _floors()).T)
    return told


def _floors() -> FloatArray:
    return np.array([FLOOR[metric] for metric in METRICS])


def _after(fit: Fit, told: FloatArray) -> FloatArray:
    """The covariance with one run more."""
    return np.asarray(np.linalg.inv(np.linalg.inv(fit.covariance) + told.T @ told))


def _as_run(wanted: Wanted, fit: Fit) -> MeasuredRun:
    first: Script = fit.problem.scripts[0]
    return MeasuredRun(
        f"c{wanted.users}",
        Source("", "", "candidate"),
        first.run.setup,
        Drive(
            ClosedLoop(wanted.users),
            requests=wanted.requests,
            ending="drained",
            prompt_tokens=Tokens("fixed", wanted.prompt_tokens),
            output_tokens=Tokens("fixed", wanted.output_tokens),
        ),
    )
