"""All text files of a world."""

from sim.engine.simulation import Outcome
from sim.model.design import Design
from sim.montecarlo.exports import BENCHMARK_REPORT, COSTS, METRICS
from sim.montecarlo.exports.benchmark_report import benchmark_report
from sim.montecarlo.exports.focus import focus
from sim.montecarlo.exports.prometheus import prometheus
from sim.montecarlo.money import costs


def files(outcome: Outcome, design: Design, seed: int, world: int) -> dict[str, str]:
    """Text of each file by its name.

    Parameters
    ----------
    outcome : Outcome
    design : Design
    seed, world : int
        Which world it is; named in the files.
    """
    bill = costs(outcome, design)
    return {
        COSTS: focus(bill, design, seed, world),
        BENCHMARK_REPORT: benchmark_report(outcome, design, bill, seed, world),
        METRICS: prometheus(outcome, design),
    }
