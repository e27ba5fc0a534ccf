"""What of a bill goes by time, what by volume, and what is counted by the month."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bookings import api, book, design, gpus, horizon, nothing_happened, rent, workload
from scenario_documents import SERVICE, written

from sim.engine.simulation import Rental
from sim.engine.state.backend_record import STANDARD
from sim.model.autoscaler import Hpa, Keda
from sim.model.design import Design
from sim.model.distributions import Constant
from sim.model.economics import Economics
from sim.model.lifecycle import Standby
from sim.model.price import DAY_S, MONTH_S, GpuPrice, Subscription, TokenPrice, TokenRates
from sim.model.purchase import PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo.money import money
from sim.montecarlo.replication import replicate
from sim.montecarlo.run import run
from sim.report.table import render
from sim.scenario import load_scenario

PRODUCT = """
name: product
horizon: {start: 2026-11-23, days: 1}
workloads:
  chat:
    arrivals: {requests_per_day: 30k, shape: azure-code-2024}
    prompt_tokens: {lognormal: {mean: 1000, p95: 2600}}
    output_tokens: {lognormal: {mean: 200, p95: 500}}
    value_per_user_month: 2
    active_users: 1000
    slo: {ttft_p95: 2s}
backends:
"""
ON_API = f"{PRODUCT}  api: {{kind: managed_api, model: gpt-4o}}\n"
ON_GPUS = f"""{PRODUCT}  large:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 2
    throughput_factor: 1
