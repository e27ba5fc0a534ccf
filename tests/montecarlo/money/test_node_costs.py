"""What nodes cost that are bought whole, by hand: GPUs that no replica has are paid, and idle."""

from dataclasses import replace

import numpy as np
import pytest
from bookings import design, gpus, horizon, nothing_happened, workload
from export_worlds import rows_of

from sim.engine.simulation import Rental
from sim.model.price import GpuPrice
from sim.model.purchase import PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo.exports.focus import focus
from sim.montecarlo.metrics import metrics
from sim.montecarlo.money import costs

# A node of 8 GPUs for 2.5 h; of its two replicas of 3 GPUs one is there as long, the other for 1 h.
NODES = (Rental(0, 1_800.0, 10_800.0),)
RENTALS = (Rental(0, 1_800.0, 10_800.0), Rental(0, 3_600.0, 7_200.0))
BOUGHT, PLACED = 8 * 2.5, 3 * 3.5


def made_up(price, busy=0.0):
    pool = replace(gpus(price, 3), node_gpus=8)
    what = design([workload("chat", "pool")], [pool], when=horizon(4.0))
    outcome = replace(nothing_happened(what, RENTALS), nodes=NODES)
    rented_s = np.zeros(len(outcome.ledger.edges_s) - 1)
    for rental in RENTALS:
        ends_s = np.clip(outcome.ledger.edges_s, rental.start_s, rental.end_s)
        rented_s += np.diff(ends_s)
    booked = outcome.ledger.pools[0]
    booked["serving_s"] = booked["ready_s"] = booked["able_s"] = rented_s
    booked["busy_s"] = busy * rented_s
    return what, outcome


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        (GpuPrice(2.0), 2.0 * BOUGHT),
        (GpuPrice(2.0, 3_600.0), 2.0 * 8 * 3),  # the node's time is rounded up, not the replicas'
        (PurchasePlan((PayAsYouGo(2.0),)), 2.0 * BOUGHT),
        (PurchasePlan((Reserved(1.0, 4), PayAsYouGo(2.0))), 1.0 * 4 * 4.0 + 2.0 * 4 * 2.5),
    ],
    ids=["by the second", "by the hour", "plan", "reserved"],
)
def test_a_node_is_paid_whole(price, usd):
    what, outcome = made_up(price)
    figures = metrics(outcome, what)
    assert figures["cost_usd"] == pytest.approx(usd)
    assert figures["gpu_hours"] == pytest.approx(BOUGHT)
    assert figures["unused_gpu_hours"] == pytest.approx(BOUGHT - PLACED)
    assert figures["backends.pool.unused_gpu_hours"] == pytest.approx(BOUGHT - PLACED)


def test_of_what_is_on_no_replica_nothing_is_headroom():
    """Replicas that have somebody in the batch all the time, and no work of any size."""
    what, outcome = made_up(GpuPrice(2.0), busy=1.0)
    figures = metrics(outcome, what)
    assert figures["cost_headroom_usd"] == pytest.approx(2.0 * PLACED)
    assert figures["cost_idle_usd"] == pytest.approx(2.0 * (BOUGHT - PLACED))


def test_the_bill_has_the_nodes_hour_by_hour():
    what, outcome = made_up(GpuPrice(2.0))
    rows = rows_of(focus(costs(outcome, what), what, 0, 0))
    assert [float(row["PricingQuantity"]) for row in rows] == [4.0, 8.0, 8.0]
    assert sum(float(row["BilledCost"]) for row in rows) == pytest.approx(2.0 * BOUGHT)


def test_a_plan_has_gpus_for_whole_nodes():
    plan = PurchasePlan((Reserved(1.0, 15),))
    assert replace(gpus(plan, 3, replicas=5), node_gpus=None).bought_gpus(5) == 15
    with pytest.raises(
        ValueError, match=r"GPUs of the purchase plan \(15\) must be at least the 24"
    ):
        replace(gpus(plan, 3, replicas=5), node_gpus=8)
