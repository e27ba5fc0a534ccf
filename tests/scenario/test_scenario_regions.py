"""Regions of a scenario: the streams and pools that they make, and what they cannot mean."""

import math
import zoneinfo
from datetime import datetime

import numpy as np
import pytest
from scenario_documents import MINIMAL, SERVICE, only_problem, written

from sim.model.routing import Leg, Routing
from sim.scenario import load_scenario
from sim.scenario.values.clock import Clock

POOL, CHAT = "backends.large", "workloads.chat"
WORLD = (
    "regions={eu: {clock: Europe/Berlin, latency: {us: 90ms, asia: 230ms, eu: 15ms}}, "
    "us: {clock: America/New_York, latency: {asia: 160ms}}, asia: {clock: Asia/Tokyo}}"
)
USERS = f"{CHAT}.regions={{eu: 50%, us: 30%, asia: 20%}}"
PLACES = f"{POOL}.regions={{eu: 3, us: 4, asia: {{replicas: 2}}}}"
THREE = (WORLD, USERS, PLACES)
OUTAGE = "regions.us.outages={planned: [{start: 2h, duration: 1h}]}"
COLD = f"{POOL}.cold_start=3min"
GRIDS = ("regions.eu.grid={g_per_kwh: 300}", "regions.us.grid={g_per_kwh: 300}")


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def test_each_region_has_a_stream_and_a_pool_and_the_way_between_them(minimal):
    scenario = load_scenario(minimal, THREE)
    design = scenario.typical_design()
    assert [(pool.name, pool.replicas) for pool in design.pools] == [
        ("large-eu", 3),
        ("large-us", 4),
        ("large-asia", 2),
    ]
    assert [workload.name for workload in design.workloads] == ["chat-eu", "chat-us", "chat-asia"]
    assert design.workloads[0].route == Routing(
        (Leg("large-eu"),),
        ("large-us", "large-asia"),
        after_timeout=False,
        trips_s=(("large-eu", 0.015), ("large-us", 0.09), ("large-asia", 0.23)),
    )
    assert design.workloads[2].route.fallback == ("large-us", "large-eu")  # the nearest first
    rates = [workload.source.curve.mean_rate() for workload in design.workloads]
    assert rates == pytest.approx([100_000 / 86_400 * share for share in (0.5, 0.3, 0.2)])
    assert [(r.name, r.workloads, r.backends) for r in design.regions] == [
        (name, (f"chat-{name}",), (f"large-{name}",)) for name in ("eu", "us", "asia")
    ]


def test_what_was_resolved_gives_the_same_designs(minimal, tmp_path):
    keys = (*THREE, f"{POOL}.regions.asia.price={{usd_per_gpu_hour: {{p5: 2, p95: 3}}}}")
    scenario = load_scenario(minimal, keys)
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert [each.path for each in again.inputs] == [each.path for each in scenario.inputs]
    values = {each.path: float(each.distribution.ppf([0.3])[0]) for each in scenario.inputs}
    one, two = (str(each.design(values).pools) for each in (scenario, again))
    assert one == two


def test_what_is_uncertain_of_a_pool_is_the_same_in_all_of_its_regions(minimal):
    scenario = load_scenario(minimal, (*THREE, f"{POOL}.throughput_factor={{p5: 0.8, p95: 1.2}}"))
    (path,) = [each.path for each in scenario.inputs]
    assert path == f"{POOL}.throughput_factor"
    tables = {pool.profile.step_base_s for pool in scenario.design({path: 0.9}).pools}
    assert len(tables) == 1


def test_one_region_without_a_way_is_the_scenario_without_regions(minimal):
    """The same streams and pools by name, and so the same bits."""
    alone = ("regions={here: {}}", f"{CHAT}.regions=here", f"{POOL}.regions={{here: 2}}")
    one, plain = (load_scenario(minimal, keys).typical_design() for keys in (alone, ()))
    assert one.pools == plain.pools and one.managed == plain.managed
    (own,), (usual,) = one.workloads, plain.workloads
    assert own.name == usual.name and own.routing is usual.routing is None
    assert own.source.curve.rate_per_s.tobytes() == usual.source.curve.rate_per_s.tobytes()
    assert own.month_weight == usual.month_weight and own.economics == usual.economics


