"""Lengths of a run's requests: as they were realised, else drawn from what the benchmark was told.

What a run cut off has lengths that nobody saw. Such an answer is taken for one of the completed
ones that is at least as long as what had come of it: long answers are cut more often than short
ones, and to leave them out would shorten the work.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from sim.errors import PeakfleetError
from sim.model.measured import Ended, MeasuredRun, RequestLog, Tokens
from sim.model.streams import Streams

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def planned_lengths(run: MeasuredRun, count: int) -> tuple[IntArray, IntArray]:
    """Prompt and output tokens of the requests of a run, in the order of sending.

    Parameters
    ----------
    run : MeasuredRun
    count : int
        How many are wanted where there is no table of requests.

    Returns
    -------
    prompt, output : (n,) int64, at least 1
        n is that of the table, without failed requests, else ``count``.

    Raises
    ------
    PeakfleetError
        If nothing says how long prompts or answers were.
    """
    if run.requests is not None and len(run.requests):
        return _realised(run.requests, Streams(0, 0)("calibration/cut"))
    laws = [_law(run, name) for name in ("input", "output")]
    streams = Streams(0, 0)
    drawn = [
        _drawn(law, count, streams(f"calibration/lengths/{index}"))
        for index, law in enumerate(laws)
    ]
    return drawn[0], drawn[1]


def _realised(log: RequestLog, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    there = log.ended != Ended.FAILED
    prompt, output = log.input_tokens[there], log.output_tokens[there].copy()
    is_cut = log.ended[there] == Ended.CUT
    whole = np.sort(output[~is_cut])
    for row in np.flatnonzero(is_cut):
        longer = whole[np.searchsorted(whole, output[row]) :]
        if len(longer):
            output[row] = longer[int(rng.integers(len(longer)))]
    return np.maximum(prompt, 1), np.maximum(output, 1)


def _law(run: MeasuredRun, which: str) -> Tokens:
    """What the benchmark was told, else the mean of what was seen."""
    told = run.drive.prompt_tokens if which == "input" else run.drive.output_tokens
    if told is not None:
        return told
    total = run.input_tokens if which == "input" else run.output_tokens
    if total is None or not run.completed:
        raise PeakfleetError(
            f"{run.source.file} ({run.name}) does not say how many {which} tokens its requests"
            " had: give a file with lengths, of one request each or the mean"
        )
    return Tokens("unknown", total / run.completed)


def _drawn(law: Tokens, count: int, rng: np.random.Generator) -> IntArray:
    """One value from each of ``count`` equally likely parts of the law, in a drawn order."""
    at = (np.arange(count) + 0.5) / max(count, 1)
    values = rng.permutation(_inverse(law, at))
    return np.asarray(np.maximum(np.rint(values), 1).astype(np.int64))


def _inverse(law: Tokens, at: FloatArray) -> FloatArray:
    low = 1.0 if law.low is None else law.low
    high = math.inf if law.high is None else law.high
    match law.law:
        case "uniform":
            half = law.sd * math.sqrt(3.0)
            low = law.mean - half if law.low is None else law.low
            high = law.mean + half if law.high is None else law.high
            return np.asarray(low + at * (high - low))
        case "normal" if law.sd > 0:
            values = law.mean + law.sd * special.ndtri(at)
        case "lognormal" if law.sd > 0:
            sigma = math.sqrt(math.log1p((law.sd / law.mean) ** 2))
            values = law.mean * np.exp(sigma * special.ndtri(at) - sigma**2 / 2)
        case _:
            values = np.full(len(at), law.mean)
    return np.asarray(np.clip(values, low, high))
