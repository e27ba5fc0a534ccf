"""Measured runs: how a benchmark drove an engine, and what was seen.

Whatever tool wrote the file, one run of one load becomes one :class:`MeasuredRun`, in seconds and
tokens. It says how the run was driven, since a benchmark is compared with a simulation of itself:
the loop, the lengths, how it began and how it ended. What was seen is a table of requests where
the file has one, else statistics by name, and the engine's own steps where they were logged.

Statistics have the names of a run's metrics: ``ttft_s``, ``tpot_s`` (without the first token),
``itl_s`` (of single gaps, so weighted by tokens), ``ntpot_s`` (end to end over all tokens) and
``e2e_s``; all of completed requests. A value that a file does not hold is NaN or None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model.request_log import BEGINNING, Ended, RequestLog

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
__all__ = [
    "BEGINNING",
    "METRICS",
    "ClosedLoop",
    "Drive",
    "Ended",
    "MeasuredRun",
    "OpenLoop",
    "Parallelism",
    "Remark",
    "RequestLog",
    "Setup",
    "Source",
    "Statistics",
    "StepLog",
    "Tokens",
]

METRICS = ("ttft_s", "tpot_s", "itl_s", "ntpot_s", "e2e_s")


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Users who each send their next request when the answer to the last has come.

    Attributes
    ----------
    users : int
    ramp_s : float
        Seconds over which they come in; with 0 all send at once.
    think_s : float
        Between an answer and the next request.
    """

    users: int
    ramp_s: float = 0.0
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests that come at a rate, whatever becomes of them.

    Attributes
    ----------
    rate : float
        Requests a second as offered.
    gap_cv : float or None
        Coefficient of variation of the gaps (gamma distributed): 1 for a Poisson process, 0 for
        even spacing, None where the file does not say.
    most_in_flight : int or None
        Requests beyond which the client holds others back.
    """

    rate: float
    gap_cv: float | None = None
    most_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Distribution of a number of tokens, as the benchmark was told to draw it.

    Attributes
    ----------
    law : {"fixed", "uniform", "normal", "lognormal", "unknown"}
        ``unknown`` where only a mean is known.
    mean, sd : float
        Of tokens; for a normal law before it is cut to its limits.
    low, high : float or None
        Limits, inclusive.
    """

    law: Literal["fixed", "uniform", "normal", "lognormal", "unknown"]
    mean: float
    sd: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    """How a run was driven.

    Attributes
    ----------
    loop : ClosedLoop, OpenLoop or None
        None where the file does not say.
    requests : int or None
        Requests after which no more are sent.
    duration_s : float or None
        Seconds after which no more are sent.
    ending : {"drained", "cut", "unknown"}
        Whether what was under way at the end was waited for.
    length_s : float or None
        From the first request to the end of the last one, as measured: what throughput is over.
    warmup_requests : int
        Sent before, and not among what was seen.
    prompt_tokens, output_tokens : Tokens or None
        Lengths; where there is a table of requests, its lengths are what was realised.
    shared_prefix_tokens : float
        Tokens at the head of each prompt that others have too.
    """

    loop: ClosedLoop | OpenLoop | None
    requests: int | None = None
    duration_s: float | None = None
    ending: Literal["drained", "cut", "unknown"] = "unknown"
    length_s: float | None = None
    warmup_requests: int = 0
    prompt_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    shared_prefix_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class Parallelism:
    """GPUs of one replica, and how the model lies on them.

    Attributes
    ----------
    tensor, pipeline, data : int
        Ways of tensor, pipeline and data parallelism (of attention).
    expert : int
        GPUs over which whole experts are spread; 1 where experts are cut like other tensors.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of the replica."""
        return self.tensor * self.pipeline * self.data


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured, as far as the file says; texts are as it spells them.

    Attributes
    ----------
    engine, engine_version, model, gpu, precision, kv_precision : str
        Empty where not known.
    parallelism : Parallelism or None
    replicas : int
    kv_capacity_tokens, max_num_seqs, max_num_batched_tokens : int or None
    prefix_caching : bool or None
    """

    engine: str = ""
    engine_version: str = ""
    model: str = ""
    gpu: str = ""
    precision: str = ""
    kv_precision: str = ""
    parallelism: Parallelism | None = None
    replicas: int = 1
    kv_capacity_tokens: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    prefix_caching: bool | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Summary of one metric.

    Attributes
    ----------
    mean, sd : float
        NaN where not known.
    percentiles : mapping of float to float
        Percentile (50, 95, 99.9) to value.
    """

    mean: float = np.nan
    sd: float = np.nan
    percentiles: Mapping[float, float] = field(default_factory=dict)

    def percentile(self, p: float) -> float:
        """The value of a percentile, NaN where not known."""
        return self.percentiles.get(p, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class StepLog:
    """Steps (iterations) that the engine logged.

    Attributes
    ----------
    scheduled_s, output_s : (n,) float64
        Seconds from the start of the run; NaN where only durations are logged. With two steps in
        flight a step is scheduled while the one before runs.
    step_s : (n,) float64
        How long the engine says the step took; NaN where only times are logged.
    decoding : (n,) int64
        Sequences that decode, B.
    kv_tokens : (n,) float64
        Tokens in their caches, K; NaN where not known.
    waiting : (n,) float64
        Requests that wait; NaN where not known.
    preempted : (n,) int64
    chunk_step : (m,) int64
        Index of the step of each prefill chunk, non-decreasing.
    chunk_tokens, chunk_depth : (m,) float64
        Tokens of the chunk, and those of its prompt before it (NaN where not known).
    """

    scheduled_s: FloatArray
    output_s: FloatArray
    step_s: FloatArray
    decoding: IntArray
    kv_tokens: FloatArray
    waiting: FloatArray
    preempted: IntArray
    chunk_step: IntArray
    chunk_tokens: FloatArray
    chunk_depth: FloatArray

    def __len__(self) -> int:
        return len(self.decoding)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a run that whoever uses it should know.

    Attributes
    ----------
    kind : str
        ``left_out``, ``assumed``, ``prefix_cache``, ``merged_events``, ``stall``, ``saturated``,
        ``failed``, ``speculation`` (a step gives more than a token) or ``conversation`` (prompts
        that continue earlier ones).
    text : str
        One sentence for people.
    """

    kind: Literal[
        "left_out",
        "assumed",
        "prefix_cache",
        "merged_events",
        "stall",
        "saturated",
        "failed",
        "speculation",
        "conversation",
    ]
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run was read.

    Attributes
    ----------
    file : str
        As the user named it.
    sha256 : str
        Of the file's bytes, in hexadecimal.
    tool : str
        A name such as ``vllm``, ``sglang``, ``guidellm``.
    tool_version : str
    as_of : str
        ISO date of the measurement; empty where not known.
    """

    file: str
    sha256: str
    tool: str
    tool_version: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredRun:
    """One load on one engine.

    Attributes
    ----------
    name : str
        Tells it from others of its file: ``c16``, ``rate 4/s``.
    source : Source
    setup : Setup
    drive : Drive
    clock : {"client", "engine"}
        On whose side the times were taken; with ``engine`` the front end is not in them.
    requests : RequestLog or None
    steps : StepLog or None
    statistics : mapping of str to Statistics
        By the names in `METRICS`, as the file gives them; see `statistic` for both.
    completed, failed : int or None
    input_tokens, output_tokens : float or None
        Of all completed requests together.
    output_tokens_per_s, requests_per_s : float or None
    remarks : tuple of Remark
    """

    name: str
    source: Source
    setup: Setup
    drive: Drive
    clock: Literal["client", "engine"] = "client"
    requests: RequestLog | None = None
    steps: StepLog | None = None
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    completed: int | None = None
    failed: int | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    output_tokens_per_s: float | None = None
    requests_per_s: float | None = None
    remarks: tuple[Remark, ...] = ()

    def statistic(self, metric: str, which: float | Literal["mean"]) -> float:
        """Mean or percentile of a metric, over all completed requests; NaN where not known.

        From the table of requests where there is one, else as the file has it.
        """
        if self.requests is not None and metric != "itl_s":
            values = self.requests.values(metric)[self.requests.completed]
            values = values[~np.isnan(values)]
            if len(values):
                return float(values.mean() if which == "mean" else np.percentile(values, which))
        found = self.statistics.get(metric, Statistics())
        return found.mean if which == "mean" else found.percentile(which)
