"""Which replica of a real fleet is given up for another pool."""

from dataclasses import replace

from fake_plane import FakeClock, FakePlane, idle, run
from fleets import pool

from sim.engine.control import Fleet
from sim.engine.control.gpu_budget import GpuBudget
from sim.model.autoscaler import Custom
from sim.model.distributions import Constant
from sim.model.lifecycle import ColdStart, Lifecycle, Stage
from sim.model.streams import Streams


def test_starting_replicas_are_given_up_before_ready_ones_and_asked_for_anew() -> None:
    clock = FakeClock(FakePlane(2, idle))
    life = Lifecycle(cold_start=ColdStart.whole(Constant(60.0)))
    design = replace(pool(replicas=2), autoscaler=Custom("by hand", 9), lifecycle=life)
    budget = GpuBudget(clock.env, 4, "first_come")
    tenant = budget.join(1, 0, 0, batch=1)
    fleet = Fleet(clock, 0, design, Streams(1, 0), None, tenant)  # type: ignore[arg-type]
    fleet.scale_to(5)
    run(clock, 10.0)
    assert [fleet.count(s) for s in (Stage.READY, Stage.LOADING, Stage.REQUESTED)] == [2, 2, 1]
    clock.plane.empties_at_once = False
    for ready, draining in ((2, 0), (2, 0)):
        fleet.evict()
        assert (fleet.ready, fleet.draining) == (ready, draining)
        assert budget.free == 1
        budget.free = 0  # as if another pool took it
    fleet.evict()
    run(clock, 11.0)
    assert (fleet.ready, fleet.draining, fleet.count(Stage.REQUESTED)) == (1, 1, 4)
    clock.gone(1).succeed()
    run(clock, 12.0)
    assert (fleet.draining, fleet.count(Stage.LOADING), tenant.held) == (0, 1, 2)
