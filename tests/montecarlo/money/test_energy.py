"""Joules are conserved and follow from what the fleet did: closed forms, changes of one thing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from fleets import pool, profile
from queues import STEP_S, fcfs
from scenario_documents import MINIMAL, written

from sim.engine.simulation import Outcome, simulate
from sim.errors import ScenarioError
from sim.model.autoscaler import Hpa
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant
from sim.model.energy import Energy, Grid, PowerLaw
from sim.model.lifecycle import ColdStart, Lifecycle
from sim.model.purchase import Owned, PurchasePlan
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload
from sim.montecarlo.money import costs, money
from sim.montecarlo.replication import replicate
from sim.scenario import Scenario, load_scenario
from sim.studies.size.fleet import most_replicas

LAW = PowerLaw("some", 100.0, 250.0, 600.0, 1e6)  # no cap, so that all is linear
HOUR_S = 3_600.0


@dataclass(frozen=True)
class Poisson:
    """Poisson arrivals, exponential outputs."""

    rate: float
    mean_tokens: float = 40.0
    prompt: int = 100

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        rng = streams(f"{name}/arrivals")
        times = np.sort(rng.uniform(start_s, end_s, rng.poisson(self.rate * (end_s - start_s))))
        outputs = np.maximum(1, np.rint(rng.exponential(self.mean_tokens, len(times))))
        yield RequestBlock(
            times, np.full(len(times), self.prompt, np.int32), outputs.astype(np.int32)
        )


ENGINE = profile(
    batch=(0, 32),
    step_base_s=(0.01, 0.02),
    step_s_per_kv_token=(0.0, 0.0),
    prefill_s_per_request=0.003,
    prefill_s_per_token=1e-4,
    max_num_seqs=32,
    gpus_per_replica=2,
)
FLEET = replace(pool(ENGINE, 2, "least_loaded"), energy=Energy(LAW, pue=1.25))


def ran(
    fleet: GpuPool, *sources: Poisson, duration_s: float = 2 * HOUR_S, drained: bool = False
) -> tuple[Outcome, Design]:
    horizon = Horizon(
        datetime(2026, 11, 23), duration_s, 0.0, 900.0, end_limit_s=HOUR_S if drained else 0.0
    )
    workloads = tuple(
        Workload(f"w{at}", source, fleet.name, Slo()) for at, source in enumerate(sources)
    )
    design = Design("d", horizon, workloads, (fleet,))
    outcome = simulate(design, Streams(3, 0), record_requests=True)
    return outcome, outcome.lived(design)


def figures(fleet: GpuPool, *sources: Poisson, **given: Any) -> dict[str, float]:
    return money(*ran(fleet, *sources, **given))


def test_an_idle_fleet_draws_its_idle_power_times_its_time_and_its_site() -> None:
    found = figures(FLEET, Poisson(0.0))
    assert found["energy_kwh"] == pytest.approx(2 * 2 * 0.1 * 2 * 1.25)
    assert found["energy_idle_share"] == 1.0
    assert found["power_mean_w"] == pytest.approx(found["power_peak_w"])
    assert math.isnan(found["energy_wh_per_request"])


def test_a_queue_of_one_server_is_busy_for_its_load() -> None:
    """M/M/1 at a load of 0.6: of 20 seeds' 95 % intervals one would miss; here is one."""
    server = replace(fcfs(), energy=Energy(replace(LAW, compute_w=0.0)))
    rate = 0.6
    source = Poisson(rate, mean_tokens=1 / STEP_S, prompt=1)
    hours = 40.0
    outcome, design = ran(server, source, duration_s=hours * HOUR_S)
    found = money(outcome, design)
    served_s = float((outcome.requests.output_tokens * STEP_S).sum())
    busy_h = served_s / HOUR_S
    assert found["energy_kwh"] == pytest.approx(0.1 * hours + 0.25 * busy_h, rel=2e-3)
    assert busy_h / hours == pytest.approx(rate, rel=0.03)


def test_joules_of_the_work_are_those_of_its_tokens() -> None:
    """Conservation: what engines were busy, and each token's arithmetic, and nothing else."""
    outcome, design = ran(FLEET, Poisson(2.0), Poisson(1.0, 90.0, 700), drained=True)
    found, rows = money(outcome, design), outcome.requests
    assert len(outcome.in_flight) == 0
    computed_s = 1e-4 * float((rows.prompt_tokens + rows.output_tokens - 1).sum())
    busy_s = float(outcome.ledger.pools[0]["busy_s"].sum())
    idle_s = 2 * outcome.end_s
    per_gpu_j = 100.0 * idle_s + 250.0 * busy_s + 600.0 * computed_s
    assert found["energy_kwh"] * 3.6e6 == pytest.approx(2 * 1.25 * per_gpu_j, rel=1e-9)
    each = [found[f"workloads.w{at}.energy_kwh"] for at in (0, 1)]
    assert sum(each) == pytest.approx(found["energy_kwh"], rel=1e-12)
    assert found["backends.pool.energy_kwh"] == found["energy_kwh"]
    by_request = [
        found[f"workloads.w{at}.energy_wh_per_request"] * (rows.workload == at).sum()
        for at in (0, 1)
    ]
    assert sum(by_request) == pytest.approx(1000 * found["energy_kwh"], rel=1e-9)


