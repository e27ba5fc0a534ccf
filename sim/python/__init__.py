"""Peakfleet from Python: what ``import sim`` offers.

===================================================  =============================================
:func:`run`                                          the worlds of a scenario, as distributions
:func:`size`, :func:`stress`, :func:`compare`,       the studies, as the commands of their names
:func:`breakeven`, :func:`plan`, :func:`sweep`,
:func:`sensitivity`, :func:`risk`
:func:`diff`                                         two finished runs against each other
:class:`Scenario`                                    a scenario, loaded and changed
:class:`Result`, :class:`StudyResult`                what they return
===================================================  =============================================

It is imported when one of these is first used: ``import sim`` alone costs nothing.
"""

from sim.errors import PeakfleetError, ScenarioError
from sim.python.designs import compare, sensitivity
from sim.python.diffing import diff
from sim.python.fleets import size, stress
from sim.python.money import breakeven, plan
from sim.python.rare import risk
from sim.python.result import Result, StudyResult
from sim.python.running import run
from sim.python.scenario import Scenario
from sim.python.sweeping import sweep

__all__ = [
    "PeakfleetError",
    "Result",
    "Scenario",
    "ScenarioError",
    "StudyResult",
    "breakeven",
    "compare",
    "diff",
    "plan",
    "risk",
    "run",
    "sensitivity",
    "size",
    "stress",
    "sweep",
]
