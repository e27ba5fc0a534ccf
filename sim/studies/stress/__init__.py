"""Stress: what breaks on the way to a multiple of the traffic, what it costs, what helps."""

from sim.studies.stress.answer import Stress
from sim.studies.stress.elasticity import Elasticity
from sim.studies.stress.growth import Growth, grow, path_of
from sim.studies.stress.spike import Spike
from sim.studies.stress.study import stress
from sim.studies.stress.verdict import Judge

__all__ = ["Elasticity", "Growth", "Judge", "Spike", "Stress", "grow", "path_of", "stress"]