def test_a_cap_holds_the_mean_of_every_bin() -> None:
    low = replace(LAW, cap_w=380.0)
    free, held = (figures(replace(FLEET, energy=Energy(law)), Poisson(12.0)) for law in (LAW, low))
    assert held["energy_kwh"] < free["energy_kwh"]
    assert held["power_peak_w"] <= 2 * 2 * 380.0 * (1 + 1e-12)


def test_twice_the_pue_is_twice_the_energy_and_the_carbon() -> None:
    grid = Grid((300.0,) * 24)
    once, twice = (
        figures(replace(FLEET, energy=Energy(LAW, pue, grid)), Poisson(2.0)) for pue in (1.1, 2.2)
    )
    for name in ("energy_kwh", "co2e_kg", "energy_wh_per_request", "power_peak_w"):
        assert twice[name] == pytest.approx(2 * once[name], rel=1e-12), name
    assert once["co2e_kg"] == pytest.approx(0.3 * once["energy_kwh"])
    assert twice["energy_idle_share"] == pytest.approx(once["energy_idle_share"])


def test_carbon_is_that_of_the_hour_in_which_energy_is_drawn() -> None:
    dirty_first = Grid((1000.0,) + (0.0,) * 23)
    found = figures(replace(FLEET, energy=Energy(LAW, 1.0, dirty_first)), Poisson(0.0))
    assert found["co2e_kg"] == pytest.approx(0.5 * found["energy_kwh"])  # one of two hours
    later = figures(
        replace(FLEET, energy=Energy(LAW, 1.0, Grid((0.0,) * 2 + (500.0,) * 22))), Poisson(2.0)
    )
    assert later["co2e_kg"] == 0.0


def test_machines_have_emitted_something_by_the_gpu_hour() -> None:
    site = Energy(LAW, embodied_g_per_gpu_hour=5.0)
    found = figures(replace(FLEET, energy=site), Poisson(1.0))
    assert found["co2e_embodied_kg"] == pytest.approx(5.0 * 2 * 2 * 2 / 1000)
    assert "co2e_kg" not in found


def test_owned_gpus_without_watts_are_charged_what_is_simulated() -> None:
    """And those that no replica has draw idle; watts of one's own count as before."""
    owned = Owned(6, 30_000.0, 4.0, usd_per_kwh=0.2)
    mine = replace(FLEET, price=PurchasePlan((owned,)))
    outcome, design = ran(mine, Poisson(2.0))
    (power,) = [charge for charge in costs(outcome, design).charges if charge.kind == "power"]
    kwh = money(outcome, design)["energy_kwh"] + 2 * 0.1 * 2 * 1.25  # two GPUs, two hours
    assert power.quantity.sum() == pytest.approx(kwh)
    assert power.effective_usd.sum() == pytest.approx(0.2 * kwh)
    given = replace(mine, price=PurchasePlan((replace(owned, idle_w=50.0, busy_w=400.0),)))
    plain = replace(given, energy=None)
    with_energy, without = (
        [c.quantity.sum() for c in costs(*ran(p, Poisson(2.0))).charges if c.kind == "power"]
        for p in (given, plain)
    )
    assert with_energy == without


def test_nothing_is_said_of_energy_where_nobody_asks() -> None:
    found = figures(replace(FLEET, energy=None), Poisson(1.0))
    assert not [name for name in found if "energy" in name or "co2e" in name or "power" in name]


def test_replicas_that_start_draw_power_before_they_serve() -> None:
    scaled = replace(
        FLEET,
        replicas=1,
        autoscaler=Hpa(target=4.0, max_replicas=6),
        lifecycle=Lifecycle(cold_start=ColdStart.whole(Constant(300.0))),
    )
    outcome, design = ran(scaled, Poisson(15.0))
    work = costs(outcome, design).works[0]
    assert work.drawn is not None
    rented_s = sum(each.end_s - each.start_s for each in outcome.rentals)
    assert work.drawn.idle_j.sum() == pytest.approx(100.0 * 2 * rented_s)
    assert rented_s > outcome.ledger.pools[0]["serving_s"].sum()


# Scenarios

SITE = ("energy={pue: 1.2, grid: {region: FRA}}",)
SHORT = ("horizon={duration: 1h, warm_up: 5min}", "worlds=1")