def test_days_of_opposite_clocks_add_up_to_a_flat_one(minimal):
    """With s(h) + s(h + 12) = 2 on clocks twelve hours apart the joint peak is the mean rate."""
    shape = [1 + 0.8 * math.sin(2 * math.pi * hour / 24) for hour in range(24)]
    world = "regions={one: {clock: -6, latency: {two: 0}}, two: {clock: 6}}"
    halves = (world, f"{CHAT}.regions={{one: 50%, two: 50%}}", f"{POOL}.regions={{one: 2, two: 2}}")
    design = load_scenario(minimal, (*halves, f"{CHAT}.arrivals.shape={shape}")).typical_design()
    one, two = (workload.source.curve for workload in design.workloads)
    at_s = np.arange(24) * 3600.0 + 1800.0
    rate = [curve.rate_per_s[np.searchsorted(curve.edges_s, at_s) - 1] for curve in (one, two)]
    mean = 100_000 / 86_400
    assert np.asarray(rate).sum(axis=0) == pytest.approx(np.full(24, mean))
    assert max(rate[0]) == pytest.approx(1.8 * mean / 2, rel=0.01)
    noon_of_one = 12 + 6  # by UTC
    assert rate[0][noon_of_one] == pytest.approx(shape[12] * mean / 2)


def test_a_day_shape_follows_daylight_saving(minimal):
    """Clocks of Berlin are set at 1:00 UTC of 29 March 2026: from 1 h to 2 h ahead."""
    shape = f"{CHAT}.arrivals.shape={[float(1 + hour) for hour in range(24)]}"
    keys = (
        "regions={eu: {clock: Europe/Berlin}}",
        f"{CHAT}.regions=eu",
        f"{POOL}.regions={{eu: 2}}",
    )
    starts = ("horizon.start=2026-03-28", "horizon.days=3", shape)
    (workload,) = load_scenario(minimal, (*keys, *starts)).typical_design().workloads
    curve, mean = workload.source.curve, 12.5
    at_s = np.array([0.5, 24.5, 25.5, 48.5]) * 3600.0  # of UTC, from the 28th on
    found = curve.rate_per_s[np.searchsorted(curve.edges_s, at_s) - 1]
    local = np.array([1, 1, 3, 2])  # the hours that clocks show: 2 is left out on the 29th
    assert found == pytest.approx((1 + local) / mean * 100_000 / 86_400)


def test_clocks_are_zones_or_offsets():
    winter = datetime(2026, 1, 5)
    for text, hours in {"Asia/Kolkata": 5.5, "-03:30": -3.5, "UTC+2": 2.0, "UTC": 0.0}.items():
        assert Clock(text).offset_s(winter) == 3600.0 * hours


def test_timetables_and_grids_are_on_the_clock_of_their_region(minimal):
    table = "{preset: scheduled, schedule: [{at: 08:00, replicas: 5}, {at: 20:00, replicas: 1}]}"
    hours = [float(hour) for hour in range(24)]
    keys = (
        "regions={asia: {clock: +05:30, grid: {by_hour: " + str(hours) + "}}}",
        f"{CHAT}.regions=asia",
        f"{POOL}.regions={{asia: {{}}}}",
        f"{POOL}.replicas={{max: 5}}",
        f"{POOL}.autoscaler={table}",
        COLD,
        "horizon.start=2026-01-05T02:00",
        "horizon.warm_up=0s",
    )
    (pool,) = load_scenario(minimal, keys).typical_design().pools
    assert pool.ahead_s == 5.5 * 3600 and pool.replicas == 1  # at 7:30 there
    keys = [*keys[:-2], "horizon.start=2026-01-05T03:00", keys[-1]]
    (pool,) = load_scenario(minimal, keys).typical_design().pools
    assert pool.replicas == 5
    assert pool.energy.grid.g_per_kwh[:3] == (5.5, 6.5, 7.5)  # of 0:00 UTC: half of 5, half of 6


def test_requests_go_to_the_cheapest_the_cleanest_and_where_it_is_night(minimal):
    grids = ("regions.eu.grid={g_per_kwh: 300}", "regions.asia.grid={g_per_kwh: 200}")
    noon_is_dirty = [100.0] * 12 + [500.0] * 12
    grids += (f"regions.us.grid={{by_hour: {noon_is_dirty}}}", "regions.us.clock=UTC")
    prices = ("regions.asia.price_factor=0.5", "regions.us.price_factor=0.8")

    def orders(word):
        keys = (*THREE, *grids, *prices, f"{CHAT}.routing={word}", f"{CHAT}.regions=eu")
        design = load_scenario(minimal, keys).typical_design()
        return {each.name: _order(each) for each in design.workloads}, design

    assert orders("cheapest")[0] == {"chat": ["asia", "us", "eu"]}
    found, design = orders("cleanest")
    assert found == {"chat-1": ["us", "asia", "eu"], "chat-2": ["asia", "eu", "us"]}
    curves = [each.source.curve for each in design.workloads]
    assert [curve.expected(0.0, 43_200.0) > 0 for curve in curves] == [True, False]
    assert [curve.expected(43_200.0, 86_400.0) > 0 for curve in curves] == [False, True]
    total = math.fsum(each.source.curve.expected(0.0, 86_400.0) for each in design.workloads)
    assert total == pytest.approx(100_000)
    found, design = orders("night")
    first = {order[0] for order in found.values()}
    assert first == {"eu", "us", "asia"}  # follows the night round the world
    total = math.fsum(each.source.curve.expected(0.0, 86_400.0) for each in design.workloads)
    assert total == pytest.approx(100_000)


