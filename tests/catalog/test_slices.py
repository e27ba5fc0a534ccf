"""MIG slices as GPUs of their own: shares of arithmetic, memory, bandwidth, price and power."""

from pathlib import Path

import pytest
from scenario_documents import written

from sim.catalog import profile
from sim.catalog.computed import computed_profile
from sim.catalog.hardware import GIB, gpu
from sim.catalog.power import power_law
from sim.catalog.prices import default_gpu_price, gpu_price
from sim.catalog.slices import names, slices
from sim.errors import CatalogError, ScenarioError
from sim.scenario import load_scenario


@pytest.mark.parametrize(
    "written_as", ["h100-mig-3g.40gb", "H100-SXM-MIG-3g.40gb", "h100 mig 3g.40gb"]
)
def test_a_slice_has_sevenths_of_the_arithmetic_and_eighths_of_the_memory(written_as: str) -> None:
    whole, part = gpu("h100-sxm"), gpu(written_as)
    assert part.name == "h100-sxm-mig-3g.40gb"
    assert part.hbm_bytes == 40 * GIB
    assert part.bandwidth_bytes_per_s == whole.bandwidth_bytes_per_s / 2
    assert part.fp8_flops == pytest.approx(whole.fp8_flops * 3 / 7)


@pytest.mark.parametrize("name", names())
def test_the_name_of_every_slice_tells_its_memory_and_its_arithmetic(name: str) -> None:
    part = gpu(name)
    compute, _, memory = name.rpartition("-")[2].partition("g.")
    assert part.hbm_bytes / GIB == pytest.approx(float(memory.removesuffix("gb")), abs=1.1)
    assert part.fp16_flops / gpu(part.whole).fp16_flops == pytest.approx(int(compute) / 7)


def test_a_slice_of_everything_is_the_gpu() -> None:
    part, whole = (computed_profile("llama-3.1-8b", name) for name in ("h100-mig-7g.80gb", "h100"))
    assert part.step_base_s == whole.step_base_s
    assert part.kv_capacity_tokens == whole.kv_capacity_tokens
    assert default_gpu_price("h100-mig-7g.80gb").usd_per_gpu_hour == 3.99


def test_a_profile_is_computed_from_the_shares() -> None:
    """Half the bandwidth, so each token in a cache takes twice as long; of the arithmetic 3/7."""
    part, whole = (computed_profile("llama-3.1-8b", name) for name in ("h100-mig-3g.40gb", "h100"))
    assert part.name == "computed/llama-3.1-8b/h100-sxm-mig-3g.40gb/tp1/bf16"
    assert profile(part.name) == part
    assert part.step_s_per_kv_token[0] == pytest.approx(2 * whole.step_s_per_kv_token[0], rel=1e-4)
    assert 2.0 < part.prefill_s_per_token / whole.prefill_s_per_token < 7 / 3
    assert part.limits is not None


def test_prices_and_power_are_shares_of_the_whole() -> None:
    """A 3g.40gb keeps half of the memory from others, and a 1g.20gb a quarter."""
    whole, law = gpu_price("aws", "h100-sxm"), power_law("h100-sxm")
    for part, share in (("3g.40gb", 1 / 2), ("1g.20gb", 1 / 4), ("1g.10gb", 1 / 7)):
        price = gpu_price("aws", f"h100-mig-{part}")
        assert price.usd_per_gpu_hour == pytest.approx(share * whole.usd_per_gpu_hour)
    third = power_law("h100-sxm-mig-3g.40gb")
    assert third.idle_w == pytest.approx(law.idle_w * 3 / 7)
    assert third.cap_w == pytest.approx(law.cap_w * 3 / 7)
    sevenths = sum(power_law(f"h100-sxm-mig-{part}").idle_w for part in ("3g.40gb", "4g.40gb"))
    assert sevenths == pytest.approx(law.idle_w)
    assert all(0 < each.compute_share <= 1 >= each.memory_share > 0 for each in slices())


@pytest.mark.parametrize(
    ("model", "name", "count", "said"),
    [
        (
            "llama-3.3-70b",
            "h100-mig-3g.40gb",
            1,
            "room for 36 GB .take a larger slice, or h100-sxm",
        ),
        ("llama-3.1-8b", "h100-mig-3g.41gb", 1, "has no MIG slice '3g.41gb' .it has: 1g.10gb"),
        ("llama-3.1-8b", "l40s-mig-3g.40gb", 1, "has no MIG slice '3g.40gb' .it has: none"),
        ("llama-3.1-8b", "h100-mig-3g.40gb", 2, "a replica has one slice of a GPU"),
    ],
)
def test_what_no_slice_can_do_is_said(model: str, name: str, count: int, said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        computed_profile(model, name, count)


def test_a_model_that_a_slice_does_not_hold_is_one_line_of_a_scenario(tmp_path: Path) -> None:
    text = """\
name: small
horizon: {days: 1}
workloads: {chat: {arrivals: {requests_per_day: 1k}, prompt_tokens: 100, output_tokens: 100}}
backends:
  part: {kind: gpu_pool, service: {model: MODEL, gpu: h100-mig-2g.20gb}, replicas: 3}
"""
    path = written(tmp_path, text.replace("MODEL", "llama-3.3-70b"))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    (said,) = str(caught.value).splitlines()
    assert ":5: backends.part.service: llama-3.3-70b in" in said
    assert "take a larger slice, or h100-sxm" in said
    larger = text.replace("MODEL", "llama-3.1-8b").replace("2g.20gb", "3g.40gb")
    design = load_scenario(written(tmp_path, larger)).typical_design()
    (pool,) = design.pools
    assert pool.gpus_per_replica == 1
