"""Whom an engine takes next of those that wait on a replica, and who leaves for them.

Words: the *line* of a replica is who waits there; its *order* is who goes before whom. A class is
the ``priority`` of a workload, the lower the number the more urgent, as in vLLM.
"""

import math
from dataclasses import dataclass
from typing import Literal

from sim.model.rule import require

Order = Literal["fcfs", "priority", "shortest_predicted", "deadline", "fair"]

# Classes, as the Gateway API Inference Extension had them, the default 0 as in vLLM.
CRITICAL, STANDARD, BATCH, SHEDDABLE = -1, 0, 1, 2
CLASSES = SHEDDABLE - CRITICAL + 1

AGES = ("priority", "shortest_predicted")  # the orders that may keep somebody waiting for ever
TAKES_AFTER_S = 1.0  # by default: in most waits a place becomes free anyway
AGEING_TOKENS = 1000.0  # predicted, that weigh as much as a class
# Of a token of an answer to one of a prompt, where tenants share alike: Sheng et al., "Fairness in
# serving large language models", OSDI 2024, section 5.1.
OUTPUT_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The order of the lines of a pool's replicas.

    Attributes
    ----------
    order : {"fcfs", "priority", "shortest_predicted", "deadline", "fair"}
        Within a class, which comes first of all but in ``fcfs``: who came first; whose answer is
        predicted to be shortest; whose deadline comes first, a deadline being that of a batch or
        else the nearest threshold of the SLO; whose tenant has had least.
    ageing_s : float
        Waiting that makes up for a class, or for ``AGEING_TOKENS`` predicted tokens: the guard
        against starvation. Infinite for none. Who waits is never passed by anybody who came later
        by as much as it is behind in class and predicted length.
    prediction_error : float
        Standard deviation of the logarithm of predicted over true length.
    takes_places : bool
        Whether who waits takes place and blocks of those of lower classes that run. Else these lose
        them only for the next tokens of others.
    takes_after_s : float
        Seconds for which it has waited there before.
    weights : tuple of (str, float)
        Shares of tenants; 1 for the others.
    """

    order: Order = "fcfs"
    ageing_s: float = math.inf
    prediction_error: float = 0.0
    takes_places: bool = False
    takes_after_s: float = 0.0
    weights: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        require(self.ageing_s > 0, "ageing_s", f"{self.ageing_s:g}", "must be above 0")
        ok = 0 <= self.prediction_error < math.inf
        told = f"{self.prediction_error:g}"
        require(ok, "prediction_error", told, "must be at least 0 and finite")
        ok = 0 <= self.takes_after_s < math.inf
        told = f"{self.takes_after_s:g}"
        require(ok, "takes_after_s", told, "must be at least 0 and finite")
        for tenant, weight in self.weights:
            ok = 0 < weight < math.inf
            require(ok, f"weight of {tenant}", f"{weight:g}", "must be above 0 and finite")
        ok = self.order in AGES or self.ageing_s == math.inf
        require(ok, "ageing_s", f"{self.ageing_s:g}", f"goes with {' and '.join(AGES)} only")

    def weight(self, tenant: str) -> float:
        """The share of a tenant."""
        return dict(self.weights).get(tenant, 1.0)
