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
# For these the engine was started so as to hold requests back for up to 20 steps until they fill a
# batch (batch_wait_timeout_iters: 20, batch_wait_max_tokens_ratio: 0.9 in InferenceMAX's
# 70b_fp{4,8}_{b200,h200}_trt_slurm.sh, "if ISL == 1024 and OSL == 1024 and TP < 8"): their first
# tokens come 14 to 20 steps later than those of the same prompts with 8,192 tokens of output. That
# is another engine, which nobody has by default, and no profile's.
WAITING = "meta-llama/Llama-3.1-70B", "trtllm", 8, (1024, 1024)  # below so many GPUs; tokens
WAITED = (
    "rows with 1,024 tokens in and out are left out, for which the engine was told to hold requests"
    " back until they fill a batch (batch_wait_timeout_iters: 20)"
)
UNSTATED = "bf16"  # rows of Qwen3-32B name no precision: that of its checkpoint

Configuration = tuple[str, ...]


def every_run(data: Path) -> list[MeasuredRun]:
    """All runs of the table."""
    return list(read_benchmarks([str(data / "inferencex_silicon" / "silicon_sample.csv.gz")]))


def configurations(every: Sequence[MeasuredRun]) -> dict[Configuration, list[MeasuredRun]]:
    """Runs of each configuration with a sweep, by engine, version, model, GPU, precision, GPUs."""
    found: dict[Configuration, list[MeasuredRun]] = defaultdict(list)
    for run in every:
        if run.statistic("ttft_s", "mean") <= LONGEST_S and not waits(run):
            found[key_of(run)].append(run)
    sweeps = {key: runs for key, runs in found.items() if len(users_of(runs)) >= FEWEST}
    return dict(sorted(sweeps.items()))


def waits(run: MeasuredRun) -> bool:
    """Whether the engine was told to hold requests back until they fill a batch."""
    model, engine, gpus, lengths = WAITING
    setup, drive = run.setup, run.drive
    assert setup.parallelism is not None
    assert drive.prompt_tokens is not None and drive.output_tokens is not None
    nominal = tuple(round(each.mean / 0.9) for each in (drive.prompt_tokens, drive.output_tokens))
    is_engine = setup.model == model and setup.engine == engine
    return is_engine and setup.parallelism.gpus < gpus and nominal == lengths


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
