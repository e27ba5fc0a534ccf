"""Precision of the KV cache: what a number in it takes, and a profile with another one.

The memory of the cache stays what it is; a token takes less or more of it. Decoding reads all of it
in every step, so c(B) goes with the bytes, as does the least time in which they can be read, which
no change of precision goes below.
"""

from dataclasses import replace

from sim.model.profile import ServiceProfile

BYTES = {
    "fp16": 2.0,
    "bf16": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "int8": 1.0,
    "fp4": 0.5625,  # 4 bits, and an 8-bit scale for every 16 numbers
    "nvfp4": 0.5625,
    "int4": 0.5625,
}
AUTO = "auto"  # what the checkpoint says: a question for the catalogue


def recast(profile: ServiceProfile, dtype: str) -> ServiceProfile:
    """The profile with its KV cache in another precision, both of them one of ``BYTES``.

    A cache of 16,000 tokens in 16 bits holds 32,000 in 8.
    """
    ratio = BYTES[dtype] / BYTES[profile.kv_cache_dtype]
    if ratio == 1.0:
        return replace(profile, kv_cache_dtype=dtype)
    block, limits = profile.kv_block_tokens, profile.limits
    least_s = 0.0 if limits is None else limits.kv_token_s * ratio
    return replace(
        profile,
        kv_cache_dtype=dtype,
        kv_capacity_tokens=int(profile.kv_capacity_tokens / ratio) // block * block,
        step_s_per_kv_token=tuple(
            max(c * ratio, min(c, least_s)) for c in profile.step_s_per_kv_token
        ),
        limits=None if limits is None else replace(limits, kv_token_s=limits.kv_token_s * ratio),
    )
