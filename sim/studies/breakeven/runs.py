"""Runs of a side: one simulation, with a bill for every way to have its GPUs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sim.model.price import DAY_S, MONTH_S
from sim.montecarlo.replication import Replication
from sim.montecarlo.result import RunResult
from sim.montecarlo.storage.identity import scenario_digest
from sim.montecarlo.summary import slo_kept
from sim.scenario import Scenario
from sim.studies.bench import Bench

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Draws = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Billed:
    """Simulates a world of one scenario and bills it as others would be.

    Attributes
    ----------
    ways : dict of str to Scenario
        By the side; they differ from the simulated scenario in prices only.
    autoscalers : dict
        Users' own, by name; a worker has not heard of them.
    """

    ways: dict[str, Scenario]
    autoscalers: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        scenario: Scenario,
        seed: int,
        world: int,
        draws: Mapping[str, float],
        record_requests: bool = False,
    ) -> Replication:
        """One world, with the cost of each way in a month as the metric ``bill_usd_<side>``."""
        # Here, for it brings the compiler.
        from sim.engine.control import AUTOSCALERS  # noqa: PLC0415
        from sim.model.streams import Streams  # noqa: PLC0415
        from sim.montecarlo.fidelity.world import simulate_world  # noqa: PLC0415
        from sim.montecarlo.metrics import metrics  # noqa: PLC0415
        from sim.montecarlo.money import money  # noqa: PLC0415
        from sim.montecarlo.replication import verdict  # noqa: PLC0415

        AUTOSCALERS.update(self.autoscalers)
        design = scenario.design(draws)
        streams = Streams(seed, world)
        simulated = simulate_world(scenario.fidelity, design, streams, record_requests)
        outcome = simulated.outcome
        figures = metrics(outcome, outcome.lived(design)) | simulated.figures
        for side, way in self.ways.items():
            billed = outcome.lived(way.design(draws))
            bill = money(outcome, billed) if len(self.ways) > 1 else figures
            figures[bill_of(side)] = bill["cost_usd_per_month"]
        kept_up = verdict(outcome, figures, design.horizon.duration_s)
        return Replication(world, dict(draws), figures, kept_up, {}, None, {})


def bill_of(side: str) -> str:
    """Name of the metric that holds what a side costs in a month."""
    return f"bill_usd_{side}"


MONTH_DAYS: Final = MONTH_S / DAY_S


class Runs:
    """Simulates scenarios of one study: all see the same arrivals, and the same values of inputs.

    Attributes
    ----------
    bench : Bench
        Whose workers are used, and whose counts go up.
    seed : int
    draws : dict of str to (worlds,) float64
        Values of the uncertain inputs of all sides.
    """

    def __init__(self, bench: Bench, seed: int, draws: Draws) -> None:
        self.bench = bench
        self.seed = seed
        self.draws = draws

    def __call__(self, ways: dict[str, Scenario], worlds: int, about: str) -> RunResult:
        """The first worlds of a side, billed in its ways; the first of them is simulated."""
        scenario = next(iter(ways.values()))
        return self.bench.run(
            scenario,
            worlds,
            self.seed,
            about=about,
            known_by="/".join(["billed", *map(scenario_digest, ways.values())]),
            replicate=Billed(ways, self._autoscalers(scenario)),
            draws={path: values[:worlds] for path, values in self.draws.items()},
        )

    def _autoscalers(self, scenario: Scenario) -> dict[str, Any]:
        """Users' own that the scenario names, for workers that have not heard of them."""
        from sim.engine.control import own_autoscalers  # noqa: PLC0415

        return dict(own_autoscalers(scenario.design(worlds_of(self.draws, 1)[0])))


def worlds_of(draws: Draws, worlds: int) -> Sequence[dict[str, float]]:
    """The values in each world."""
    return [{path: float(x[world]) for path, x in draws.items()} for world in range(worlds)]


def tasks_per_day(result: RunResult) -> FloatArray:
    """Arrivals on a mean day of the month, in each world."""
    values = result.sample.values
    month = values("requests_per_month") / np.maximum(values("requests"), 1)
    return np.asarray(values("tasks") * month / MONTH_DAYS)


def kept(result: RunResult) -> BoolArray:
    """In which worlds a side kept up, and every workload its SLO: (worlds,) bool."""
    within = slo_kept(result.sample, result.scenario.typical_design())
    keeps_up = ~result.sample.overloaded()
    return keeps_up if within is None else keeps_up & within
