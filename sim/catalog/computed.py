"""Profiles of models on GPUs that nobody measured: computed from published figures.

The law comes from the roofline with efficiencies that are fitted to all measured profiles; how far
these would have been off where they were measured is the profile's error. It is graded C, and its
name begins with ``computed/`` wherever it is printed: ``computed/qwen3-32b/l40s/tp2/fp8``.
"""

import math
from contextlib import suppress

import numpy as np

from sim.catalog import roofline
from sim.catalog.checkpoints import checkpoint_dtype
from sim.catalog.efficiencies import Fitted, fitted
from sim.catalog.hardware import (
    MEMORY_SHARE,
    OVERHEAD_BYTES,
    WEIGHT_BYTES,
    Gpu,
    Model,
    gpu,
    gpus,
    model,
    models,
)
from sim.catalog.model_config import is_config, stored_kv_cache
from sim.catalog.roofline import USUAL_CONTEXT, Placed
from sim.catalog.table import no_such
from sim.errors import CatalogError
from sim.model.kv_cache import AUTO, BYTES
from sim.model.profile import ServiceProfile

PREFIX = "computed/"
BATCHES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
BLOCK = 16
LARGE_BYTES = 70 * 1024**3  # GPUs with more take 8192 tokens a step in vLLM, others 2048
BUDGETS = (2048, 8192)
MOST_GPUS = 1024
ENGINE = "roofline"


def computed_profile(
    model_name: str,
    gpu_name: str,
    gpus: int = 1,
    precision: str = "bf16",
    kv_cache_dtype: str = AUTO,
) -> ServiceProfile:
    """The profile of a model on GPUs, under an engine of today.

    Parameters
    ----------
    model_name : str
        Of the catalogue, or the path of a ``config.json``.
    gpu_name : str
        Of the catalogue.
    gpus : int
        Under tensor parallelism.
    precision : str
        Of the weights: one of ``WEIGHT_BYTES``.
    kv_cache_dtype : str
        ``auto`` for that of the checkpoint.

    Raises
    ------
    CatalogError
        For a name that is not there, and where the weights leave no room for a cache.

    Examples
    --------
    >>> profile = computed_profile("qwen3-32b", "l40s", 2, "fp8")
    >>> profile.name, profile.grade, profile.batch[-1]
    ('computed/qwen3-32b/l40s/tp2/fp8', 'C', 256)
    """
    of_model, of_gpu = model(model_name), gpu(gpu_name)
    if precision not in WEIGHT_BYTES:
        raise no_such("precision", precision, WEIGHT_BYTES, "sim catalog models")
    dtype = kv_cache_dtype
    if dtype == AUTO:
        of_file = is_config(model_name)
        dtype = (
            stored_kv_cache(model_name) if of_file else checkpoint_dtype(of_model.name, precision)
        )
    if dtype not in BYTES:
        raise no_such("precision of a KV cache", dtype, BYTES, "sim schema")
    if of_gpu.whole and gpus > 1:
        raise CatalogError(
            f"a replica has one slice of a GPU, as these have no link to each other, not {gpus} x"
            f" {of_gpu.name} (take gpus: 1)"
        )
    if math.isnan(of_gpu.flops(precision)):
        raise CatalogError(f"the catalogue has no peak FLOPS of GPU {of_gpu.name!r}")
    placed = Placed(of_model, of_gpu, gpus, precision, dtype)
    return _profile(placed, _cache_tokens(placed), fitted())


def parse_name(name: str) -> tuple[str, str, int, str] | None:
    """Model, GPU, number of GPUs and precision of a computed profile's name; None if it is none.

    >>> parse_name("computed/qwen3-32b/l40s/tp2/fp8")
    ('qwen3-32b', 'l40s', 2, 'fp8')
    """
    parts = name.casefold().split("/")
    is_one = name.casefold().startswith(PREFIX) and len(parts) == 5 and parts[3].startswith("tp")
    if not is_one or not parts[3][2:].isdecimal() or not 1 <= int(parts[3][2:]) <= MOST_GPUS:
        return None
    return parts[1], parts[2], int(parts[3][2:]), parts[4]


def least_gpus(of_model: Model, of_gpu: Gpu, precision: str) -> int | None:
    """The smallest power of two that holds the weights and a usual context; None if none does."""
    dtype = checkpoint_dtype(of_model.name, precision)
    most = 1 if of_gpu.whole else MOST_GPUS
    for exponent in range(most.bit_length()):
        placed = Placed(of_model, of_gpu, 2**exponent, precision, dtype)
        if _free_bytes(placed) > USUAL_CONTEXT * _token_bytes(placed):
            return placed.count
    return None


def fewest_gpus(model_name: str, gpu_name: str, precision: str) -> int:
    """The smallest power of two of GPUs that a model fits on."""
    of_model = model(model_name)
    of_gpu = gpu(gpu_name)
    found = least_gpus(of_model, of_gpu, precision)
    if found is None and of_gpu.whole:
        return 1  # of which it is then said what it has room for
    if found is None:
        raise CatalogError(f"{of_model.name} does not fit on {MOST_GPUS} x {gpu_name}")
    return found


