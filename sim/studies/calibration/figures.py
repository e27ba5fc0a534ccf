"""Figures of a run: what a benchmark and its simulation are compared by.

Where there is a table of requests, figures are of its *settled* requests, the first ones left out,
by one rule on both sides. A law is fitted to the middle of a metric (the mean of its middle half:
as robust as a median, but smooth in the law's coefficients), and to the 90th percentile where it
says more, in open loops. Where a file has only statistics they are compared with the same of all
requests, the beginning included, as the tool took them.

A run is *saturated* where requests wait for a place rather than for their answer: their time to the
first token is more than a quarter of the whole, or an open loop was not answered in time.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model.measured import BEGINNING, ClosedLoop, MeasuredRun, OpenLoop, RequestLog

FloatArray = npt.NDArray[np.float64]

Which = float | Literal["mean", "middle"]
METRICS = ("ttft_s", "tpot_s", "e2e_s")
THROUGHPUT = "output_tokens_per_s"
FEWEST = 4  # requests of which a figure is made
# What a law is not asked to explain, as a standard deviation of the logarithm. Two repeats of one
# run on the H200 differed by 18 to 20 % in TTFT, 2 to 7 % in TPOT, 2 to 4 % in E2E.
FLOOR = {"ttft_s": 0.10, "tpot_s": 0.02, "e2e_s": 0.025, THROUGHPUT: 0.02}
WAITING = 0.25  # share of an answer's time before its first token, from which on it is waiting
BEHIND = 0.9  # of the requests asked for, below which an open loop is not answered in time
CORRELATED = 1.5  # requests of a run share their steps: an error is wider than of independent ones


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure.

    Attributes
    ----------
    run : str
    metric : str
        ``ttft_s``, ``tpot_s``, ``e2e_s`` or ``output_tokens_per_s``.
    which : float, "mean" or "middle"
        A percentile, or one of these.
    value : float
    sd : float
        Standard deviation of its logarithm.
    settled : bool
        Of settled requests, or of all.
    chance : float
        The part of ``sd`` that is chance over few requests.
    seen_sd : float
        What a fit has shown ``sd`` to be; 0 before one.
    """

    run: str
    metric: str
    which: Which
    value: float
    sd: float
    settled: bool
    chance: float = 0.0
    seen_sd: float = 0.0

    @property
    def scale(self) -> float:
        """The standard deviation that a residual is measured by."""
        return self.seen_sd or self.sd

    @property
    def floor(self) -> float:
        """The part of ``sd`` that more requests would not take away."""
        return math.sqrt(max(self.sd**2 - self.chance**2, 0.0))

    @property
    def name(self) -> str:
        """Metric and statistic in words."""
        if self.metric == THROUGHPUT:
            return "throughput"
        which = f"p{self.which:g}" if isinstance(self.which, float) else str(self.which)
        return f"{self.metric.removesuffix('_s').upper()} {which}"


def values_of(figures: Sequence[Figure], log: RequestLog) -> list[float]:
    """The same figures of a simulated run; NaN where too few requests were completed."""
    seen: dict[tuple[str, bool], FloatArray] = {}
    which = {settled: chosen(log, settled) for settled in {each.settled for each in figures}}
    found = []
    for each in figures:
        if each.metric == THROUGHPUT:
            found.append(throughput(log, each.settled))
            continue
        key = each.metric, each.settled
        if key not in seen:
            seen[key] = _known(log.values(each.metric)[which[each.settled]])
        found.append(summary(seen[key], each.which) if len(seen[key]) else math.nan)
    return found


def chosen(log: RequestLog, settled: bool) -> npt.NDArray[np.bool_]:
    """(n,) bool: completed requests, or settled ones."""
    return settled_requests(log) if settled else log.completed


def _known(values: FloatArray) -> FloatArray:
    return np.asarray(values[~np.isnan(values)])


def settled_requests(log: RequestLog) -> npt.NDArray[np.bool_]:
    """Completed, and not of the beginning: a burst of users, and steps that compile, are there.

    Returns
    -------
    (n,) bool
    """
    if not log.has_times:
        return log.settled
    done = log.completed
    if not done.any():
        return done
    return np.asarray(done & (log.sent_s >= BEGINNING * float(np.nanmax(log.last_s[done]))))


def metric_values(log: RequestLog, metric: str, settled: bool) -> FloatArray:
    """(n,) float64: of completed requests, or of settled ones, those that have any."""
    return _known(log.values(metric)[chosen(log, settled)])


def summary(values: FloatArray, which: Which) -> float:
    """A statistic of values."""
    if which == "mean":
        return float(values.mean())
    if which == "middle":
        ordered = np.sort(values)
        cut = len(ordered) // 4
        return float(ordered[cut : len(ordered) - cut].mean())
    return float(np.percentile(values, float(which)))


