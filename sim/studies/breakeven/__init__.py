"""Break-even: the volume at which one way of serving beats another.

=================================================  ===============================================
:mod:`~sim.studies.breakeven.study`                the study as a whole
:mod:`~sim.studies.breakeven.sides`                who competes, and at which volume
:mod:`~sim.studies.breakeven.runs`                 one simulation, a bill for every way to buy
:mod:`~sim.studies.breakeven.field`                every side sized and billed at a few volumes
:mod:`~sim.studies.breakeven.idle`                 what a fleet costs while nobody comes
:mod:`~sim.studies.breakeven.costs`                cost as a function of volume, in every world
:mod:`~sim.studies.breakeven.crossing`             where one side becomes the cheaper for good
:mod:`~sim.studies.breakeven.once`                 what switching costs once
:mod:`~sim.studies.breakeven.outlay`               what is paid at once, for machines
:mod:`~sim.studies.breakeven.payback`              how long that takes to pay
:mod:`~sim.studies.breakeven.own`                  the volume that the scenario itself has
:mod:`~sim.studies.breakeven.switching`            what switching saves at it, in every world
:mod:`~sim.studies.breakeven.saving`               the same in words
:mod:`~sim.studies.breakeven.alone`                each side by itself at it, for what is off there
:mod:`~sim.studies.breakeven.findings`             what was found, as tables
:mod:`~sim.studies.breakeven.decision`             the decision in two sentences
:mod:`~sim.studies.breakeven.answer`               the answer: both, and as JSON
=================================================  ===============================================
"""

from sim.studies.breakeven.answer import BreakEven
from sim.studies.breakeven.findings import Verdict
from sim.studies.breakeven.once import switching_cost
from sim.studies.breakeven.study import VOLUMES, breakeven

__all__ = ["VOLUMES", "BreakEven", "Verdict", "breakeven", "switching_cost"]