"""
SCALED = (
    "backends.large.replicas={min: 1, max: 8}",
    "backends.large.autoscaler={preset: hpa, target_concurrency: 4}",
    "backends.large.cold_start=1min",
)
MONDAY, SATURDAY, WEEK = "start=2026-11-23", "start=2026-11-28", "days=7"
ON_DEMAND = GpuPrice(3.0)
CALL_USD = 0.035  # 4,000 tokens in and 1,000 out
FLAGSHIP = TokenRates(input=5.0, output=15.0)
DAYS = MONTH_S / DAY_S
BUSY, QUIET = 0.8, 2.5  # weights of a day with more requests than the mean one, and with fewer


def weighted(*weights: float, managed: Any = (), pools: Any = (), **economics: float) -> Design:
    name = (*pools, *managed)[0].name
    asking = [
        replace(
            workload(f"w{n}", name, economics=Economics(**economics)),
            month_weight=weight,
        )
        for n, weight in enumerate(weights)
    ]
    return design(asking, pools, managed, horizon())


def figures(what: Design, *calls: int, rentals: Any = ()) -> dict[str, float]:
    """Of a day with so many answers for each workload."""
    outcome = nothing_happened(what, rentals)
    for index, each in enumerate(calls):
        book(outcome, (index, 0, STANDARD, 0), each, 4_000, 1_000)
    return money(outcome, what)


@pytest.mark.parametrize("weight", [BUSY, QUIET])
def test_tokens_go_by_the_volume_of_the_month(weight: float) -> None:
    what = weighted(weight, managed=[api(TokenPrice(FLAGSHIP))], active_users=50.0)
    found = figures(what, 1_000)
    month_usd = 1_000 * CALL_USD * weight * DAYS
    assert found["cost_usd"] == pytest.approx(1_000 * CALL_USD)
    assert found["cost_usd_per_month"] == pytest.approx(month_usd)
    assert found["requests_per_month"] == pytest.approx(1_000 * weight * DAYS)
    assert found["cost_usd_per_request"] == pytest.approx(CALL_USD)
    assert found["cost_usd_per_user_month"] == pytest.approx(month_usd / 50)
    assert found["workloads.w0.cost_usd_per_month"] == pytest.approx(month_usd)
    assert found["backends.api.cost_usd_per_month"] == pytest.approx(month_usd)


def test_workloads_of_different_weeks_are_weighted_each_by_its_own() -> None:
    found = figures(weighted(BUSY, QUIET, managed=[api(TokenPrice(FLAGSHIP))]), 1_000, 100)
    busy, quiet = 1_000 * CALL_USD * BUSY * DAYS, 100 * CALL_USD * QUIET * DAYS
    assert found["cost_usd_per_month"] == pytest.approx(busy + quiet)
    assert found["workloads.w1.cost_usd_per_month"] == pytest.approx(quiet)


def test_a_fleet_of_a_fixed_size_goes_by_time() -> None:
    for weight in (BUSY, QUIET):
        what = weighted(weight, pools=[gpus(GpuPrice(3.0), replicas=2)])
        found = figures(what, 10, rentals=rent(2, 24.0))
        assert found["cost_usd_per_month"] == pytest.approx(2 * 3.0 * 24 * DAYS)


def scaling(price: Any, least: int) -> Any:
    return replace(gpus(price, replicas=2), autoscaler=Hpa(8.0, 4, least))


@pytest.mark.parametrize("weight", [BUSY, QUIET])
def test_a_fleet_that_scales_itself_lies_between(weight: float) -> None:
    rentals = [*rent(1, 24.0), Rental(0, 0.0, 6 * 3_600.0)]
    found = figures(weighted(weight, pools=[scaling(GpuPrice(3.0), 1)]), 10, rentals=rentals)
    assert found["cost_usd"] == pytest.approx(3.0 * 30)
    assert found["cost_usd_per_month"] == pytest.approx(3.0 * (24 + 6 * weight) * DAYS)
    plan = PurchasePlan((Reserved(2.0, 1), PayAsYouGo(3.0)))
    found = figures(weighted(weight, pools=[scaling(plan, 1)]), 10, rentals=rentals)
    assert found["cost_usd_per_month"] == pytest.approx((2.0 * 24 + 3.0 * 6 * weight) * DAYS)
    found = figures(weighted(weight, pools=[scaling(plan, 2)]), 10, rentals=rent(2, 24.0))
    assert found["cost_usd_per_month"] == pytest.approx((2.0 + 3.0) * 24 * DAYS)


@pytest.mark.parametrize("weight", [0.2, BUSY, QUIET])
def test_the_first_replica_of_a_fleet_that_may_have_none_is_there_while_it_is_needed(
    weight: float,
) -> None:
    def month(*rentals: Rental, price: Any = ON_DEMAND, on_standby: int = 0) -> float:
        pool = replace(gpus(price, replicas=0), autoscaler=Keda(8.0, 4))
        if on_standby:
            standby = Standby(on_standby, Constant(1.0))
            pool = replace(pool, lifecycle=replace(pool.lifecycle, standby=standby))
        what = weighted(weight, pools=[pool])
        return figures(what, 10, rentals=rentals)["cost_usd_per_month"]

    def hours(begin: float, end: float) -> Rental:
        return Rental(0, begin * 3_600.0, end * 3_600.0)

    # Always there, once with another beside it: a day with an event does not make a month cheap.
    assert month(hours(0, 24)) == pytest.approx(3.0 * 24 * DAYS)
    assert month(hours(0, 14), hours(12, 24), hours(1, 5)) == pytest.approx(
        3.0 * (24 + 6 * weight) * DAYS
    )
    # Half of the time there; and hardly ever, which goes by the volume.
    assert month(hours(6, 18)) == pytest.approx(3.0 * 24 * (1 - 0.5**weight) * DAYS)
    assert month(hours(6, 6.01)) == pytest.approx(3.0 * 0.01 * weight * DAYS, rel=1e-3)
    # A reserved one is the first: what is paid in use beside it goes by the volume.
    plan = PurchasePlan((Reserved(2.0, 1), PayAsYouGo(3.0)))
    assert month(hours(0, 24), hours(1, 7), price=plan) == pytest.approx(
        (2.0 * 24 + 3.0 * 6 * weight) * DAYS
    )
    # One is kept on standby: the first is the second that is there.
    assert month(hours(0, 24), hours(0, 24), on_standby=1) == pytest.approx(3.0 * 48 * DAYS)
    assert month(hours(0, 24), hours(0, 12), on_standby=1) == pytest.approx(
        3.0 * 24 * (2 - 0.5**weight) * DAYS
    )


def test_a_committed_spend_is_held_against_the_spend_of_the_month() -> None:
    price = TokenPrice(FLAGSHIP, minimum_usd_per_month=1_000.0)
    # On this Saturday 20 USD; a thirtieth of the commitment would be 33, and much is missing.
    quiet = figures(weighted(QUIET, managed=[api(price)]), round(20 / CALL_USD))
    month_usd = round(20 / CALL_USD) * CALL_USD * QUIET * DAYS
    assert month_usd > 1_000.0
    assert quiet["cost_usd_per_month"] == pytest.approx(month_usd)
    # On this Monday 36 USD, and yet the month does not come to the commitment.
    busy = figures(weighted(BUSY, managed=[api(price)]), round(36 / CALL_USD))
    assert busy["cost_usd"] == pytest.approx(round(36 / CALL_USD) * CALL_USD)
    assert busy["cost_usd_per_month"] == pytest.approx(1_000.0)


def test_included_requests_are_held_against_those_of_the_month() -> None:
    plan = Subscription(100.0, included_requests=30_000, overage_multiple=2.0)
    price = TokenPrice(FLAGSHIP, subscription=plan)
    busy = figures(weighted(BUSY, managed=[api(price)]), 1_100)  # 26,800 a month
    assert busy["cost_usd"] > 100.0 / DAYS + 1.0  # beyond a thirtieth of the cap
    assert busy["cost_usd_per_month"] == pytest.approx(100.0)
    quiet = figures(weighted(QUIET, managed=[api(price)]), 500)  # half of the day's part of the cap
    beyond = 500 * QUIET * DAYS - 30_000
    assert quiet["cost_usd"] == pytest.approx(100.0 / DAYS)
    assert quiet["cost_usd_per_month"] == pytest.approx(100.0 + beyond * 2 * CALL_USD)


def test_a_margin_is_that_of_the_month() -> None:
    """Users pay by the month, whatever day is simulated; requests and tokens go by volume."""
    margins = [
        figures(
            weighted(
                weight,
                managed=[api(TokenPrice(FLAGSHIP))],
                active_users=50.0,
                revenue_per_user_month_usd=30.0,
                revenue_per_request_usd=0.01,
            ),
            calls,
        )
        for weight, calls in ((BUSY, 1_250), (1.0, 1_000), (QUIET, 400))
    ]
    requests = 1_000 * DAYS
    wanted = 1 - requests * CALL_USD / (50 * 30.0 + requests * 0.01)
    assert [each["gross_margin"] for each in margins] == pytest.approx([wanted] * 3)
    assert margins[0]["revenue_usd"] == pytest.approx(50 * 30.0 / DAYS + 1_250 * 0.01)


# ---------------------------------------------------------------- whichever day is simulated


def simulated(folder: Path, text: str, horizon: str, *settings: str) -> dict[str, float]:
    """Means over three worlds."""
    scenario = load_scenario(written(folder, text), [f"horizon.{horizon}", *settings])
    worlds = [replicate(scenario, 3, world, {}).metrics for world in (1, 2, 3)]
    names = ("cost_usd", "cost_usd_per_month", "gross_margin", "requests_per_month")
    return {name: sum(each[name] for each in worlds) / 3 for name in names}


def test_a_product_on_an_api_costs_the_same_a_month_whichever_day_is_simulated(
    tmp_path: Path,
) -> None:
    """The Saturday has 12,000 requests a world: its error is 0.8 %, and 3 % is never exceeded."""
    found = [simulated(tmp_path, ON_API, horizon) for horizon in (MONDAY, SATURDAY, WEEK)]
    for name in ("cost_usd_per_month", "requests_per_month"):
        *others, week = (each[name] for each in found)
        assert others == pytest.approx([week, week], rel=0.03)
    margins = [each["gross_margin"] for each in found]
    assert margins == pytest.approx([margins[-1]] * 3, abs=0.01)
    assert found[0]["cost_usd"] > 2.5 * found[1]["cost_usd"]


def test_a_fixed_fleet_costs_the_same_and_one_that_scales_lies_between(tmp_path: Path) -> None:
    fixed = [simulated(tmp_path, ON_GPUS, horizon) for horizon in (MONDAY, SATURDAY)]
    assert fixed[0]["cost_usd_per_month"] == pytest.approx(fixed[1]["cost_usd_per_month"])
    assert fixed[0]["cost_usd_per_month"] == pytest.approx(fixed[0]["cost_usd"] * DAYS)
    monday, saturday = (
        simulated(tmp_path, ON_GPUS, horizon, *SCALED) for horizon in (MONDAY, SATURDAY)
    )
    by_time = [each["cost_usd"] * DAYS for each in (monday, saturday)]
    by_volume = [by_time[0] / 1.24, by_time[1] / 0.40]
    assert by_volume[0] < monday["cost_usd_per_month"] < by_time[0]
    assert by_time[1] < saturday["cost_usd_per_month"] < by_volume[1]
    apart = monday["cost_usd_per_month"] - saturday["cost_usd_per_month"]
    assert abs(apart) < abs(by_time[0] - by_time[1])


def test_a_fleet_that_never_leaves_its_least_on_a_quiet_day_costs_at_least_so_much(
    tmp_path: Path,
) -> None:
    """A Saturday has 0.4 of the requests of a mean day: two replicas never scale, two do on any.

    Nobody knows how many the mean day takes, and that is said; on a Monday, over a week, and of a
    fixed fleet nothing is.
    """
    calm = ("backends.large.replicas={min: 2, max: 8}", *SCALED[1:])
    path = written(tmp_path, ON_GPUS)

    def told(day: str, *settings: str) -> tuple[bool, str]:
        scenario = load_scenario(path, [f"horizon.{day}", "worlds=2", *settings])
        summary = run(scenario, jobs=1).summary
        found = "p50" in summary["metrics"]["cost_usd_per_month"].get("at_least", ())
        return found, " ".join(render(summary).split())

    least, text = told(SATURDAY, *calm)
    assert least
    assert "the median cost is at least " in text
    assert "A month may cost more: in all 2 worlds" in text
    for day, settings in ((MONDAY, calm), (SATURDAY, ())):
        least, text = told(day, *settings)
        assert not least
        assert "A month may cost more" not in text


@pytest.mark.parametrize(("weight", "extra_h", "least"), [(2.5, 0, 1), (2.5, 6, 0), (0.8, 0, 0)])
def test_a_month_is_a_least_where_only_the_mean_day_would_scale(
    weight: float, extra_h: float, least: int
) -> None:
    rentals = [*rent(1, 24.0), *([Rental(0, 0.0, extra_h * 3_600.0)] if extra_h else [])]
    what = weighted(weight, pools=[scaling(GpuPrice(3.0), 1)], managed=[api(TokenPrice(FLAGSHIP))])
    found = figures(what, 10, rentals=rentals)
    assert found["month_is_least"] == least
    assert found["backends.api.month_is_least"] == 0