def throughput(log: RequestLog, settled: bool) -> float:
    """Output tokens per second; of settled requests while they were coming and going."""
    done = log.completed
    if not done.any():
        return math.nan
    last_s = log.last_s[done]
    begin_s, end_s = float(log.sent_s.min()), float(last_s.max())
    if settled:  # from one quantile of the endings to another: neither the burst nor the tail
        begin_s, end_s = (float(each) for each in np.percentile(last_s, (15.0, 95.0)))
        counted = (log.last_s > begin_s) & (log.last_s <= end_s) & done
        return float(log.output_tokens[counted].sum() / (end_s - begin_s)) if end_s > begin_s else (
            math.nan
        )  # fmt: skip
    return float(log.output_tokens[done].sum() / (end_s - begin_s))


def fitted_figures(run: MeasuredRun) -> list[Figure]:
    """What a law is fitted to."""
    log = run.requests
    if log is not None and log.completed.sum() >= FEWEST:
        return _of_requests(run, log)
    return _of_statistics(run)


def _of_requests(run: MeasuredRun, log: RequestLog) -> list[Figure]:
    settled = bool(settled_requests(log).sum() >= FEWEST)
    whichs: tuple[Which, ...] = ("middle",)
    if not isinstance(run.drive.loop, ClosedLoop):
        whichs = ("middle", 90.0)
    found = []
    for metric in METRICS:
        values = metric_values(log, metric, settled)
        values = values[values > 0]
        if len(values) < FEWEST:
            continue
        error = CORRELATED * float(np.log(values).std()) / math.sqrt(len(values))
        for which in whichs:
            wider = 2.0 if which == 90.0 else 1.0
            value = summary(values, which)
            sd = math.hypot(FLOOR[metric] * wider, error * wider)
            found.append(Figure(run.name, metric, which, value, sd, settled, error * wider))
    if log.has_times and (value := throughput(log, settled)) > 0:
        sd = math.hypot(FLOOR[THROUGHPUT], 1.0 / math.sqrt(int(log.completed.sum())))
        found.append(Figure(run.name, THROUGHPUT, "mean", value, sd, settled))
    return found


def _of_statistics(run: MeasuredRun) -> list[Figure]:
    found = []
    for metric in METRICS:
        whichs: tuple[Literal["mean"], float] = ("mean", 50.0)
        for which in whichs:
            value = run.statistic(metric, which)
            if math.isfinite(value) and value > 0:
                found.append(Figure(run.name, metric, which, value, FLOOR[metric], False))
                break
    if run.output_tokens_per_s:
        value = run.output_tokens_per_s
        found.append(Figure(run.name, THROUGHPUT, "mean", value, FLOOR[THROUGHPUT], False))
    return found


def is_saturated(run: MeasuredRun) -> bool:
    """Whether requests waited for a place rather than for their answer."""
    ttft_s, e2e_s = (_typical(run, metric) for metric in ("ttft_s", "e2e_s"))
    if math.isnan(e2e_s):
        output = run.drive.output_tokens
        tokens = output.mean if output is not None else math.nan
        e2e_s = ttft_s + _typical(run, "tpot_s") * tokens
    if ttft_s > WAITING * e2e_s:  # NaN compares false
        return True
    loop = run.drive.loop
    if isinstance(loop, OpenLoop) and run.requests is not None and run.requests.has_times:
        asked, done = len(run.requests), int(run.requests.completed.sum())
        return done < BEHIND * asked and run.drive.ending == "drained"
    return False


def _typical(run: MeasuredRun, metric: str) -> float:
    middle = run.statistic(metric, 50.0)
    return middle if math.isfinite(middle) else run.statistic(metric, "mean")


def driven_alike(runs: Sequence[MeasuredRun]) -> list[list[MeasuredRun]]:
    """Runs that repeat each other, two and more: of the same loop, and lengths of one mean."""
    alike: dict[tuple[object, ...], list[MeasuredRun]] = defaultdict(list)
    for run in runs:
        if run.requests is not None and run.requests.completed.sum() >= FEWEST:
            alike[_way(run, run.requests)].append(run)
    return [group for group in alike.values() if len(group) > 1]


def repeats(runs: Sequence[MeasuredRun]) -> dict[tuple[str, str], float]:
    """What runs are from the median of their repeats, in the mean, by run and metric."""
    found: dict[tuple[str, str], float] = {}
    for group in driven_alike(runs):
        for metric in METRICS:
            values = np.array([_middle(run, metric) for run in group])
            off = float(np.abs(values / np.median(values) - 1.0).mean())
            found |= {(run.name, metric): off for run in group}
    return found


def _middle(run: MeasuredRun, metric: str) -> float:
    assert run.requests is not None
    settled = bool(settled_requests(run.requests).sum() >= FEWEST)
    return summary(metric_values(run.requests, metric, settled), 50.0)


def _way(run: MeasuredRun, log: RequestLog) -> tuple[object, ...]:
    means = (log.input_tokens[log.completed].mean(), log.output_tokens[log.completed].mean())
    lengths = tuple(round(math.log(max(float(mean), 1.0)) / 0.2) for mean in means)
    loop = run.drive.loop
    if isinstance(loop, ClosedLoop):
        return ("closed", loop.users, *lengths)
    return ("open", None if loop is None else round(loop.rate, 2), *lengths)
