"""Figures of regions: of users and backends there, which add up to the whole."""

import math
from functools import cache

import pytest
from scenario_documents import SERVICE, written

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

TEXT = f"""\
name: two regions
horizon: {{start: 2026-11-24T12:00, duration: 30min, warm_up: 1min}}
regions:
  eu:
    clock: Europe/Berlin
    latency: {{us: 90ms}}
    grid: {{g_per_kwh: 300}}
    outages: {{planned: [{{start: 10min, duration: 5min}}]}}
  us: {{clock: America/New_York, grid: {{g_per_kwh: 400}}, price_factor: 0.9}}
workloads:
  chat:
    regions: {{eu: 60%, us: 40%}}
    arrivals: {{requests_per_second: 4}}
    prompt_tokens: 500
    output_tokens: 50
    client: {{timeout: 60s, retries: openai-sdk}}
  batch:
    regions: eu
    stay: [eu]
    arrivals: {{requests_per_second: 1}}
    prompt_tokens: 500
    output_tokens: 50
backends:
  large:
    kind: gpu_pool
    service: {SERVICE}
    regions: {{eu: 2, us: 1}}
    cold_start: 2min
    price: {{usd_per_gpu_hour: 3}}
    throughput_factor: 1
"""
WORLD = 0


@cache
def figures(folder):
    scenario = load_scenario(written(folder, TEXT))
    return replicate(scenario, 0, WORLD, {}).metrics


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return figures(tmp_path_factory.mktemp("regions"))


@pytest.mark.parametrize("metric", ["cost_usd", "cost_usd_per_month", "energy_kwh", "co2e_kg"])
def test_dollars_joules_and_grams_by_region_add_up_to_the_whole(known, metric):
    parts = [known[f"regions.{name}.{metric}"] for name in ("eu", "us")]
    assert min(parts) > 0
    assert math.fsum(parts) == pytest.approx(known[metric], rel=1e-12)


def test_grams_are_those_of_the_grid_of_each(known):
    for region, grams in (("eu", 300), ("us", 400)):
        kwh, kg = (known[f"regions.{region}.{name}"] for name in ("energy_kwh", "co2e_kg"))
        assert kg == pytest.approx(kwh * grams / 1000)


def test_requests_by_region_add_up_and_each_has_its_fate(known):
    fates = ("completed", "timed_out", "rejected", "failed", "gave_up")
    regions = ("eu", "us")
    assert known["requests"] == sum(known[f"regions.{name}.requests"] for name in regions)
    ended = sum(known[f"regions.{name}.{fate}"] for name in regions for fate in fates)
    assert ended + known["in_flight_end"] == known["requests"]


def test_users_of_a_lost_region_are_served_away_and_those_who_may_not_leave_are_told(known):
    """Of 30 minutes 5 and a cold start of 2 are lost; of eu 2.4 of 3.4 requests may leave."""
    away, lost = known["regions.eu.served_away_share"], 7 / 30
    may_leave = 2.4 / 3.4
    expected = may_leave * lost / (may_leave + (1 - may_leave) * (1 - lost))
    assert away == pytest.approx(expected, rel=0.15)
    assert known["regions.us.served_away_share"] == 0.0
    told = known["workloads.batch.rejected"] + known["workloads.batch.failed"]
    assert told == pytest.approx(lost * known["workloads.batch.requests"], rel=0.2)
    assert known["workloads.chat-eu.rejected"] == known["workloads.chat-eu.failed"] == 0
    assert known["workloads.chat-eu.ttft_p95_s"] > known["workloads.chat-us.ttft_p95_s"] + 0.05
