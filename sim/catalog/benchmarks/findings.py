"""What about a run whoever uses it should know, seen from the run itself.

- A prefix cache answered part of the prompts: prefill is faster than without it.
- Stream events that hold several tokens: single gaps are not single steps.
- The first requests waited longer: caches and compilers, or all users at once.
- A point beyond saturation: waiting tells of the length of the run, not of the engine.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sim.model.measured import (
    BEGINNING,
    ClosedLoop,
    MeasuredRun,
    OpenLoop,
    Remark,
    RequestLog,
)

CACHED_SHARE = 0.02  # of input tokens
MERGED_SHARE = 0.01  # of output tokens that came with another one
STALL_FACTOR, STALL_S = 2.0, 0.05
LAGGING = 0.95  # of the offered rate
GROWTH_FACTOR, GROWTH_S = 2.0, 0.5
WAITING_SHARE = 0.5  # of an answer's time spent on its first token, in a closed loop
WAITING_S = 2.0
ENOUGH = 20  # requests


def speculation(tokens_per_step: float | None) -> tuple[Remark, ...]:
    """What to say where drafts were verified, of which some tokens were accepted in a step."""
    if tokens_per_step is None or tokens_per_step <= 1:
        return ()
    text = f"the engine guessed ahead: {tokens_per_step:.3g} tokens a step and sequence, so times"
    return (Remark("speculation", f"{text} per token are not times of steps"),)


def conversation(later_turns: int) -> tuple[Remark, ...]:
    """What to say where prompts continue earlier ones."""
    if not later_turns:
        return ()
    text = f"{later_turns} requests are later turns, whose prompts an engine may hold already"
    return (Remark("conversation", text),)


def with_findings(run: MeasuredRun) -> MeasuredRun:
    """The run with remarks on what was found."""
    found = tuple(_findings(run))
    return replace(run, remarks=run.remarks + found) if found else run


def _findings(run: MeasuredRun) -> Iterator[Remark]:
    log = run.requests
    if run.failed:
        of = (run.completed or 0) + run.failed
        yield Remark("failed", f"{run.failed} of {of} requests failed and are left out")
    if log is not None:
        yield from _of_log(log)
    yield from _saturation(run)


def _of_log(log: RequestLog) -> Iterator[Remark]:
    done = log.completed
    known = done & ~np.isnan(log.cached_tokens)
    cached = float(log.cached_tokens[known].sum() / max(log.input_tokens[known].sum(), 1))
    if cached > CACHED_SHARE:
        text = f"{cached:.0%} of the input tokens were in the engine's prefix cache"
        yield Remark("prefix_cache", text)
    streamed = done & ~np.isnan(log.events)
    tokens = float(log.output_tokens[streamed].sum())
    merged = 1 - float(log.events[streamed].sum()) / tokens if tokens else 0.0
    if merged > MERGED_SHARE:
        text = f"{merged:.1%} of the tokens came in a stream event together with others: gaps"
        yield Remark("merged_events", f"{text} between events are not the times of steps")
    if log.has_times and len(log) >= ENOUGH:
        early, late = _median(log, done & ~log.settled), _median(log, log.settled)
        if early > STALL_FACTOR * late and early > late + STALL_S:
            text = f"the first {BEGINNING:.0%} of the requests waited {early:.3g} s for their first"
            yield Remark("stall", f"{text} token, later ones {late:.3g} s")


def _median(log: RequestLog, which: np.ndarray) -> float:
    """Median time to the first token of some requests, NaN without any."""
    values = log.ttft_s[which]
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else np.nan


def _saturation(run: MeasuredRun) -> Iterator[Remark]:
    loop = run.drive.loop
    if isinstance(loop, OpenLoop):
        answered = run.requests_per_s
        drained = run.drive.ending == "drained"
        lags = answered is not None and not drained and answered < LAGGING * loop.rate
        if np.isfinite(loop.rate) and (lags or _grows(run.requests)):
            text = f"{loop.rate:.3g} requests/s were more than the engine could answer"
            yield Remark("saturated", f"{text}: waiting grew while the run lasted")
    elif isinstance(loop, ClosedLoop) and loop.users > 1:
        ttft, e2e = (run.statistic(name, "mean") for name in ("ttft_s", "e2e_s"))
        if ttft > WAITING_S and ttft > WAITING_SHARE * e2e:
            text = f"{ttft:.3g} s of {e2e:.3g} s went by before the first token"
            yield Remark("saturated", f"{text}: more users than the engine runs at once")


def _grows(log: RequestLog | None) -> bool:
    """Whether later requests of an open loop waited much longer than earlier ones."""
    if log is None or not log.has_times or len(log) < ENOUGH:
        return False
    index, first = np.arange(len(log)), BEGINNING * len(log)
    third = (len(log) - first) / 3
    early = _median(log, log.settled & (index < first + third))
    late = _median(log, log.settled & (index >= len(log) - third))
    return bool(late > GROWTH_FACTOR * early and late > early + GROWTH_S)
