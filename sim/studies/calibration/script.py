"""What drives a run when it is simulated: the same for every profile that is tried.

An open loop's requests come at the times they came at. Where the client held requests back beyond
so many in flight, they are held back in the simulation too; what it had in mind to send when, had
it been answered at once, is drawn anew where the table shows only when it did send.

The users of a closed loop begin all at once or ramped, and share one list of requests in the order
of sending: who is answered first, after the client's own gap, sends the next. It goes on to the end
of the list; or, in a run that was cut off or limited by time, for that time, and a faster engine is
asked more.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.catalog.benchmarks.loops import ROUNDED_S, gap_s
from sim.errors import PeakfleetError
from sim.model.closed import LoopRules
from sim.model.measured import ClosedLoop, Ended, MeasuredRun, OpenLoop, RequestLog
from sim.model.streams import Streams
from sim.studies.calibration.lengths import planned_lengths

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]

SPARE = 3  # times the requests of a run that was limited by time, at most: of a faster engine
EACH = 10  # requests of a user where nothing says how many there were: as many as InferenceX sends
LIMIT = 20.0  # times as long as measured, after which what is left counts as cut off
PAUSE_S = 1e-3  # a user who was turned away does not ask again at the same instant


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """How a run was driven.

    Attributes
    ----------
    run : MeasuredRun
    arrival_s : (n,) float64
        Of requests; in a closed loop of the first request of each user.
    prompt_tokens, output_tokens : (m,) int32
        Of all requests in the order of sending; m = n in an open loop.
    rules : LoopRules or None
        How users go on in a closed loop.
    think_s : float
        From an answer to the user's next request.
    most_in_flight : float
        Requests beyond which the client holds others back; infinite for no limit.
    end_s : float
        When the run is cut off.
    hit_rate : float
        Share of prompts found in the prefix cache.
    in_flight : float
        Mean number of requests in flight, as measured.
    """

    run: MeasuredRun
    arrival_s: FloatArray
    prompt_tokens: Tokens
    output_tokens: Tokens
    rules: LoopRules | None
    think_s: float
    most_in_flight: float
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
        return int((self.prompt_tokens + self.output_tokens).max())

    def rest(self, number: int) -> IntArray:
        """Rows from the request on that comes so many after the users' first ones, to the last."""
        whole = len(self.prompt_tokens)
        return np.arange((len(self.arrival_s) + number) % whole, whole)


def script(run: MeasuredRun) -> Script:
    """How a run was driven.

    Raises
    ------
    PeakfleetError
        If the run does not say enough about it.
    """
    prompt, output = planned_lengths(run, _requests(run))
    end_s, arrival_s = _end_s(run), _arrivals(run, len(prompt))
    loop = run.drive.loop
    rules, think_s, most = None, 0.0, math.inf
    if isinstance(loop, ClosedLoop):
        rules = _rules(run, len(arrival_s), len(prompt), end_s)
        think_s = loop.think_s or _gap_s(run, loop.users)
    elif loop is not None and loop.most_in_flight is not None:
        most = float(loop.most_in_flight)
    return Script(
        run,
        arrival_s,
        prompt.astype(np.int32),
        output.astype(np.int32),
        rules,
        think_s,
        most,
        end_s,
        _hit_rate(run),
        _in_flight(run),
    )


def _requests(run: MeasuredRun) -> int:
    """How many there were."""
    count = run.drive.requests or run.completed or 0
    match run.drive.loop:
        case ClosedLoop(users=users):
            return max(count or EACH * users, users)
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


def _arrivals(run: MeasuredRun, count: int) -> FloatArray:
    """When those come who come by themselves: all of an open loop, the users of a closed one."""
    log, sent_s = run.requests, _sent_s(run)
    match run.drive.loop:
        case ClosedLoop() as loop:
            users = min(loop.users, count)
            if sent_s is None:
                return np.asarray(np.arange(users) * (loop.ramp_s / users))
            return np.asarray(sent_s[:users] - sent_s[0])
        case OpenLoop() as loop:
            if sent_s is None or log is None:
                return _drawn_arrivals(loop, count)
            sent_s = sent_s - sent_s[0]
            if loop.most_in_flight is None or _most(log) < loop.most_in_flight:
                return np.asarray(sent_s)
            return np.asarray(np.minimum(_drawn_arrivals(loop, count), sent_s))
    if sent_s is not None:
        return np.asarray(sent_s - sent_s[0])
    raise PeakfleetError(
        f"{run.source.file} ({run.name}) says neither how many users sent requests nor at which"
        " rate: give the concurrency or the rate of the run"
    )


def _rules(run: MeasuredRun, users: int, requests: int, end_s: float) -> LoopRules:
    """How the users of a closed loop go on after their first requests."""
    drive = run.drive
    if drive.ending == "cut":
        return LoopRules(SPARE * requests - users, end_s, PAUSE_S, in_order=True)
    if drive.duration_s is not None and (drive.requests is None or requests < drive.requests):
        return LoopRules(SPARE * requests - users, drive.duration_s, PAUSE_S, in_order=True)
    return LoopRules(requests - users, end_s, PAUSE_S, in_order=True)


def _sent_s(run: MeasuredRun) -> FloatArray | None:
    log = run.requests
    if log is None or not log.has_times:
        return None
    return np.asarray(log.sent_s[log.ended != Ended.FAILED])


def _most(log: RequestLog) -> int:
    """Most requests that were in flight at once."""
    left_s = np.sort(np.where(np.isnan(log.e2e_s), np.inf, log.last_s))
    answered = np.searchsorted(left_s, log.sent_s + ROUNDED_S, side="right")
    return int((np.arange(1, len(log) + 1) - answered).max())


def _gap_s(run: MeasuredRun, users: int) -> float:
    """What a user waits between an answer and the next request, as measured: often the client."""
    log = run.requests
    return gap_s(log, users) if log is not None and log.has_times else 0.0


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