def _order(workload):
    names = [workload.route.legs[0].to, *workload.route.fallback]
    return [name.removeprefix("large-") for name in names]


def test_data_that_may_not_leave_have_no_way_out(minimal):
    keys = (*THREE, f"{CHAT}.stay={{eu: [eu]}}")
    eu, us, _ = load_scenario(minimal, keys).typical_design().workloads
    assert eu.route.backends == {"large-eu"}
    assert us.route.backends == {"large-eu", "large-us", "large-asia"}


def test_who_may_not_leave_a_region_that_may_be_lost_is_told_of(minimal):
    keys = (*THREE, f"{CHAT}.stay={{us: [us], eu: [eu]}}", OUTAGE, COLD)
    (told,) = [each for each in load_scenario(minimal, keys).warnings if ".stay" in each]
    assert told == (
        f"{CHAT}.stay: while us is lost, its users in us (30 %) have nowhere to go, and are refused"
    )


def test_who_comes_after_others_comes_after_those_of_the_same_region(minimal):
    later = (
        "workloads.later={arrivals: {after: chat}, prompt_tokens: 10, output_tokens: 5, "
        "regions: {eu: 50%, us: 30%, asia: 20%}}"
    )
    design = load_scenario(minimal, (*THREE, later)).typical_design()
    leads = {each.name: each.leads_to for each in design.workloads}
    assert leads["chat-eu"] == ("later-eu",) and leads["chat-asia"] == ("later-asia",)
    other = "workloads.later.regions=eu"
    told = "workloads.later.regions: must be those of 'chat', after which these requests come"
    assert only_problem(minimal, (*THREE, later, other)).startswith(told)
    night = f"{CHAT}.routing=night"
    told = f"{CHAT}.routing: night may change by the hour, which a chain of requests cannot"
    assert only_problem(minimal, (*THREE, later, night)).startswith(told)


def test_a_bill_of_an_api_in_regions_is_that_of_one(minimal):
    api = "backends.small={kind: managed_api, model: gpt-4o-mini, regions: [us, eu]}"
    bill = f"{CHAT}.arrivals={{usd_per_month: 2k, billed_by: small}}"
    keys = (WORLD, api, f"{CHAT}.regions=eu", f"{CHAT}.route=small", bill)
    (workload,) = load_scenario(minimal, keys).typical_design().workloads
    assert workload.route.legs[0].to == "small-eu" and workload.source.curve.mean_rate() > 0


def test_each_leg_goes_on_in_regions_of_its_own(minimal):
    small = "backends.small={kind: managed_api, model: gpt-4o-mini, regions: [us, asia]}"
    route = f"{CHAT}.route=[{{to: large, share: 70%}}, {{to: small, share: 30%}}]"
    keys = (*THREE, small, route, f"{CHAT}.fallback=small")
    eu, _, _ = load_scenario(minimal, keys).typical_design().workloads
    assert [leg.to for leg in eu.route.legs] == ["large-eu", "small-us"]
    smalls = ("small-us", "small-asia")
    assert eu.route.after("large-eu") == ("large-us", "large-asia", *smalls)
    assert eu.route.after("small-us") == ("small-asia",)
    assert dict(eu.route.trips_s)["small-us"] == 0.09


def test_a_lost_region_takes_pools_and_apis_with_it(minimal):
    small = "backends.small={kind: managed_api, model: gpt-4o-mini, regions: [us, asia]}"
    keys = (*THREE, small, f"{CHAT}.route=large", f"{CHAT}.fallback=small", OUTAGE, COLD)
    design = load_scenario(minimal, keys).typical_design()
    zones = {pool.name: pool.failures.zones for pool in design.pools}
    assert zones["large-eu"] is None
    lost = zones["large-us"]
    assert lost.planned == (("us", 7200.0, 10_800.0),) and lost.takes_gateway
    assert {api.name: api.zones for api in design.managed} == {"small-us": lost, "small-asia": None}