def computed_names(model_part: str, gpu_part: str, most: int = 3) -> list[str]:
    """Names of profiles in 8 bits that can be computed, of models and GPUs that contain these.

    Of no model where none is asked for; on an H100 where no GPU is.

    >>> computed_names("Qwen3-32b", "l40s"), computed_names("", "l40s")
    (['computed/qwen3-32b/l40s/tp1/fp8'], [])
    """
    found: list[str] = []
    for of_model in (each for each in models() if model_part and model_part.casefold() in each):
        for of_gpu in (each for each in gpus() if (gpu_part.casefold() or "h100-sxm") in each):
            with suppress(CatalogError):
                count = fewest_gpus(of_model, of_gpu, "fp8")
                found.append(f"{PREFIX}{of_model}/{of_gpu}/tp{count}/fp8")
    return found[:most]


def _free_bytes(placed: Placed) -> float:
    """What each GPU has left after the weights."""
    weights_each = placed.model.weight_bytes(placed.precision) / placed.count
    return placed.gpu.hbm_bytes * MEMORY_SHARE - weights_each - OVERHEAD_BYTES


def _token_bytes(placed: Placed) -> float:
    """Of a token, with windows and states counted for sequences of a usual length."""
    return placed.token_bytes() + placed.sequence_bytes() / USUAL_CONTEXT


def _cache_tokens(placed: Placed) -> int:
    """Tokens that the cache holds."""
    each = _token_bytes(placed)
    if each <= 0:
        raise CatalogError(f"model {placed.model.name!r} keeps no cache per token")
    tokens = int(_free_bytes(placed) / each) // BLOCK * BLOCK
    if tokens >= BLOCK:
        return tokens
    weights = placed.model.weight_bytes(placed.precision) / 1e9
    room = placed.count * (placed.gpu.hbm_bytes * MEMORY_SHARE - OVERHEAD_BYTES) / 1e9
    enough = least_gpus(placed.model, placed.gpu, placed.precision)
    remedy = f"take gpus: {enough}" if enough else "take a smaller precision"
    if placed.gpu.whole:
        remedy = f"take a larger slice, or {placed.gpu.whole}"
    raise CatalogError(
        f"{placed.model.name} in {placed.precision} has {weights:,.0f} GB of weights, and"
        f" {placed.count} x {placed.gpu.name} have room for {max(room, 0):,.0f} GB ({remedy})"
    )


def _profile(placed: Placed, tokens: int, table: Fitted) -> ServiceProfile:
    given, of_model = table.efficiencies, placed.model
    batch = np.array(BATCHES, dtype=np.float64)
    base_s = roofline.base_s(placed, batch, given)
    base_s[0] = base_s[1]  # a step that only prefills reads the weights as well
    per_token_s, per_pair_s = roofline.prefill_s(placed, given)
    spread = table.spread_experts if of_model.experts else table.spread
    budget = BUDGETS[placed.gpu.hbm_bytes >= LARGE_BYTES]
    return ServiceProfile(
        name=f"{PREFIX}{of_model.name}/{placed.gpu.name}/tp{placed.count}/{placed.precision}",
        model=of_model.name,
        gpu=placed.gpu.name,
        precision=placed.precision,
        engine=ENGINE,
        gpus_per_replica=placed.count,
        batch=BATCHES,
        step_base_s=tuple(map(_rounded, base_s.tolist())),
        step_s_per_kv_token=(_rounded(roofline.per_kv_token_s(placed, given)),) * len(BATCHES),
        prefill_s_per_request=0.0,
        prefill_s_per_token=_rounded(per_token_s),
        prefill_s_per_token_context=_rounded(per_pair_s),
        overhead_s=table.front_end.overhead_s,
        frontend_s_per_request=table.front_end.frontend_s_per_request,
        frontend_s_per_token=table.front_end.frontend_s_per_token,
        kv_capacity_tokens=tokens,
        kv_block_tokens=BLOCK,
        max_num_seqs=BATCHES[-1],
        max_num_batched_tokens=budget,
        max_model_len=min(of_model.context_tokens, tokens),
        scheduler="chunked",
        fit_error=_rounded(min(spread * math.sqrt(2 / math.pi), 0.99), 2),
        grade="C",
        source=f"computed, not measured: {of_model.source}; {placed.gpu.source}; efficiencies of"
        f" {table.profiles} measured profiles",
        as_of=table.as_of,
        notes=_notes(placed, spread),
        kv_cache_dtype=placed.kv_cache_dtype,
        limits=placed.limits,
    )


def _rounded(value: float, digits: int = 5) -> float:
    """To as many digits as a file needs."""
    return float(f"{value:.{digits}g}")


def _notes(placed: Placed, spread: float) -> str:
    band = math.exp(1.645 * spread)
    notes = (
        f"A roofline with the efficiencies of measured profiles, under tensor parallelism. Nine in"
        f" ten measured profiles lie within a factor of {band:.2f} of what would have been computed"
        f" for them. The front end is the usual one. KV cache in {placed.kv_cache_dtype}."
    )
    if placed.sequence_bytes() > 0:
        notes += f" Windows and states are counted for sequences of {USUAL_CONTEXT} tokens."
    return notes
