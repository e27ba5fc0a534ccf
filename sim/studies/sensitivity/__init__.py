"""Which uncertain input moves the answer: Sobol indices, tornado, value of information.

Chance within a world (arrivals, lengths, failures) is one more factor beside the inputs, so that
the answer also says what would remain if every input were known. Rows of A and all its mixtures
share their world's random numbers, which therefore cancel in the differences that the indices are
made of; rows of B have others. It takes rows x (inputs + 3) worlds; the errors of a measured law,
which a benchmark tells together, count as one input (:mod:`~sim.studies.sensitivity.factors`).
"""

from sim.studies.sensitivity.answer import CHANCE, Influence, Sensitivity, short_names
from sim.studies.sensitivity.study import FEWEST_ROWS, ROWS, sensitivity

__all__ = [
    "CHANCE",
    "FEWEST_ROWS",
    "ROWS",
    "Influence",
    "Sensitivity",
    "sensitivity",
    "short_names",
]
