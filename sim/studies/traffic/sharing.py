"""What requests of a trace share: sessions, and the beginnings of their prompts."""

import math

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.tasks import MOST_CALLS
from sim.model.trace import Trace
from sim.model.workload import Prefixes
from sim.studies.traffic.answer import FollowUp
from sim.studies.traffic.lengths import length_law

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LEAST_CALLS = 1.02  # of a session on average, below which there are no following calls to speak of
GOES_ON = 0.8  # share of the following prompts that hold all before them, for them to carry it
NEAR = 0.9  # of all before it, for a prompt to hold it
MOST_KINDS = 40  # of numbers of calls


def hit_share(trace: Trace) -> float | None:
    """Share of the prompt tokens that an earlier prompt begins with, too; None without blocks.

    As a cache without a limit finds them: the leading blocks whose names have come before.
    """
    if trace.prefixes is None:
        return None
    leading = _leading(trace.prefixes)
    tokens = np.minimum(leading * trace.block_tokens, trace.prompt_tokens)
    return float(tokens.sum() / trace.prompt_tokens.sum())


def _leading(prefixes: Prefixes) -> IntArray:
    """Blocks at the head of each prompt that have come before: (n,) int64."""
    count = prefixes.count.astype(np.int64)
    row = np.repeat(np.arange(len(count)), count)
    new = np.zeros(len(prefixes.name), np.bool_)
    new[np.unique(prefixes.name, return_index=True)[1]] = True
    within = np.arange(len(row)) - ragged.starts(count)[:-1][row]
    first = count.copy()  # of each prompt, where none is new
    np.minimum.at(first, row[new], within[new])
    return first


def first_calls(trace: Trace) -> BoolArray:
    """Whether each request is the first of its session; those of none are. (n,) bool."""
    first = np.ones(len(trace.arrival_s), np.bool_)
    if trace.session is not None:
        named = np.flatnonzero(trace.session >= 0)
        first[named] = False
        first[named[np.unique(trace.session[named], return_index=True)[1]]] = True
    return first


def follow_up(trace: Trace, first: BoolArray) -> FollowUp | None:
    """The calls that follow first ones; None where there are hardly any."""
    tasks = int(first.sum())
    if trace.session is None or len(first) / tasks < LEAST_CALLS:
        return None
    order = np.argsort(trace.session, kind="stable")  # by time within a session
    session = trace.session[order]
    later = np.flatnonzero((session[1:] == session[:-1]) & (session[1:] >= 0)) + 1
    here, before = order[later], order[later - 1]
    prompt, output = trace.prompt_tokens.astype(np.int64), trace.output_tokens
    held = prompt[before] + output[before]
    carries = bool(np.mean(prompt[here] >= NEAR * held) >= GOES_ON)
    new = np.maximum(prompt[here] - held, 1) if carries else prompt[here]
    think = trace.arrival_s[here] - trace.arrival_s[before]
    calls = np.bincount(session[session >= 0])
    alone = int(np.sum(trace.session < 0))
    return FollowUp(
        calls=_calls(np.concatenate((calls, np.ones(alone, np.int64)))),
        mean_calls=len(first) / tasks,
        think_time=_times(think),
        carry=float(carries),
        prompt=length_law(new),
        output=length_law(output[here]),
    )


def _calls(calls: IntArray) -> object:
    """Calls of sessions as a table of numbers and how often they occur."""
    kinds, counts = np.unique(np.minimum(calls, MOST_CALLS), return_counts=True)
    if len(kinds) == 1:
        return int(kinds[0])
    if len(kinds) > MOST_KINDS:  # means of neighbours, so that the mean stays
        parts = np.array_split(np.sort(np.minimum(calls, MOST_CALLS)), MOST_KINDS)
        pairs = [(round(float(part.mean()), 1), len(part)) for part in parts]
        values, weights = zip(*pairs, strict=True)
        return {"empirical": {"values": list(values), "weights": list(weights)}}
    return {"empirical": {"values": kinds.tolist(), "weights": counts.tolist()}}


def _times(think_s: npt.NDArray[np.float64]) -> object:
    """Times between the requests of a session, lognormal by their median and 95th percentile."""
    middle, high = (float(np.quantile(think_s, q)) for q in (0.5, 0.95))
    if not middle > 0 or not high > middle * 1.001:
        return float(f"{max(float(think_s.mean()), 0.0):.4g}")
    sigma = math.log(high / middle) / 1.6449
    return {"lognormal": {"p50": float(f"{middle:.4g}"), "sigma": float(f"{sigma:.4g}")}}
