"""What a log holds: rows, times, rates, lengths, sessions, and what its prompts share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import TraceError
from sim.model.trace import Trace
from sim.studies.traffic.answer import Traffic
from sim.studies.traffic.sharing import hit_share
from sim.studies.traffic.study import traffic, workload_name

FloatArray = npt.NDArray[np.float64]

HOUR_S = 3600.0
LEVELS = (50, 95, 99)
FEWEST_GAPS = 20  # for their variation to be worth a number
MOST_CELLS = 48  # of the picture of rates
CELLS_S = (1.0, 10.0, 60.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 86_400.0)


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What a log holds.

    Attributes
    ----------
    trace : Trace
    name : str
        For its workload.
    cell_s : float
        Width of the cells in which requests are counted.
    rates : (n,) float64
        Requests per second in cells from the first request on, an hour each where that fits.
    gap_cv : float
        Coefficient of variation of the gaps between requests, NaN for few.
    lengths : pandas.DataFrame
        Prompt and output tokens: mean, percentiles, most.
    turns : float
        Requests of a session, NaN without any.
    begun_before : float or None
        Share of the prompt tokens that an earlier prompt begins with, by the names of blocks.
    model : Traffic or None
        The workload that would model it.
    no_model : str
        Why there is none.
    """

    trace: Trace
    name: str
    cell_s: float
    rates: FloatArray
    gap_cv: float
    lengths: pd.DataFrame
    turns: float
    begun_before: float | None
    model: Traffic | None
    no_model: str

    def replay(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The ``workloads`` of a scenario that replays it.

        Parameters
        ----------
        given : mapping
            What was said of its columns.
        """
        replayed: dict[str, Any] = {"file": self.trace.file}
        beside = {key: given[key] for key in ("unit", "block_tokens") if key in given}
        columns = {key: value for key, value in given.items() if key not in beside}
        if {"timestamp", "prompt_tokens", "output_tokens"} <= columns.keys():
            replayed["format"] = "columns"
        replayed |= beside | ({"columns": columns} if columns else {})
        workload: dict[str, Any] = {"arrivals": {"trace": replayed}}
        share = self.cached_share
        if share is not None and self.trace.prefixes is None:
            workload["prefix_cache"] = {"hit_rate": round(share, 4)}
        return {self.name: workload}

    @property
    def cached_share(self) -> float | None:
        """Share of the prompt tokens that the log says were found in a cache."""
        origin = self.trace.origin
        return None if origin is None or np.isnan(origin.cached_share) else origin.cached_share


def contents(trace: Trace) -> Contents:
    """What a trace holds."""
    try:
        model, no_model = traffic(trace), ""
    except TraceError as error:
        model, no_model = None, str(error).removeprefix(f"{trace.file}: ")
    cell_s = _cell_s(trace.span_s)
    edges = np.arange(int(trace.span_s // cell_s) + 2) * cell_s
    counts = np.histogram(trace.arrival_s, edges)[0]
    widths = np.minimum(edges[1:], max(trace.span_s, 1e-9)) - edges[:-1]
    rates = counts / np.where(widths > cell_s / 10, widths, cell_s)
    gaps = np.diff(trace.arrival_s)
    varied = len(gaps) >= FEWEST_GAPS and gaps.mean() > 0 and trace.delay_s is None
    named = 0 if trace.session is None else int((trace.session >= 0).sum())
    return Contents(
        trace,
        workload_name(trace.file),
        cell_s,
        rates,
        float(gaps.std() / gaps.mean()) if varied else np.nan,
        pd.DataFrame(
            [_lengths("prompt", trace.prompt_tokens), _lengths("output", trace.output_tokens)]
        ),
        named / trace.sessions if trace.sessions else np.nan,
        hit_share(trace),
        model,
        no_model,
    )


def as_data(found: Contents, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain data."""
    trace, origin = found.trace, found.trace.origin
    return {
        "file": PurePath(trace.file).as_posix(),
        "format": None if origin is None else origin.format,
        "kind": None if origin is None else origin.kind,
        "rows": None if origin is None else origin.rows,
        "skipped": {} if origin is None else dict(origin.skipped),
        "remarks": [] if origin is None else list(origin.remarks),
        "requests": len(trace.arrival_s),
        "began": None if trace.began is None else trace.began.isoformat(),
        "span_s": trace.span_s,
        "cell_s": found.cell_s,
        "requests_per_s": found.rates.tolist(),
        "gap_cv": None if np.isnan(found.gap_cv) else found.gap_cv,
        "lengths": found.lengths.to_dict("records"),
        "sessions": trace.sessions,
        "turns_per_session": None if np.isnan(found.turns) else found.turns,
        "cached_share": found.cached_share,
        "begun_before_share": found.begun_before,
        "replay": {"workloads": found.replay(given)},
        "no_model": found.no_model or None,
    }


def _cell_s(span_s: float) -> float:
    """An hour where there are not too many, nor hardly any; else a finer or wider step."""
    if 4 * HOUR_S <= span_s <= MOST_CELLS * HOUR_S:
        return HOUR_S
    return next((cell for cell in CELLS_S if span_s <= MOST_CELLS * cell), span_s / MOST_CELLS)


def _lengths(what: str, tokens: npt.NDArray[np.integer]) -> dict[str, Any]:
    at = {f"p{level}": float(np.percentile(tokens, level)) for level in LEVELS}
    return {"what": what, "mean": float(tokens.mean()), **at, "max": int(tokens.max())}
