"""The loop that drove a run, as far as its table of requests shows it."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.model.measured import ClosedLoop, Drive, Ended, OpenLoop, RequestLog

FloatArray = npt.NDArray[np.float64]
FULL_SHARE = 0.9  # of requests that find all other users busy, in a closed loop
BLURRED = 0.1  # of answers after the request they let go, from which on times are blurred
OF_QUARTILES = 0.93  # from their distance to a normal's error of the median: 1.25 / 1.35
SURELY = 3.0  # times the error of the median
ROUNDED_S = 1e-3  # by which times may be off that tools round: an answer came before what it let go
PROMPT_GAP = 0.05  # of a median request: longer gaps are no closed loop's


def observed_loop(log: RequestLog) -> ClosedLoop | OpenLoop | None:
    """The loop that the times of sending and answering show; None where there are no times."""
    if not log.has_times or len(log) < 2:
        return None
    sent, left = log.sent_s, np.sort(_left_s(log))
    busy = np.arange(1, len(log) + 1) - np.searchsorted(left, sent + ROUNDED_S, side="right")
    users = int(busy.max())
    later = busy[users:]
    gap = gap_s(log, users)
    full = len(later) and np.mean(later >= users) >= FULL_SHARE
    if full and gap <= PROMPT_GAP * float(np.median(log.e2e_s[log.completed])):
        return ClosedLoop(users, think_s=gap)
    gaps = np.diff(sent)
    if not gaps.sum() > 0:
        return ClosedLoop(len(log))  # all at once, and none after them
    return OpenLoop(float(1 / gaps.mean()), float(gaps.std() / gaps.mean()))


def load_name(loop: ClosedLoop | OpenLoop | None) -> str:
    """A short name of a load, which tells the runs of a sweep apart.

    >>> load_name(ClosedLoop(16)), load_name(OpenLoop(2.5)), load_name(None)
    ('c16', 'rate 2.5/s', 'run')
    """
    if isinstance(loop, ClosedLoop):
        return f"c{loop.users}"
    return f"rate {loop.rate:.4g}/s" if loop else "run"


def gap_s(log: RequestLog, users: int) -> float:
    """Median seconds from an answer to the request that takes its place; 0 where none did.

    In a closed loop the k-th answer lets the k-th request after the first ones go, whoever the
    users are. Times that were rounded or blurred put some answers after the requests that they let
    go; a gap that may be theirs is none.
    """
    left = np.sort(_left_s(log))
    followers = log.sent_s[users:]
    gaps = followers - left[: len(followers)]
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        return 0.0
    low, gap, high = np.percentile(gaps, (25.0, 50.0, 75.0))
    blur_s = OF_QUARTILES * (high - low) / math.sqrt(len(gaps))
    return 0.0 if (gaps < 0).mean() > BLURRED and gap < SURELY * blur_s else float(max(gap, 0.0))


def with_gap(drive: Drive, log: RequestLog | None) -> Drive:
    """A closed loop with the gap between answer and next request that its client really left."""
    if not isinstance(drive.loop, ClosedLoop) or log is None or not log.has_times:
        return drive
    return replace(drive, loop=replace(drive.loop, think_s=gap_s(log, drive.loop.users)))


def _left_s(log: RequestLog) -> FloatArray:
    """When each request's place was free again: (n,) seconds, infinite for one that was cut."""
    left = np.where(np.isnan(log.e2e_s), log.sent_s, log.last_s)
    return np.where(log.ended == Ended.CUT, np.inf, left)
