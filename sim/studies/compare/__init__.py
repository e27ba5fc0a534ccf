"""Designs side by side, under common random numbers.

All designs see the same worlds: the same arrivals and lengths of workloads of the same name, the
same draws of uncertain inputs of the same path. So chance that is common to them cancels in the
differences, world by world, and these tell designs apart in far fewer worlds than two separate
estimates would.
"""

from sim.studies.compare.answer import Comparison
from sim.studies.compare.contenders import Contender, contenders
from sim.studies.compare.study import COST, LATENCY, WORLDS, compare, of_results

__all__ = [
    "COST",
    "LATENCY",
    "WORLDS",
    "Comparison",
    "Contender",
    "compare",
    "contenders",
    "of_results",
]
