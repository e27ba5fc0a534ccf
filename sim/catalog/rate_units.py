"""What the numbers of a table of counts or rates may count."""

from typing import Final

from sim.model.arrivals.shape import DAY_S

PER_S: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY_S}
PER: Final = ("row", *PER_S)
