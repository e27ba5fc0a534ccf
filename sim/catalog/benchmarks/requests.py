"""The table of a run's requests, from columns as a file has them: checked, in order, from 0."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.errors import MeasurementError
from sim.model.measured import Ended, RequestLog

FloatArray = npt.NDArray[np.float64]
MOST_TOKENS = 1e9  # of one request
NEAR_S = 1e6  # to its first request a run has begun
CLOCKS_S = 1e-3  # by which two clocks of one machine may disagree


def request_log(
    place: str,
    *,
    sent_s: FloatArray | None,
    ttft_s: FloatArray,
    e2e_s: FloatArray,
    input_tokens: FloatArray,
    output_tokens: FloatArray,
    cached_tokens: FloatArray | None = None,
    events: FloatArray | None = None,
    ended: Sequence[float] | npt.NDArray[np.int64] | None = None,
    start_s: float | None = None,
) -> RequestLog:
    """A log in the order of sending.

    Parameters
    ----------
    place : str
        The file, for messages.
    sent_s, ttft_s, e2e_s, input_tokens, output_tokens, cached_tokens, events : (n,) float64
        NaN where not known; ``sent_s`` by any clock.
    ended : (n,) int
        All completed if not given.
    start_s : float or None
        Start of the run by the clock of ``sent_s``; by default the first request.

    Raises
    ------
    MeasurementError
        For a completed request without a time, or whose times contradict each other.
    """
    n = len(ttft_s)
    unknown = np.full(n, np.nan)
    how = np.zeros(n, dtype=np.int64) if ended is None else np.asarray(ended, dtype=np.int64)
    sent = unknown if sent_s is None else sent_s
    done = how == Ended.COMPLETED
    if not done.any():
        raise MeasurementError(f"{place}: no request was completed")
    _check(place, done, ttft_s, e2e_s, input_tokens, output_tokens)
    if np.isnan(sent).any():
        sent, order = unknown, np.arange(n)
    else:
        order = np.argsort(sent, kind="stable")
        first = float(sent.min())
        zero = first if start_s is None or abs(first - start_s) > NEAR_S else start_s
        sent = sent - zero
    tokens = [np.nan_to_num(each).astype(np.int64)[order] for each in (input_tokens, output_tokens)]
    return RequestLog(
        sent_s=sent[order],
        ttft_s=ttft_s[order],
        e2e_s=np.where(done, e2e_s, np.nan)[order],
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cached_tokens=(unknown if cached_tokens is None else cached_tokens)[order],
        events=(unknown if events is None else events)[order],
        ended=how[order],
    )


def _check(
    place: str,
    done: npt.NDArray[np.bool_],
    ttft_s: FloatArray,
    e2e_s: FloatArray,
    input_tokens: FloatArray,
    output_tokens: FloatArray,
) -> None:
    with np.errstate(invalid="ignore"):
        faults = (
            (np.isnan(e2e_s), "was completed and has no latency"),
            (ttft_s < 0, "had its first token before it was sent"),
            (e2e_s < np.nan_to_num(ttft_s) - CLOCKS_S, "ended before its first token"),
            (~(input_tokens >= 0), "has no number of input tokens"),
            (~(output_tokens >= 1), "was completed and has no output tokens"),
            ((input_tokens > MOST_TOKENS) | (output_tokens > MOST_TOKENS), "has too many tokens"),
        )
    for fault, message in faults:
        at = np.flatnonzero(fault & done)
        if len(at):
            raise MeasurementError(f"{place}: request {at[0] + 1} {message}")
