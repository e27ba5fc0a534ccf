"""What was measured, and the limits that its engine had: from the files, by hand, or by default.

Defaults are those of the engines' servers on GPUs of 70 GB and more. vLLM: at most 1,024 sequences
and 8,192 tokens a step (EngineArgs.get_batch_defaults; 256 and 2,048 on smaller GPUs).
TensorRT-LLM: 2,048 and 8,192. SGLang has no limit on sequences but its memory, and chunks of 8,192
tokens.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from sim.catalog.checkpoints import SILENT, checkpoint_dtype
from sim.catalog.hardware import Model, gpus, kv_capacity_tokens, models
from sim.catalog.profile_file import usual_admission
from sim.errors import CatalogError, MeasurementError
from sim.model.kv_cache import BYTES
from sim.model.measured import MeasuredRun
from sim.model.profile import Admission, Scheduler
from sim.studies.calibration.figures import is_saturated
from sim.studies.calibration.in_flight import by_version
from sim.studies.calibration.script import Script

LIMITS = {"vllm": (1024, 8192), "sglang": (4096, 8192), "trtllm": (2048, 8192)}
ASSUMED = (1024, 8192)
BLOCK = 16
AMPLE = 1 << 20  # tokens of a cache of which nothing is known, and more if the runs needed more
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


@dataclass(frozen=True, slots=True)
class Engine:
    """What was measured.

    Attributes
    ----------
    model, gpu, precision, engine : str
    gpus_per_replica : int
    kv_capacity_tokens, max_num_seqs, max_num_batched_tokens, max_model_len : int
    kv_cache_dtype : str
    scheduler : {"chunked", "prefill_first"}
    steps_in_flight : {1, 2}
    knows_steps : bool
        Whether the user or the engine's version says how many they are.
    admission : {"prompt", "whole", "watermark"}
    frontend_s_per_prompt_token : float
        What no benchmark tells from the engine's own work for a prompt's token: 0 unless given.
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
    is_mixture: bool
    is_usual: bool
    assumed: tuple[str, ...]


def engine_of(runs: Sequence[MeasuredRun], scripts: Sequence[Script], given: Given) -> Engine:
    """The engine of runs that were all measured on one.

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
    seqs, budget, assumed = _limits(runs, names["engine"], given)
    steps = _steps_in_flight(runs, names["engine"], given)
    dtype = _cache_dtype(runs, own, names["precision"])
    capacity = given.kv_capacity_tokens or _one(runs, "kv_capacity_tokens")
    if capacity is None:
        capacity, how = _capacity(own, gpu, gpus_each, names["precision"], dtype, scripts)
        assumed.append(how)
    blocks = capacity // BLOCK * BLOCK
    longest = given.max_model_len or min(blocks, 131_072 if own is None else own.context_tokens)
    return Engine(
        own.name if own is not None else names["model"] or "unknown",
        gpu or "unknown",
        names["precision"] or "unknown",
        names["engine"] or "unknown",
        gpus_each,
        blocks,
        seqs,
        budget,
        min(longest, blocks),
        dtype,
        given.scheduler or "chunked",
        steps or 1,
        steps is not None,
        given.admission or usual_admission(names["engine"]),
        (given.frontend_us_per_prompt_token or 0.0) * 1e-6,
        own is not None and own.active_params < own.params,
        own is not None and gpu in gpus(),
        tuple(assumed),
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


def _cache_dtype(runs: Sequence[MeasuredRun], own: Model | None, precision: str) -> str:
    """Precision of the KV cache: as the runs say, else as the model's checkpoint has it."""
    said = {run.setup.kv_precision.casefold() for run in runs} & BYTES.keys()
    if said:
        return min(said)
    return SILENT if own is None else checkpoint_dtype(own.name, precision)


def _capacity(
    own: Model | None,
    gpu: str,
    gpus_each: int,
    precision: str,
    dtype: str,
    scripts: Sequence[Script],
) -> tuple[int, str]:
    """Of the memory that the weights leave, where both are known; else ample."""
    needed = max(math.ceil(each.in_flight * each.longest) for each in scripts)
    if own is not None:
        try:
            tokens = kv_capacity_tokens(own.name, gpu, gpus_each, precision, dtype)
        except CatalogError:
            tokens = 0
        shown = _shown(scripts)
        if tokens > max(each.longest for each in scripts) and tokens >= shown:
            return tokens, f"a KV cache of {tokens:,} tokens (what the weights leave of the memory)"
    ample = max(AMPLE, 2 * needed)
    return ample, f"a KV cache of {ample:,} tokens, which was never short (--kv-capacity-tokens)"


def _shown(scripts: Sequence[Script]) -> int:
    """Tokens that caches held at least: of runs in which no request waited for a place."""
    flowing = [each for each in scripts if not is_saturated(each.run)]
    return max((math.ceil(each.in_flight * each.held) for each in flowing), default=0)


def given_fields() -> tuple[str, ...]:
    """Names of what can be said by hand."""
    return tuple(each.name for each in fields(Given))