def middle(scenario: Scenario) -> dict[str, float]:
    """Draws of the median world."""
    half = np.array([0.5])
    return {u.path: float(u.distribution.ppf(half)[0]) for u in scenario.inputs}


def read(tmp_path: Any, *overrides: str) -> dict[str, float]:
    scenario = load_scenario(written(tmp_path, MINIMAL), (*SHORT, *overrides))
    return replicate(scenario, 0, 0, middle(scenario)).metrics


def test_a_power_cap_saves_energy_and_takes_time(tmp_path: Any) -> None:
    load = "workloads.chat.arrivals={requests_per_second: 6}"
    free, capped = (
        read(tmp_path, *SITE, load),
        read(tmp_path, *SITE, load, "backends.large.power_cap=60%"),
    )
    assert capped["energy_kwh"] < free["energy_kwh"]
    assert capped["ttft_p50_s"] > free["ttft_p50_s"]
    assert capped["cost_usd"] == free["cost_usd"]


def test_an_api_has_energy_only_where_the_scenario_says_what_a_token_takes(tmp_path: Any) -> None:
    api = "backends={api: {kind: managed_api, model: gpt-4o-mini}}"
    asked = (*SITE, api, "workloads.chat.route=api")
    unknown = read(tmp_path, *asked)
    assert unknown["energy_unknown_share"] == 1.0
    assert unknown["energy_kwh"] == 0.0
    assert math.isnan(unknown["energy_wh_per_request"])
    known = read(tmp_path, *asked, "backends.api.energy={wh_per_1k_tokens: 2}")
    assert known["energy_unknown_share"] == 0.0
    tokens = known["backends.api.tokens"]
    assert known["energy_kwh"] == pytest.approx(2e-6 * tokens, rel=0.02)  # no PUE on top


def refused(tmp_path: Any, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(written(tmp_path, MINIMAL), overrides)
    return [str(replace(p, file="", line=None)) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("energy={pue: 0.8}", "energy.pue: 0.8 must be at least 1"),
        ("energy={grid: {region: Frence}}", "region 'Frence' is not in the catalogue"),
        ("energy={grid: {}}", "energy.grid: says nothing (add region: FRA"),
        ("energy={grid: {region: FRA, g_per_kwh: 3}}", "goes beside region"),
        ("energy={grid: {by_hour: [1, 2]}}", "has 2 numbers, must have 24"),
        ("backends.large.power_cap=20%", "backends.large.power_cap: 20% must be at least 350 W"),
        ("backends.large.power_cap=lots", "must be a share such as 80%, or a power such as 560 W"),
        (
            "energy={power_budget: 1 kW}",
            "energy.power_budget: 1 kW is enough for 0 replicas of large, which has 2",
        ),
        (
            "backends.large.energy={power_budget: 4 kW}",
            "backends.large.energy.power_budget: 4 kW is enough for 1 replica of large, which",
        ),
    ],
)
def test_what_cannot_be_is_told_in_a_line(tmp_path: Any, override: str, expected: str) -> None:
    found = refused(tmp_path, override)
    assert len(found) == 1
    assert expected in found[0]


def test_what_other_pools_leave_of_the_power_of_a_site_is_told_as_that(tmp_path: Any) -> None:
    other = (
        "{kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 1,"
        " price: {usd_per_gpu_hour: 3}}"
    )
    overrides = ("energy={power_budget: 6 kW}", f"backends.other={other}")
    found = refused(tmp_path, *overrides, "workloads.chat.route=large")
    (each,) = {float(line.split("(")[1].split()[0]) for line in found}  # a replica, in kW
    left = f"{6 - each:.4g} kW, what other pools leave of 6 kW, is enough for 1 replica of large"
    assert f"energy.power_budget: {left}" in found[0]


SCALED = (
    "backends.large.replicas={min: 1, max: 9, initial: 1}",
    "backends.large.autoscaler={preset: hpa, target_concurrency: 1}",
    "backends.large.cold_start=10s",
)


def test_a_fleet_stays_within_the_power_of_its_site(tmp_path: Any) -> None:
    asked = ("workloads.chat.arrivals={requests_per_second: 20}", *SCALED)
    free = read(tmp_path, *SITE, *asked)
    site = "energy={pue: 1.2, power_budget: 8 kW}"
    held = read(tmp_path, site, *asked)
    assert free["ready_replicas_max"] > held["ready_replicas_max"] >= 1
    assert held["power_peak_w"] <= 8_000.0
    scenario = load_scenario(written(tmp_path, MINIMAL), (*SHORT, site, *asked))
    (own,) = (
        scenario.design({}).pools
        if not scenario.inputs
        else scenario.design(
            {
                each.path: float(each.distribution.ppf(np.array([0.5]))[0])
                for each in scenario.inputs
            }
        ).pools
    )
    assert own.energy is not None
    assert held["ready_replicas_max"] <= own.energy.most_replicas(own.gpus_per_replica)


