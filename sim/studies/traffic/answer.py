"""What a trace says about its traffic, in the terms of a scenario's workload."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.model.arrivals import Dispersion
from sim.model.arrivals.shape import DayShape

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """How requests (or tasks) arrive.

    Attributes
    ----------
    per_s : float
        Mean rate, of a growing one at the beginning.
    shape : DayShape
        Flat where the trace is shorter than a day.
    growth : tuple of float or None
        5th and 95th percentile of the factor a year; None where none can be told from chance.
    dispersion : Dispersion or None
        Slow swings beyond the shape; None where there are none to be seen.
    gap_cv : float
        Coefficient of variation of the gaps, once the rate's own changes are taken out.
    clock_s : float
        To which times are rounded; 0 where they are not.
    """

    per_s: float
    shape: DayShape
    growth: tuple[float, float] | None
    dispersion: Dispersion | None
    gap_cv: float
    clock_s: float


@dataclass(frozen=True, slots=True)
class LengthLaw:
    """A distribution of numbers of tokens.

    Attributes
    ----------
    kind : {"fixed", "lognormal", "empirical"}
    written : float or dict
        As a scenario has it.
    ppf : callable
        (n,) probabilities to (n,) tokens.
    distance : float
        Largest distance between its distribution function and that of the data.
    """

    kind: str
    written: object
    ppf: Callable[[FloatArray], FloatArray]
    distance: float


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Calls that follow a first one in its session.

    Attributes
    ----------
    calls : dict
        Distribution of the calls of a session, as a scenario has it.
    mean_calls : float
    think_time : dict or float
        From one request of a session to the next, in seconds, as a scenario has it.
    carry : float
        Share of all before it that a prompt begins with: 1 or 0.
    prompt, output : LengthLaw
        Of a following call; of its prompt what is new.
    """

    calls: object
    mean_calls: float
    think_time: object
    carry: float
    prompt: LengthLaw
    output: LengthLaw


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """The traffic of a trace.

    Attributes
    ----------
    name, file : str
    requests : int
    span_s : float
    rate : Rate
        Of sessions where there are following calls, else of requests.
    prompt, output : LengthLaw
        Of the first call of a session, or of all requests.
    correlation : float
        Rank correlation of prompt and output; 0 where none can be told from chance.
    follow_up : FollowUp or None
    hit_rate : float or None
        Share of the prompt tokens that earlier prompts of the trace begin with, too.
    remarks : tuple of str
        What the trace cannot tell, and what is assumed.
    windows : pandas.DataFrame
        Counts over time and what the model expects: time_s, count, expected, low, high.
    quantiles : pandas.DataFrame
        Lengths of the data and of the model by percentile: what, percentile, data, model.
    dispersions : pandas.DataFrame
        Index of dispersion of counts by width of the window: window_s, data, model.
    """

    name: str
    file: str
    requests: int
    span_s: float
    rate: Rate
    prompt: LengthLaw
    output: LengthLaw
    correlation: float
    follow_up: FollowUp | None
    hit_rate: float | None
    remarks: tuple[str, ...]
    windows: pd.DataFrame
    quantiles: pd.DataFrame
    dispersions: pd.DataFrame

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {
            "traffic_windows": self.windows,
            "traffic_quantiles": self.quantiles,
            "traffic_dispersions": self.dispersions,
        }
