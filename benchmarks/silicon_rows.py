"""Aggregated configurations of InferenceX's rows: what ``validation.py`` and others go through."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sim.catalog.benchmarks import read_benchmarks
from sim.model.measured import ClosedLoop, MeasuredRun

FEWEST = 4  # concurrencies of a configuration
LONGEST_S = 5.0  # mean time to the first token: beyond, engines compiled while they were measured
# InferenceMAX's "70B" is the model of the FP8 and FP4 checkpoints of Llama 3.3 (its SOURCE.md).
RENAMED = {"meta-llama/Llama-3.1-70B": "meta-llama/Llama-3.3-70B"}
UNSTATED = "bf16"  # rows of Qwen3-32B name no precision: that of its checkpoint

Configuration = tuple[str, ...]


def every_run(data: Path) -> list[MeasuredRun]:
    """All runs of the table."""
    return list(read_benchmarks([str(data / "inferencex_silicon" / "silicon_sample.csv.gz")]))


def configurations(every: Sequence[MeasuredRun]) -> dict[Configuration, list[MeasuredRun]]:
    """Runs of each configuration with a sweep, by engine, version, model, GPU, precision, GPUs."""
    found: dict[Configuration, list[MeasuredRun]] = defaultdict(list)
    for run in every:
        if run.statistic("ttft_s", "mean") <= LONGEST_S:
            found[key_of(run)].append(run)
    sweeps = {key: runs for key, runs in found.items() if len(users_of(runs)) >= FEWEST}
    return dict(sorted(sweeps.items()))


def key_of(run: MeasuredRun) -> Configuration:
    """What tells one configuration from another."""
    setup, parallel = run.setup, run.setup.parallelism
    assert parallel is not None
    ways = f"tp{parallel.tensor}"
    ways += f"dp{parallel.data}" if parallel.data > 1 else ""
    ways += f"ep{parallel.expert}" if parallel.expert > 1 else ""
    model = RENAMED.get(setup.model, setup.model)
    precision = setup.precision or UNSTATED
    return (model, setup.gpu, ways, precision, setup.engine, setup.engine_version)


def users_of(runs: Sequence[MeasuredRun]) -> list[int]:
    """The concurrencies of runs."""
    return sorted({_users(run) for run in runs})


def without(runs: Sequence[MeasuredRun], users: int) -> tuple[list[MeasuredRun], list[MeasuredRun]]:
    """The runs of all other concurrencies, and those of this one."""
    return (
        [run for run in runs if _users(run) != users],
        [run for run in runs if _users(run) == users],
    )


def _users(run: MeasuredRun) -> int:
    assert isinstance(run.drive.loop, ClosedLoop)
    return run.drive.loop.users


def requests(run: MeasuredRun) -> int:
    """How many requests a run has, ten a user where it does not say."""
    loop = run.drive.loop
    return run.drive.requests or (10 * loop.users if isinstance(loop, ClosedLoop) else 1)
