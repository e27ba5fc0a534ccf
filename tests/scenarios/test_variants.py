"""``variants.yaml``: when a mix of H100 and L40S beats one kind."""

import math

import pytest
from places import SHIPPED

from sim.montecarlo.replication import Replication, replicate
from sim.scenario import load_scenario

AS_MEASURED = tuple(f"backends.{name}.throughput_factor=1" for name in ("h100", "l40s"))


def run(h100: int, l40s: int, rate: float = 38.0) -> Replication:
    """World 0 of a fleet, with the profiles as they are."""
    fleet = [f"backends.h100.replicas={max(h100, 1)}", f"backends.l40s.replicas={max(l40s, 1)}"]
    if not h100 or not l40s:
        alone, other = ("h100", "l40s") if h100 else ("l40s", "h100")
        fleet += ["variants=null", f"workloads.chat.route={alone}"]
        fleet += [f"backends.{other}.candidate=true"]
    fleet.append(f"workloads.chat.arrivals.requests_per_second={rate}")
    read = load_scenario(SHIPPED / "variants.yaml", (*AS_MEASURED, *fleet))
    return replicate(read, read.seed, 0, {}, record_requests=bool(h100 and l40s))


def test_a_small_gpu_beside_a_large_one_does_what_a_second_large_one_would() -> None:
    one, mixed, two = (run(*fleet).metrics for fleet in ((1, 0), (1, 1), (2, 0)))
    assert mixed["slo_attainment"] > 0.95 < two["slo_attainment"]
    assert one["ttft_p95_s"] > 3 * mixed["ttft_p95_s"]
    assert one["offered_load"] > 0.95 > mixed["offered_load"]
    assert mixed["cost_usd"] / two["cost_usd"] == pytest.approx(4.24 / 5.98)


def test_each_variant_has_the_share_of_its_speed_and_the_books_balance() -> None:
    ran = run(1, 1)
    figures = ran.metrics
    share = {name: figures[f"backends.{name}.answers"] for name in ("h100", "l40s")}
    assert 3 < share["h100"] / share["l40s"] < 10  # weights 4.6 and 1, but in few large steps
    for name in ("cost_usd", "cost_usd_per_month", "gpu_hours", "answers"):
        parts = math.fsum(figures[f"backends.{part}.{name}"] for part in share)
        assert figures[f"backends.all.{name}"] == pytest.approx(parts, rel=1e-12), name
    assert figures["backends.all.cost_usd"] == pytest.approx(figures["cost_usd"], rel=1e-12)
    assert figures["backends.all.attempts"] == figures["attempts"]
    assert ran.requests is not None
    assert set(ran.requests["backend"]) == {"h100", "l40s"}


def test_offered_work_of_both_is_that_of_a_fleet_that_does_it_all() -> None:
    """Loads of one kind alone are work over capacity: of a mix the capacities add up."""
    alone = [run(*fleet).metrics["offered_load"] for fleet in ((1, 0), (0, 1))]
    both = run(1, 1).metrics["backends.all.offered_load"]
    assert both == pytest.approx(1 / sum(1 / load for load in alone), rel=0.02)
