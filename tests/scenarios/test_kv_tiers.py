"""``kv_tiers.yaml``: host memory under the KV cache, against none and against a slow link."""

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SHORT = ("horizon.duration=45min", "horizon.warm_up=45min", "seed=1")
HOST = "backends.large.prefix_cache.tiers.0"


def figures(*overrides: str) -> dict[str, float]:
    read = load_scenario(SHIPPED / "kv_tiers.yaml", (*SHORT, *overrides))
    draws = {one.path: float(one.distribution.ppf(0.5)) for one in read.inputs}
    return replicate(read, read.seed, 0, draws).metrics


def test_host_memory_saves_computing_what_was_computed_before() -> None:
    without, with_it = figures("backends.large.prefix_cache={}"), figures()
    assert "host_hit_share" not in without
    assert with_it["host_hit_share"] > 0.2
    assert with_it["gpu_hit_share"] + with_it["host_hit_share"] == pytest.approx(
        with_it["cache_hit_rate"], abs=0.02
    )
    assert with_it["cache_hit_rate"] > without["cache_hit_rate"] + 0.15
    assert with_it["ttft_p95_s"] < 0.6 * without["ttft_p95_s"]
    assert with_it["offered_load"] < 0.8 * without["offered_load"]
    assert with_it["cost_usd"] == pytest.approx(without["cost_usd"])


def test_a_tier_smaller_than_what_lies_above_it_is_of_no_use() -> None:
    assert figures(f"{HOST}.capacity=64 GiB")["host_hit_share"] < 0.01


def test_what_a_slow_link_brings_later_than_computing_is_computed() -> None:
    """A token of 160 KB takes 8 ms over 20 MB/s, and a tenth of that to compute."""
    assert figures(f"{HOST}.read=20 MB/s")["host_hit_share"] < 0.01
    always = figures(f"{HOST}.read=2 GB/s", "backends.large.prefix_cache.load=always")
    assert always["host_hit_share"] > 0.1