def test_a_pool_in_a_region_is_changed_by_its_name_there(minimal):
    """As studies do: what may differ there alone, all else in every region."""
    changes = (
        f"{POOL}-us.replicas=7",
        f"{POOL}-us.fixed_usd_per_month=500",
        f"{POOL}-eu.router=random",
    )
    pools = load_scenario(minimal, (*THREE, *changes)).typical_design().pools
    assert [pool.replicas for pool in pools] == [3, 7, 2]
    assert [pool.fixed_usd_per_month for pool in pools] == [0, 500, 0]
    assert {pool.router for pool in pools} == {"random"}


def test_prices_differ_by_region(minimal):
    own = f"{POOL}.regions.asia={{replicas: 2, price: {{usd_per_gpu_hour: 7}}}}"
    keys = (*THREE, own, f"{POOL}.price={{usd_per_gpu_hour: 3}}", "regions.us.price_factor=0.9")
    keys += ("regions.asia.price_factor=2",)  # of what has a price there it is none
    pools = load_scenario(minimal, keys).typical_design().pools
    assert [pool.price.usd_per_gpu_hour for pool in pools] == pytest.approx([3.0, 2.7, 7.0])


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([USERS], f"{CHAT}.regions: has no meaning without regions at the top"),
        ([WORLD, PLACES], f"{CHAT}.regions: is missing, and its backends stand in some"),
        ([*THREE, f"{CHAT}.regions.mars=0%"], f"{CHAT}.regions.mars: is no region"),
        ([*THREE, f"{POOL}.regions.mars=2"], f"{POOL}.regions.mars: is no region"),
        ([*THREE, f"{CHAT}.stay=[mars]"], f"{CHAT}.stay.0: 'mars' is no region"),
        (
            [*THREE, f"{CHAT}.regions.us=20%"],
            f"{CHAT}.regions: has shares of 90% together, must be 100%",
        ),
        (
            [*THREE, "regions.eu.latency={us: 90ms}"],
            "regions.eu.latency: has no asia, to which requests of eu may go",
        ),
        (
            [*THREE, "regions.us.latency.eu=80ms"],
            "regions.us.latency.eu: '80ms' is '90ms' at regions.eu.latency.us",
        ),
        ([*THREE, "regions.eu.clock=Berlin"], "regions.eu.clock: 'Berlin' must be a time zone"),
        ([*THREE, "regions.eu.clock=+15:00"], "regions.eu.clock: '+15:00' must be within 14 hours"),
        (
            [*THREE, f"{POOL}.regions={{us: 4}}", f"{CHAT}.stay={{eu: [eu]}}"],
            f"{CHAT}.stay: 'large' stands in us alone, which users of eu may not be sent to",
        ),
        ([*THREE, OUTAGE], f"{POOL}.cold_start: is missing, and replicas that are lost"),
        ([*THREE, COLD, "regions.us.outages={gap: 30d}"], "regions.us.outages: has no duration"),
        (
            [*THREE, f"{CHAT}.routing=cleanest", *GRIDS],
            f"{CHAT}.routing: cleanest cannot be told, as regions.asia has no grid",
        ),
        ([*THREE, f"{CHAT}.routing=closest"], f"{CHAT}.routing: 'closest' must be one of nearest"),
        ([*THREE, "cluster={gpus: 40}"], "cluster: is of one place, and cannot be beside regions"),
        ([f"{CHAT}.routing=night"], f"{CHAT}.routing: has no meaning without regions at the top"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(minimal, overrides, expected):
    assert only_problem(minimal, overrides).startswith(expected)


def test_a_machine_without_time_zones_is_told_so(minimal, monkeypatch):
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    monkeypatch.setattr("zoneinfo.ZoneInfo", _no_zone)
    problem = only_problem(minimal, ["regions={eu: {clock: Europe/Berlin}}"])
    expected = "regions.eu.clock: 'Europe/Berlin' cannot be looked up: this machine has no time"
    assert problem.startswith(expected) and "pip install tzdata" in problem


def _no_zone(name):
    raise zoneinfo.ZoneInfoNotFoundError(name)


def test_problems_of_a_stream_are_told_where_it_was_written(minimal):
    keys = (*THREE, f"{CHAT}.client={{timeout: 1us}}", f"{POOL}.service={SERVICE}")
    assert only_problem(minimal, keys).startswith(f"{CHAT}.client.timeout: ")
