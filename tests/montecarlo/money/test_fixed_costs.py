"""What is paid every month beside GPUs (staff, licences), by hand: in every bill, to the cent."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bookings import design, gpus, horizon, nothing_happened, workload
from export_worlds import rows_of

from sim.engine.simulation import Rental
from sim.model.price import GpuPrice
from sim.model.purchase import Owned, PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo.exports.focus import focus
from sim.montecarlo.metrics import metrics
from sim.montecarlo.money import costs
from sim.studies.bench import Bench
from sim.studies.breakeven import breakeven
from sim.studies.case import Case
from sim.studies.plan import Outlook, Terms, plan

FIXED, HOURS, MONTH_HOURS = 7_305.0, 4.0, 730.5  # USD a month: 10 USD an hour
RENTALS = (Rental(0, 0.0, 7_200.0),)  # a replica for the first two of four hours


@pytest.mark.parametrize(
    "price",
    [
        GpuPrice(2.0),
        PurchasePlan((PayAsYouGo(2.0),)),
        PurchasePlan((Reserved(1.0, 8), PayAsYouGo(2.0))),
        PurchasePlan((Owned(8, 30_000.0, 4.0, staff_usd_per_month=1_000.0),)),
    ],
    ids=["one price", "plan", "reserved", "owned"],
)
def test_a_fixed_cost_is_added_to_every_bill_to_the_cent(price):
    def made_up(usd):
        pool = replace(gpus(price, 1), fixed_usd_per_month=usd)
        what = design([workload("chat", "pool")], [pool], when=horizon(HOURS))
        return what, nothing_happened(what, RENTALS)

    (before, _), (what, outcome) = made_up(0.0), made_up(FIXED)
    without, figures = metrics(outcome, before), metrics(outcome, what)
    for metric, usd in (("cost_usd", 10.0 * HOURS), ("cost_usd_per_month", FIXED)):
        for prefix in ("", "backends.pool.", "workloads.chat."):
            name = prefix + metric
            assert figures[name] - without[name] == pytest.approx(usd, abs=1e-6), name
    # Nobody came: it is of no use, while there are GPUs and while there are none.
    assert figures["cost_idle_usd"] - without["cost_idle_usd"] == pytest.approx(40.0)
    uses = math.fsum(figures[f"cost_{use}_usd"] for use in ("used", "headroom", "idle", "wasted"))
    assert uses == pytest.approx(figures["cost_usd"], abs=1e-9)

    rows = rows_of(focus(costs(outcome, what), what, 0, 0))
    assert sum(float(row["EffectiveCost"]) for row in rows) == pytest.approx(
        figures["cost_usd"], abs=5e-9
    )
    fixed = [row for row in rows if row["x_ChargeKind"] == "fixed"]
    assert [float(row["EffectiveCost"]) for row in fixed] == [10.0] * 4
    assert {float(row["BilledCost"]) for row in fixed} == {10.0}
    assert {row["PricingUnit"] for row in fixed} == {"Months"}


SCENARIO = """\
name: Fixed
horizon: {start: 2026-11-23, days: 1, warm_up: 0}
workloads:
  chat:
    arrivals: {requests_per_day: {uniform: {low: 800, high: 1200}}}
    prompt_tokens: 1000
    output_tokens: 100
    route: api
backends:
  api: {kind: managed_api, model: gpt-4.1}
  own: {OWN, replicas: 1}
  staffed: {OWN, replicas: 1, fixed_usd_per_month: {uniform: {low: 1k, high: 9k}}}
  moving: {OWN, MOVES}
  tended: {OWN, MOVES, fixed_usd_per_month: 2 kUSD}
worlds: 4
"""
OTHERS = ("own", "moving", "tended")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fixed") / "fixed.yaml"
    own = "kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
    text = SCENARIO.replace("OWN", f"{own}, price: {{usd_per_gpu_hour: 3}}")
    hpa = "cold_start: 3min, autoscaler: {preset: hpa, target_concurrency: 16}"
    text = text.replace("MOVES", f"replicas: {{min: 1, max: 3}}, {hpa}")
    file.write_text(text, encoding="utf-8")
    return file


def test_breakeven_has_it_in_every_cost_of_its_side(path):
    found = breakeven(Case(path), Bench(1), (500.0, 2000.0), worlds=4)
    own, staffed, moving, tended = found.switches
    drawn = np.array([world["backends.staffed.fixed_usd_per_month"] for world in found.own.draws])
    assert staffed.usd - own.usd == pytest.approx(drawn)
    assert tended.usd - moving.usd == pytest.approx(np.full(4, 2_000.0))
    at = np.array([100.0, 500.0, 1000.0, 5000.0])  # below, within and above what is simulated
    apart = found.curve("staffed").usd(at) - found.curve("own").usd(at)
    assert apart == pytest.approx(np.repeat(drawn[:, None] / (MONTH_HOURS / 24), 4, axis=1))
    apart = found.curve("tended").usd(at) - found.curve("moving").usd(at)
    assert apart == pytest.approx(np.full((4, 4), 2_000.0 / (MONTH_HOURS / 24)))


def test_plan_pays_it_every_month_whatever_prices_do(path):
    routed = ("workloads.chat.route=staffed", *(f"backends.{each}=null" for each in OTHERS))
    fixed = "backends.staffed.fixed_usd_per_month"
    outlook = Outlook(2, peak_days=0.0)
    with_it, without = (
        plan(Case(path, (*routed, f"{fixed}={usd}")), Bench(1), outlook, Terms(), worlds=2)
        for usd in ("5k", "0")
    )
    assert with_it.cost_usd - without.cost_usd == pytest.approx(np.full((2, 2), 5_000.0))
    assert with_it.frames()["months"].filter(like="fixed_usd").to_numpy() == pytest.approx(5_000.0)
