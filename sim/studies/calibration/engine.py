"""What was measured, and the limits that its engine had: from the files, by hand, or by default.

Defaults are those of the engines' servers on GPUs of 70 GB and more. vLLM: at most 1,024 sequences
and 8,192 tokens a step (EngineArgs.get_batch_defaults; 256 and 2,048 on smaller GPUs).
TensorRT-LLM: 2,048 and 8,192. SGLang has no limit on sequences but its memory, and chunks of 8,192
tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.catalog.hardware import Model, gpus, models
from sim.catalog.profile_file import usual_admission
from sim.errors import MeasurementError
from sim.model.measured import MeasuredRun
from sim.model.profile import Admission, Scheduler
from sim.studies.calibration.front_end import Streamed, streamed
from sim.studies.calibration.in_flight import by_version
from sim.studies.calibration.kv_cache import Place, cache_of
from sim.studies.calibration.script import Script

LIMITS = {"vllm": (1024, 8192), "sglang": (4096, 8192), "trtllm": (2048, 8192)}
ASSUMED = (1024, 8192)
BLOCK = 16
CHECKPOINT = re.compile(r"-(instruct|it|chat|fp8|fp4|nvfp4|bf16|int4|awq|gptq|hf|0528|0324).*$")


@dataclass(frozen=True, slots=True)
class Given:
    """What is said by hand, in place of what the files say; None for nothing."""

    model: str | None = None
    gpu: str | None = None
    gpus_per_replica: int | None = None
    precision: str | None = None
    engine: str | None = None
    kv_capacity_tokens: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    max_model_len: int | None = None
    scheduler: Scheduler | None = None
    steps_in_flight: int | None = None
    admission: Admission | None = None
    frontend_us_per_prompt_token: float | None = None
    frontend_processes: int | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """What was measured.

    Attributes
    ----------
    model, gpu, precision, engine : str
    gpus_per_replica : int
    data_parallel_ranks : int
        Ranks with attention of their own that step together; the limits that follow are of each.
    kv_capacity_tokens, max_num_seqs, max_num_batched_tokens, max_model_len : int
    kv_cache_dtype : str
    scheduler : {"chunked", "prefill_first"}
    steps_in_flight : {1, 2}
    knows_steps : bool
        Whether the user or the engine's version says how many they are.
    admission : {"prompt", "whole", "watermark"}
    frontend_s_per_prompt_token : float
        What no benchmark tells from the engine's own work for a prompt's token: 0 unless given.
    frontend_processes : int
    streamed_tokens_per_s : float
        What a process of its front end, or one of the same kind, has been seen to stream; 0 where
        nothing shows it.
    is_mixture : bool
        Whether the model is a mixture of experts.
    is_usual : bool
        Whether the catalogue has the model and the GPU: usual proportions of memory and compute.
    assumed : tuple of str
        What neither the files nor the user said.
    """

    model: str
    gpu: str
    precision: str
    engine: str
    gpus_per_replica: int
    data_parallel_ranks: int
    kv_capacity_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int
    kv_cache_dtype: str
    scheduler: Scheduler
    steps_in_flight: int
    knows_steps: bool
    admission: Admission
    frontend_s_per_prompt_token: float
    frontend_processes: int
    streamed_tokens_per_s: float
    is_mixture: bool
    is_usual: bool
    assumed: tuple[str, ...]


def engine_of(
    runs: Sequence[MeasuredRun],
    scripts: Sequence[Script],
    given: Given,
    others: Sequence[MeasuredRun] = (),
) -> Engine:
    """The engine of runs that were all measured on one; others may have its kind of front end.

    Raises
    ------
    MeasurementError
        If the runs are of different engines.
    """
    names = {
        name: _agreed(runs, name, getattr(given, name))
        for name in ("model", "gpu", "precision", "engine")
    }
    own = _catalogued(names["model"])
    gpu = _gpu(names["gpu"])
    gpus_each = given.gpus_per_replica or _gpus(runs)
    is_mixture = own is not None and own.active_params < own.params
    ranks = _ranks(runs, is_mixture)
    seqs, budget, assumed = _limits(runs, names["engine"], given)
    steps = _steps_in_flight(runs, names["engine"], given)
    known = given.kv_capacity_tokens or _one(runs, "kv_capacity_tokens")
    cache = cache_of(runs, scripts, Place(own, gpu, gpus_each, ranks, names["precision"]), known)
    if cache.assumed:
        assumed.append(cache.assumed)
    front_end = streamed(others, names["engine"])
    if front_end.run is not None:
        assumed.append(_of_front_end(front_end))
    blocks = cache.tokens // BLOCK * BLOCK
    longest = given.max_model_len or min(blocks, 131_072 if own is None else own.context_tokens)
    return Engine(
        own.name if own is not None else names["model"] or "unknown",
        gpu or "unknown",
        names["precision"] or "unknown",
        names["engine"] or "unknown",
        gpus_each,
        ranks,
        blocks,
        seqs,
        budget,
        min(longest, blocks),
        cache.dtype,
        given.scheduler or "chunked",
        steps or 1,
        steps is not None,
        given.admission or usual_admission(names["engine"]),
        (given.frontend_us_per_prompt_token or 0.0) * 1e-6,
        given.frontend_processes or _frontend_processes(names["engine"], ranks),
        front_end.tokens_per_s,
        is_mixture,
        own is not None and gpu in gpus(),
        tuple(assumed),
    )


def _of_front_end(seen: Streamed) -> str:
    """The bound on the front end, and what shows it."""
    assert seen.run is not None
    setup = seen.run.setup
    engine, where = setup.engine, f"{setup.model} on {setup.gpu}"
    return (
        f"at most {1e6 / seen.tokens_per_s:.3g} us of its front end for a token, since that of"
        f" {engine} streamed {seen.tokens_per_s:,.0f} tokens a second of {where}"
    )


def _agreed(runs: Sequence[MeasuredRun], name: str, given: str | None) -> str:
    """What all runs that say it say."""
    if given is not None:
        return given
    said = {value for run in runs if (value := str(getattr(run.setup, name)).strip())}
    if len(said) > 1:
        listed = ", ".join(sorted(said))
        raise MeasurementError(
            f"the runs are of several engines: {name} is {listed}; calibrate each by itself"
            f" (--only {name}=...), or say what it is (--{name})"
        )
    return next(iter(said), "")


def _one(runs: Sequence[MeasuredRun], name: str) -> int | None:
    said = {value for run in runs if (value := getattr(run.setup, name)) is not None}
    return int(max(said)) if said else None


def _limits(runs: Sequence[MeasuredRun], engine: str, given: Given) -> tuple[int, int, list[str]]:
    assumed = []
    usual = LIMITS.get(engine.casefold(), ASSUMED)
    found = []
    for name, default in zip(("max_num_seqs", "max_num_batched_tokens"), usual, strict=True):
        value = getattr(given, name) or _one(runs, name)
        if value is None:
            assumed.append(f"{name} {default:,} (the engine's default)")
        found.append(int(value or default))
    seqs, budget = found
    return seqs, max(budget, seqs), assumed


def _steps_in_flight(runs: Sequence[MeasuredRun], engine: str, given: Given) -> int | None:
    """As the user says, or the version of the engine; None where neither does."""
    if given.scheduler == "prefill_first":
        if given.steps_in_flight == 2:
            raise MeasurementError("steps in flight (2) must be 1 with the scheduler prefill_first")
        return 1
    if given.steps_in_flight is not None:
        return given.steps_in_flight
    return by_version(engine, {run.setup.engine_version for run in runs})


def _gpus(runs: Sequence[MeasuredRun]) -> int:
    said = {run.setup.parallelism.gpus for run in runs if run.setup.parallelism is not None}
    if len(said) > 1:
        listed = ", ".join(map(str, sorted(said)))
        raise MeasurementError(
            f"the runs are of several engines, on {listed} GPUs: calibrate each by itself"
        )
    return next(iter(said), 1)


def _ranks(runs: Sequence[MeasuredRun], is_mixture: bool) -> int:
    """Ranks of a replica that step together; those of a dense model are engines of their own."""
    ways = {run.setup.parallelism for run in runs if run.setup.parallelism is not None}
    said = {each.data for each in ways if is_mixture or each.expert > 1}
    if len(said) > 1:
        listed = ", ".join(map(str, sorted(said)))
        raise MeasurementError(
            f"the runs are of several engines, with {listed} data-parallel ranks: calibrate each"
            " by itself"
        )
    return next(iter(said), 1)


def _frontend_processes(engine: str, ranks: int) -> int:
    """What an engine starts by itself: vLLM an API server for each rank (Architecture Overview)."""
    return ranks if engine.casefold() == "vllm" else 1


def _catalogued(name: str) -> Model | None:
    """The model of the catalogue that a checkpoint's name means."""
    plain = name.rsplit("/", 1)[-1].casefold()
    short = CHECKPOINT.sub("", plain)
    known = models()
    return known.get(plain) or known.get(short)


def _gpu(name: str) -> str:
    plain = name.casefold().replace("_", "-")
    known = gpus()
    return next((each for each in (plain, f"{plain}-sxm") if each in known), plain)
