"""Precision of the KV cache: capacity and c(B) go with the bytes of a token."""

from dataclasses import replace

import pytest
from fleets import profile

from sim.catalog.checkpoints import checkpoint_dtype
from sim.model.extrapolation import Limits
from sim.model.kv_cache import BYTES, recast

LAW = replace(
    profile(batch=(0, 64), step_base_s=(0.01, 0.01), step_s_per_kv_token=(4e-8, 3e-8)),
    kv_capacity_tokens=16_000,
    kv_block_tokens=16,
    limits=Limits(1e-3, 1e-5, 2e-8, 1e-10),
)


@pytest.mark.parametrize(("dtype", "ratio"), [("fp8", 0.5), ("fp16", 1.0), ("nvfp4", 0.28125)])
def test_capacity_and_reading_go_with_the_bytes(dtype: str, ratio: float) -> None:
    cast = recast(LAW, dtype)
    assert cast.kv_capacity_tokens == int(16_000 / ratio) // 16 * 16
    assert cast.step_s_per_kv_token == pytest.approx((4e-8 * ratio, 3e-8 * ratio))
    assert cast.limits is not None and cast.limits.kv_token_s == pytest.approx(2e-8 * ratio)
    assert (cast.kv_cache_dtype, cast.step_base_s) == (dtype, LAW.step_base_s)


def test_no_cache_is_read_faster_than_memory_allows() -> None:
    """At 20 ns a token in 16 bits, 10 in 8: 30 ns become 15, 18 only 10, and 8 stay 8."""
    law = replace(LAW, batch=(0, 8, 64), step_base_s=(0.01,) * 3)
    law = replace(law, step_s_per_kv_token=(30e-9, 18e-9, 8e-9))
    assert recast(law, "fp8").step_s_per_kv_token == pytest.approx((15e-9, 10e-9, 8e-9))


def test_there_and_back_is_the_same() -> None:
    assert recast(recast(LAW, "fp8"), "bf16") == LAW


def test_every_precision_has_its_bytes() -> None:
    assert BYTES["bf16"] == BYTES["fp16"] == 2 * BYTES["fp8"] == 2 * BYTES["int8"]
    assert BYTES["fp4"] == 0.5 + 1 / 16  # a scale of 8 bits for 16 numbers


def test_auto_is_what_the_checkpoint_says() -> None:
    assert checkpoint_dtype("llama-3.3-70b", "fp4") == "fp8"  # of NVIDIA
    assert checkpoint_dtype("deepseek-v3", "fp4") == "bf16"  # of NVIDIA, which says nothing
    assert checkpoint_dtype("my-own", "fp8") == "bf16"
