"""A benchmark, simulated as it was run.

The engine of the simulator is driven as the measured one was: an open loop by the requests as they
came, at their times; a closed loop by users who each send their next request when the answer has
come (and the client's own gap is over), all at once at the beginning or ramped. It ends with the
last answer, or is cut off when the measured run was. What comes out has the form of what was
measured, so that one rule makes figures of both.

The requests of a closed loop are dealt to its users in the order of sending, each to the one who
would be free first if answers took as long as they have tokens: a benchmark's users share one list.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.plane.plane import DataPlane
from sim.engine.state.record import Records
from sim.engine.state.status import COMPLETED, REACHED, REJECTED, TIMED_OUT
from sim.errors import PeakfleetError
from sim.model import ragged
from sim.model.design import GpuPool
from sim.model.measured import ClosedLoop, Ended, MeasuredRun, OpenLoop, RequestLog
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.model.workload import Chains, Slo
from sim.studies.calibration.lengths import planned_lengths

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SPARE = 3  # times the requests of a run that was cut off: a faster engine answers more of them
LIMIT = 20.0  # times as long as measured, after which what is left counts as cut off
FREE = GpuPrice(0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """What drives a run: the same for every profile that is tried.

    Attributes
    ----------
    run : MeasuredRun
    arrival_s : (n,) float64
        Of requests, or of the first request of each user.
    prompt_tokens, output_tokens : (n,) int32
    chains : Chains or None
        What users send after their first request.
    end_s : float
        When the run is cut off.
    hit_rate : float
        Share of prompts found in the prefix cache.
    in_flight : float
        Mean number of requests in flight, as measured.
    """

    run: MeasuredRun
    arrival_s: FloatArray
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    chains: Chains | None
    end_s: float
    hit_rate: float
    in_flight: float

    @property
    def held(self) -> float:
        """Tokens that a request of it holds in the mean over its decode steps."""
        return float((self.prompt_tokens + self.output_tokens / 2).mean())

    @property
    def longest(self) -> int:
        """Most tokens that a request of it has, prompt and answer."""
        first = int((self.prompt_tokens + self.output_tokens).max())
        if self.chains is None or not len(self.chains.stage):
            return first
        return max(first, int((self.chains.prompt_tokens + self.chains.output_tokens).max()))


def script(run: MeasuredRun) -> Script:
    """How a run was driven.

    Raises
    ------
    PeakfleetError
        If the run does not say enough about it.
    """
    prompt, output = planned_lengths(run, _requests(run))
    end_s = _end_s(run)
    first, chains = _first_and_following(run, prompt, output, end_s)
    count = len(first)
    return Script(
        run,
        first,
        prompt[:count].astype(np.int32),
        output[:count].astype(np.int32),
        chains,
        end_s,
        _hit_rate(run),
        _in_flight(run),
    )


def replay(profile: ServiceProfile, script: Script) -> RequestLog:
    """Requests of a run as a profile predicts them, in the order of sending."""
    return replays([(profile, script)])[0]


def replays(pairs: Sequence[tuple[ServiceProfile, Script]]) -> list[RequestLog]:
    """Requests of several runs, each under a profile, in the order of sending.

    All are simulated on one clock, each on an engine of its own that nothing else touches, since to
    set up a simulation takes longer than to run a short benchmark.
    """
    pools = [
        GpuPool(str(at), fitting(profile, each), each.run.setup.replicas, "least_loaded", FREE)
        for at, (profile, each) in enumerate(pairs)
    ]
    plane = DataPlane(
        pools,
        list(range(len(pools))),
        [Slo()] * len(pools),
        record=True,
        carry=[0.0] * len(pools),
        prefix_hit_rate=[each.hit_rate for _, each in pairs],
    )
    _feed(plane, [each for _, each in pairs])
    _play(plane, np.array([each.end_s for _, each in pairs]))
    rows = plane.requests()
    order = np.argsort(rows.workload, kind="stable")
    edges = np.searchsorted(rows.workload[order], np.arange(1, len(pools)))
    columns = _columns(rows[order])
    parts = zip(*(np.split(column, edges) for column in columns), strict=True)
    return [RequestLog(*part) for part in parts]


def _feed(plane: DataPlane, scripts: Sequence[Script]) -> None:
    arrival_s = np.concatenate([each.arrival_s for each in scripts])
    sizes = [len(each.arrival_s) for each in scripts]
    order = np.argsort(arrival_s, kind="stable")
    chains = [each.chains for each in scripts]
    table = None
    if any(each is not None for each in chains):
        pairs = zip(chains, sizes, strict=True)
        whole = [_nothing_follows(size) if each is None else each for each, size in pairs]
        table = ragged.reordered(ragged.joined(whole), order)
    plane.feed(
        arrival_s[order],
        np.concatenate([each.prompt_tokens for each in scripts])[order],
        np.concatenate([each.output_tokens for each in scripts])[order],
        np.repeat(np.arange(len(scripts), dtype=np.int32), sizes)[order],
        chains=table,
    )
    plane.close_feed()


def _nothing_follows(count: int) -> Chains:
    whole, none = np.zeros(0, np.int32), np.zeros(0)
    return Chains(np.zeros(count, np.int32), whole, none, whole, whole)


def _play(plane: DataPlane, end_s: FloatArray) -> None:
    """Every engine to the end of its run, where it is taken away with what it was at."""
    for at_s in np.unique(end_s):
        while plane.advance(float(at_s)) != REACHED:
            pass
        for replica, pool in enumerate(plane.pool_of):
            if end_s[pool] == at_s:
                plane.kill(replica)


def _columns(rows: Records) -> tuple[npt.NDArray[Any], ...]:
    """The columns of a RequestLog, in its order."""
    status, sent_s = np.asarray(rows.status), np.asarray(rows.arrival_s)
    done = status == COMPLETED
    refused = (status == REJECTED) | (status == TIMED_OUT)
    ended = np.where(done, Ended.COMPLETED, np.where(refused, Ended.FAILED, Ended.CUT))
    return (
        sent_s,
        np.asarray(rows.first_token_s) - sent_s,
        np.where(done, np.asarray(rows.finish_s) - sent_s, np.nan),
        np.asarray(rows.prompt_tokens).astype(np.int64),
        np.asarray(rows.output_tokens).astype(np.int64),
        np.asarray(rows.cached_tokens).astype(np.float64),
        np.full(len(rows), np.nan),
        ended.astype(np.int64),
    )


def fitting(profile: ServiceProfile, script: Script) -> ServiceProfile:
    """The profile with the limits that the engine of this run was set to, where it says so."""
    setup, changes = script.run.setup, {}
    for name in ("kv_capacity_tokens", "max_num_seqs", "max_num_batched_tokens"):
        value = getattr(setup, name)
        if value is not None and value != getattr(profile, name):
            changes[name] = value
    profile = replace(profile, **changes) if changes else profile
    longest = min(max(profile.max_model_len, script.longest), profile.kv_capacity_tokens)
    return profile if longest == profile.max_model_len else replace(profile, max_model_len=longest)


def _requests(run: MeasuredRun) -> int:
    """How many there were."""
    count = run.drive.requests or run.completed or 0
    match run.drive.loop:
        case ClosedLoop(users=users):
            return max(count, 10 * users)  # as many as InferenceX sends
        case OpenLoop(rate=rate) if count == 0 and run.drive.duration_s and math.isfinite(rate):
            return max(1, round(rate * run.drive.duration_s))
    return max(count, 1)


def _end_s(run: MeasuredRun) -> float:
    drive = run.drive
    length = drive.duration_s if drive.duration_s is not None else drive.length_s
    if drive.ending == "cut" and length:
        return float(length)
    measured = drive.length_s or drive.duration_s
    return LIMIT * measured if measured else 1e7


def _first_and_following(
    run: MeasuredRun, prompt: IntArray, output: IntArray, end_s: float
) -> tuple[FloatArray, Chains | None]:
    """Arrivals of those who come by themselves, and what follows them."""
    sent_s = _sent_s(run)
    match run.drive.loop:
        case ClosedLoop() as loop:
            users = min(loop.users, len(prompt))
            if sent_s is not None:
                starts_s = sent_s[:users] - sent_s[0]
            else:
                starts_s = np.arange(users) * (loop.ramp_s / users)
            think_s = loop.think_s or _gap_s(run)
            is_cut = run.drive.ending == "cut"
            return starts_s, _following(prompt, output, users, think_s, SPARE if is_cut else 1)
        case OpenLoop() as loop:
            if sent_s is not None:
                return sent_s - sent_s[0], None
            return _drawn_arrivals(loop, len(prompt)), None
    if sent_s is not None:
        return sent_s - sent_s[0], None
    raise PeakfleetError(
        f"{run.source.file} ({run.name}) says neither how many users sent requests nor at which"
        " rate: give the concurrency or the rate of the run"
    )


def _sent_s(run: MeasuredRun) -> FloatArray | None:
    log = run.requests
    if log is None or not log.has_times:
        return None
    return np.asarray(log.sent_s[log.ended != Ended.FAILED])


def _gap_s(run: MeasuredRun) -> float:
    """What a user waits between an answer and the next request, as measured: often the client.

    In a closed loop the k-th answer lets the k-th request after the first ones go, so the median of
    these differences is the gap, whoever the users are.
    """
    log, loop = run.requests, run.drive.loop
    if log is None or not log.has_times or not isinstance(loop, ClosedLoop):
        return 0.0
    ends = np.sort(log.last_s[log.completed])
    later = log.sent_s[loop.users :]
    pairs = min(len(ends), len(later))
    if pairs < 5:
        return 0.0
    return max(float(np.median(later[:pairs] - ends[:pairs])), 0.0)


def _following(
    prompt: IntArray, output: IntArray, users: int, think_s: float, times: int
) -> Chains | None:
    rest = np.arange(users, len(prompt))
    if times > 1:
        rest = np.concatenate([rest, np.tile(np.arange(len(prompt)), times - 1)])
    if not len(rest):
        return None
    dealt: list[list[int]] = [[] for _ in range(users)]
    free = [(int(output[user]), user) for user in range(users)]
    heapq.heapify(free)
    for row in rest.tolist():
        at, user = free[0]
        dealt[user].append(row)
        heapq.heapreplace(free, (at + int(output[row]), user))
    count = np.array([len(rows) for rows in dealt], np.int32)
    order = np.array([row for rows in dealt for row in rows], np.int64)
    stage = np.concatenate([np.arange(1, n + 1, dtype=np.int32) for n in count])
    return Chains(
        count,
        stage,
        np.full(len(order), think_s),
        prompt[order].astype(np.int32),
        output[order].astype(np.int32),
    )


def _drawn_arrivals(loop: OpenLoop, count: int) -> FloatArray:
    """Arrivals at a rate, where the times of the run are not known."""
    if not math.isfinite(loop.rate):
        return np.zeros(count)
    cv = 1.0 if loop.gap_cv is None else loop.gap_cv
    if cv == 0:
        gaps = np.full(count, 1.0)
    else:
        rng = Streams(0, 0)("calibration/arrivals")
        gaps = rng.gamma(1 / cv**2, cv**2, count)
        gaps *= count / gaps.sum()  # the rate as offered, for a short run as well
    return np.asarray((np.cumsum(gaps) - gaps[0]) / loop.rate)


def _hit_rate(run: MeasuredRun) -> float:
    log = run.requests
    if log is not None and bool((~np.isnan(log.cached_tokens)).any()):
        known = ~np.isnan(log.cached_tokens)
        return float(
            np.clip(log.cached_tokens[known].sum() / log.input_tokens[known].sum(), 0.0, 1.0)
        )
    shared, law = run.drive.shared_prefix_tokens, run.drive.prompt_tokens
    if run.setup.prefix_caching and shared > 0 and law is not None:
        return float(min(shared / law.mean, 1.0))
    return 0.0


def _in_flight(run: MeasuredRun) -> float:
    """Requests in flight in the mean: Little's law, or the users of a closed loop."""
    match run.drive.loop:
        case ClosedLoop(users=users):
            return float(users)
        case OpenLoop(rate=rate) if math.isfinite(rate):
            e2e_s = run.statistic("e2e_s", "mean")
            return max(rate * e2e_s, 1.0) if math.isfinite(e2e_s) else 1.0
    return float(max(run.completed or 1, 1))
