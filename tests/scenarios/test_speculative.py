"""``speculative.yaml``: drafts pay while few decode, and no more when the batch is full."""

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

KNOWN = ("backends.large.throughput_factor=1", "backends.large.coefficients=fixed")
SHORT = ("horizon.duration=20min", "horizon.warm_up=3min", *KNOWN)
WITHOUT = "backends.large.speculative_decoding=1"


def figures(requests_per_second: float, *overrides: str) -> dict[str, float]:
    rate = f"workloads.chat.arrivals.requests_per_second={requests_per_second}"
    read = load_scenario(SHIPPED / "speculative.yaml", (*SHORT, rate, *overrides))
    return replicate(read, read.seed, 0, {}).metrics


def gain(requests_per_second: float) -> float:
    """How many times as fast tokens come with drafts as without."""
    with_drafts, without = figures(requests_per_second), figures(requests_per_second, WITHOUT)
    return without["tpot_mean_s"] / with_drafts["tpot_mean_s"]


def test_a_lone_user_gains_as_was_measured() -> None:
    """1.63 at one request a second: vllm-project/vllm, pull request 12755."""
    assert gain(1.0) == pytest.approx(1.63, abs=0.15)


def test_nothing_is_gained_where_the_batch_is_full() -> None:
    assert gain(4.0) < gain(1.0) - 0.2
    assert gain(6.0) == pytest.approx(1.0, abs=0.03)
