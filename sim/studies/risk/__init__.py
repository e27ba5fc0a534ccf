"""How likely it is that a world misses a target, where that is rare."""

from sim.studies.risk.answer import Risk
from sim.studies.risk.study import PROBABILITY, WORLDS, risk

__all__ = ["PROBABILITY", "WORLDS", "Risk", "risk"]
