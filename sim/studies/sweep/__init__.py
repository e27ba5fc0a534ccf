"""A design space under common random numbers, and which of its designs are worth their cost."""

from sim.studies.sweep.answer import Sweep
from sim.studies.sweep.axes import Axis, read_axes
from sim.studies.sweep.designs import MOST, Candidate, candidates, count
from sim.studies.sweep.study import PROBABILITY, WORLDS, pilot_s, refuse_too_many, sweep

__all__ = [
    "MOST",
    "PROBABILITY",
    "WORLDS",
    "Axis",
    "Candidate",
    "Sweep",
    "candidates",
    "count",
    "pilot_s",
    "read_axes",
    "refuse_too_many",
    "sweep",
]
