"""What a front end has been seen to keep up with: a bound on its work for a token.

Where a sweep never came near the limit of its front end, its figures say nothing of it, and what is
assumed of it would limit the profile in batches that were not measured. A front end is software on
the processors of the host: it has little to do with the model and the GPUs. So runs of the same
engine on others, in the same files, show what it can stream at least. Runs of several
data-parallel ranks are left out, since they may have as many front ends.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from sim.model.measured import ClosedLoop, MeasuredRun, RequestLog
from sim.studies.calibration.figures import is_saturated, throughput


class Streamed(NamedTuple):
    """Tokens a second that one front end streamed, and the run in which it did."""

    tokens_per_s: float
    run: MeasuredRun | None


def streamed(runs: Sequence[MeasuredRun], engine: str) -> Streamed:
    """The most that runs of an engine show; 0 for nothing.

    Runs in which requests waited for a place are left out: their times are not those of steps.
    """
    alike = [run for run in runs if run.setup.engine.casefold() == engine.casefold()]
    found = [
        Streamed(_tokens_per_s(run), run)
        for run in alike
        if _has_one_front_end(run) and run.clock == "client" and not is_saturated(run)
    ]
    return max(found, key=lambda each: each.tokens_per_s, default=Streamed(0.0, None))


def _has_one_front_end(run: MeasuredRun) -> bool:
    ways = run.setup.parallelism
    return (ways is None or ways.data == 1) and run.setup.replicas == 1


def _tokens_per_s(run: MeasuredRun) -> float:
    """Output tokens a second of all requests, as measured or by Little's law; 0 if not known."""
    if run.output_tokens_per_s:
        return run.output_tokens_per_s
    log: RequestLog | None = run.requests
    if log is not None and log.has_times:
        value = throughput(log, settled=False)
        return value if math.isfinite(value) else 0.0
    output, loop = run.drive.output_tokens, run.drive.loop
    if output is None or not isinstance(loop, ClosedLoop):
        return 0.0
    ttft_s, tpot_s = (run.statistic(name, "mean") for name in ("ttft_s", "tpot_s"))
    e2e_s = ttft_s + tpot_s * (output.mean - 1)
    return loop.users * output.mean / e2e_s if e2e_s > 0 else 0.0  # NaN compares false
