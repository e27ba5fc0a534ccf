"""How well a profile predicts measured runs: ``sim validate``."""

from sim.studies.validation.answer import Validation
from sim.studies.validation.bar import Bar
from sim.studies.validation.study import validate

__all__ = ["Bar", "Validation", "validate"]
