"""Studies: decisions drawn from many runs. Each is a pure function over runs.

=====================================  ===========================================================
:mod:`~sim.studies.size`               the cheapest fleet whose SLO holds
:mod:`~sim.studies.stress`             what breaks on the way to a multiple of the traffic
:mod:`~sim.studies.compare`            designs side by side, under the same random numbers
:mod:`~sim.studies.sweep`              a space of designs, and which are worth their cost
:mod:`~sim.studies.risk`               how likely a world misses a target, where that is rare
:mod:`~sim.studies.breakeven`          the volume at which one way of serving beats another
:mod:`~sim.studies.plan`               month by month: volume, fleet, commitments, cost
:mod:`~sim.studies.sensitivity`        which uncertain input moves the answer
=====================================  ===========================================================
"""
