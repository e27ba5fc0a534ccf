"""Service profiles from benchmarks that people have: ``sim calibrate``.

The law of :mod:`sim.model.profile` is fitted by simulating each benchmark as it was run, and what
comes out says how far it is off its own measurements, and what they could not tell.
"""

from sim.studies.calibration.answer import Calibration
from sim.studies.calibration.engine import Given
from sim.studies.calibration.study import calibrate

__all__ = ["Calibration", "Given", "calibrate"]