def test_a_region_with_a_shape_keeps_its_mean(tmp_path: Any) -> None:
    shape = ", ".join(["1"] * 12 + ["3"] * 12)
    site = f"energy={{grid: {{region: FRA, by_hour: [{shape}]}}}}"
    scenario = load_scenario(written(tmp_path, MINIMAL), (site,))
    (own,) = scenario.design(middle(scenario)).pools
    assert own.energy is not None
    assert own.energy.grid is not None
    values = own.energy.grid.g_per_kwh
    assert np.mean(values) == pytest.approx(56.04)
    assert values[23] == pytest.approx(3 * values[0])


def test_a_fixed_fleet_is_sized_within_the_power_of_its_site(tmp_path: Any) -> None:
    """``sim size`` tries no fleet that the site could not feed."""
    site = "energy={pue: 1.2, power_budget: 11 kW}"
    scenario = load_scenario(written(tmp_path, MINIMAL), (*SHORT, site))
    design = scenario.design(middle(scenario))
    (own,) = design.pools
    assert own.energy is not None
    assert most_replicas(design, own) == own.energy.most_replicas(own.gpus_per_replica) == 3


def test_an_uncertain_intensity_is_drawn_in_each_world(tmp_path: Any) -> None:
    site = "energy={grid: {g_per_kwh: {p5: 200, p95: 400}}}"
    scenario = load_scenario(written(tmp_path, MINIMAL), (*SHORT, site))
    draws = middle(scenario)
    assert "energy.grid.g_per_kwh" in draws
    each = [
        replicate(scenario, 0, 0, {**draws, "energy.grid.g_per_kwh": g}).metrics for g in (200, 400)
    ]
    assert each[1]["co2e_kg"] == pytest.approx(2 * each[0]["co2e_kg"])
    assert each[1]["energy_kwh"] == each[0]["energy_kwh"]


def test_several_pools_that_scale_share_no_budget(tmp_path: Any) -> None:
    pool = (
        "{kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: {min: 1, max: 4},"
    )
    pool += " autoscaler: {preset: hpa, target_concurrency: 8}, cold_start: 1min}"
    found = refused(
        tmp_path,
        f"backends={{one: {pool}, two: {pool}}}",
        "workloads.chat.route=one",
        "workloads.chat.fallback=[two]",
        "energy={power_budget: 40 kW}",
    )
    assert any("is for one pool that scales itself, and there are 2" in line for line in found)


def test_two_variants_draw_what_one_pool_draws(tmp_path: Any) -> None:
    """All of its answers are known: those of what joins them are not counted beside theirs."""
    named = [
        "workloads.chat.route=all", "energy={}", "backends.large.throughput_factor=1",
        "backends.other={kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm,"
        " replicas: 1, throughput_factor: 1, price: {usd_per_gpu_hour: 2}}",
        "variants={all: {pools: [large, other]}}",
    ]  # fmt: skip
    scenario = load_scenario(written(tmp_path, MINIMAL), (*SHORT, *named))
    found = replicate(scenario, 0, 0, middle(scenario)).metrics
    each = [found[f"backends.{name}.energy_kwh"] for name in ("large", "other")]
    assert min(each) > 0
    assert sum(each) == pytest.approx(found["energy_kwh"], rel=1e-12)
    assert found["backends.all.energy_kwh"] == pytest.approx(found["energy_kwh"], rel=1e-12)
    assert found["energy_unknown_share"] == 0.0
    assert found["energy_wh_per_request"] == pytest.approx(
        1000 * found["energy_kwh"] / found["completed"]
    )


def test_drafts_take_arithmetic_whether_they_are_accepted_or_not() -> None:
    """Steps that verify five tokens and make two and a half compute twice as much a token."""
    drafts = replace(ENGINE, tokens_per_step=2.5, step_width=5)
    once, twice = (
        money(*ran(replace(FLEET, profile=engine), Poisson(1.0, prompt=1), drained=True))
        for engine in (ENGINE, drafts)
    )
    law = replace(LAW, compute_w=0.0)
    idle = [
        money(
            *ran(
                replace(FLEET, profile=e, energy=Energy(law, 1.25)),
                Poisson(1.0, prompt=1),
                drained=True,
            )
        )
        for e in (ENGINE, drafts)
    ]
    made = [
        each["energy_kwh"] - rest["energy_kwh"]
        for each, rest in zip((once, twice), idle, strict=True)
    ]
    assert made[1] == pytest.approx(2 * made[0], rel=0.02)  # answers end amid a step
