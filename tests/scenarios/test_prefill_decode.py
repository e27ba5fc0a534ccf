"""``prefill_decode.yaml``: when splitting prefill and decode pays, and when not."""

import numpy as np
import pytest
from places import SHIPPED

from sim.montecarlo.replication import Replication, replicate
from sim.scenario import load_scenario

SHORT = ("horizon.duration=20min", "horizon.warm_up=5min")
AS_MEASURED = tuple(f"backends.{name}.throughput_factor=1" for name in ("prefill", "decode"))
TOGETHER = ("workloads.assistant.route=decode", "backends.decode.replicas=4")
BRIEF = (
    "workloads.assistant.prompt_tokens={lognormal: {mean: 500, p95: 1200}}",
    "workloads.assistant.arrivals.requests_per_second=14",
)


def run(*overrides: str) -> Replication:
    read = load_scenario(SHIPPED / "prefill_decode.yaml", (*SHORT, *AS_MEASURED, *overrides))
    return replicate(read, read.seed, 0, {}, record_requests=True)


def test_long_prompts_do_not_hold_up_the_answers_of_others() -> None:
    split, together = run().metrics, run(*TOGETHER).metrics
    assert split["cost_usd"] == pytest.approx(together["cost_usd"])
    assert split["tpot_p95_s"] < 0.025 < together["tpot_p95_s"]
    assert split["ttft_p95_s"] > together["ttft_p95_s"]


def test_with_short_prompts_each_figure_is_worse() -> None:
    split, together = run(*BRIEF).metrics, run(*BRIEF, *TOGETHER).metrics
    for name in ("ttft_p95_s", "tpot_p95_s", "e2e_p95_s"):
        assert split[name] > together[name], name


def test_a_link_that_cannot_carry_the_prompts_falls_behind() -> None:
    """4,000 tokens of 163,840 bytes, 8 times a second, are 5.2 GB/s."""
    slow = run("backends.prefill.handoff.bandwidth=4 GB/s").metrics
    assert slow["ttft_p95_s"] > 20 * run().metrics["ttft_p95_s"]


def test_bytes_that_move_are_those_of_the_prompts_that_go_on() -> None:
    """All but the last token of each; those under way at either end of the horizon apart."""
    outcome = run("backends.prefill.handoff.local_below=1000")
    requests = outcome.requests
    assert requests is not None
    figures = {
        name: outcome.metrics[f"backends.prefill.{name}"]
        for name in ("handed_on", "moved_bytes", "kept_local", "handoff_mean_s")
    }
    prompt = requests["input_tokens"]
    goes_on = prompt >= 1000
    done = requests["status"] == "completed"
    assert figures["kept_local"] == pytest.approx((~goes_on).sum(), abs=2)
    assert figures["handed_on"] == pytest.approx((goes_on & done).sum(), rel=0.02)
    bytes_ = 163_840.0 * np.sum(prompt[goes_on & done] - 1)
    assert figures["moved_bytes"] == pytest.approx(bytes_, rel=0.03)
    assert 0.01 < figures["handoff_mean_s"] < 0.2


def test_each_pool_has_the_work_of_its_part() -> None:
    """Offered work is what the engines did; for four that do both it is that of both together."""
    split, together = run().metrics, run(*TOGETHER).metrics
    load = {name: split[f"backends.{name}.offered_load"] for name in ("prefill", "decode")}
    for name, each in load.items():
        assert split[f"backends.{name}.cost_used_share"] == pytest.approx(each, rel=0.1), name
    both = (3 * load["prefill"] + load["decode"]) / 4
    assert together["offered_load"] == pytest.approx(both, rel=0.15)
