"""``ranks.yaml``: ranks that wait for the slowest of them, beside engines that do not."""

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SHORT = ("horizon.duration=8min", "horizon.warm_up=2min")
ALONE = ("backends.large.engine.data_parallel_ranks=1", "backends.large.replicas=8")


def figures(*overrides: str) -> dict[str, float]:
    read = load_scenario(SHIPPED / "ranks.yaml", (*SHORT, *overrides))
    return replicate(read, read.seed, 0, {}).metrics


def test_a_document_on_one_rank_holds_up_the_chats_on_all() -> None:
    """Eight engines that do not wait for each other do twice as much, for eight times the money."""
    together, alone = figures(), figures(*ALONE)
    for name in ("workloads.chat.tpot_p50_s", "workloads.chat.ttft_p50_s"):
        assert together[name] > 1.3 * alone[name], name
    assert together["workloads.chat.tpot_p95_s"] > 2 * alone["workloads.chat.tpot_p95_s"]
    assert 1.5 < together["offered_load"] / alone["offered_load"] < 2.5
    for each in (together, alone):
        assert each["cost_used_share"] == pytest.approx(each["offered_load"], rel=0.1)
    assert together["cost_usd"] == pytest.approx(alone["cost_usd"] / 8)
    assert (together["ready_replicas_mean"], alone["ready_replicas_mean"]) == (1.0, 8.0)
    assert together["utilisation"] <= 1.0
    assert together["kv_utilisation"] < 2 * alone["kv_utilisation"]


def test_smaller_steps_are_less_rough_and_read_slower() -> None:
    large, small = figures(), figures("backends.large.engine.max_num_batched_tokens=1024")
    assert small["workloads.chat.tpot_p95_s"] < large["workloads.chat.tpot_p95_s"]
    assert small["workloads.documents.ttft_p50_s"] > large["workloads.documents.ttft_p50_s"]
