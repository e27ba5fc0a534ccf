"""What the hardware of a profile allows, from published figures of its model and GPU."""

import math

from sim.catalog.hardware import WEIGHT_BYTES, Gpu, Model, gpu_or_none, models
from sim.model.extrapolation import Limits
from sim.model.kv_cache import BYTES


def limits_of(
    model_name: str, gpu_name: str, count: int, precision: str, kv_cache_dtype: str
) -> Limits | None:
    """Least times of a replica of ``count`` GPUs; None if the catalogue lacks a figure.

    >>> limits = limits_of("llama-3.1-8b", "h100-sxm", 1, "bf16", "bf16")
    >>> round(limits.weights_s * 1e3, 2), round(limits.token_s * 1e6, 2)
    (4.48, 15.18)
    """
    model, gpu = models().get(model_name.casefold()), gpu_or_none(gpu_name)
    if model is None or gpu is None or precision not in WEIGHT_BYTES:
        return None
    limits = least_times(model, gpu, count, precision, kv_cache_dtype)
    known = (limits.weights_s, limits.token_s, limits.kv_token_s, limits.pair_s)
    return limits if all(map(math.isfinite, known)) else None


def least_times(model: Model, gpu: Gpu, count: int, precision: str, kv_cache_dtype: str) -> Limits:
    """The same of figures at hand; NaN where one is missing.

    Of the embeddings the output's half is read and multiplied for every token.
    """
    bandwidth = count * gpu.bandwidth_bytes_per_s
    inner = model.active_params - model.embedding_params
    output = model.embedding_params / 2
    weights = inner * WEIGHT_BYTES[precision] + output * 2
    flops = 2 * (inner / gpu.flops(precision) + output / gpu.fp16_flops)
    kv_bytes = model.growth_bytes_per_token * BYTES[kv_cache_dtype] / 2
    return Limits(
        weights_s=weights / bandwidth,
        token_s=flops / count,
        kv_token_s=kv_bytes / bandwidth,
        pair_s=model.pair_flops / count / gpu.flops("fp8" if precision == "fp4" else precision),
    )
