"""What was asked for, what was served, and what each of it cost: the denominators of unit costs.

**Paid** is one sum, the numerator of all unit costs: all that the horizon cost (``cost_usd``), for
answers, for nobody, and for machines that stood idle.

**Asked** is what came in the horizon, whatever became of it: requests and tasks that arrived, the
tokens that these would have read and written, users that the scenario states as active.

**Served** is what of it came to its end for somebody: requests answered in whole by whichever
attempt or cache, tasks of which every call was answered, tokens of answered requests. What timed
out, was turned away, failed, was given up or is under way at the end is asked, not served. Of a
workload's users so many are served as if all tasks of some had been completed and none of the
others: where a fifth of the tasks is completed, a fifth of the users. Tokens are those of models: a
response cache serves requests without any.

``cost_usd_per_<unit>`` is paid over served, ``cost_usd_per_<unit>_asked`` paid over asked;
``requests_answered_share`` and ``tasks_answered_share`` are served over asked. What turns people
away looks cheap per unit asked, never per unit served. Of nothing served the cost is undefined.
Users are paid for by the month, with what a month costs (:mod:`sim.model.month`).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.state.record import Records
from sim.model.price import MILLION

FloatArray = npt.NDArray[np.float64]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Units:
    """How many there are of everything that can be counted: asked for, or served.

    Attributes
    ----------
    requests, tasks : float
    users : float
        0 where the scenario states none.
    input_tokens, output_tokens : float
    """

    requests: float
    tasks: float
    users: float
    input_tokens: float
    output_tokens: float

    def costs_usd(self, paid_usd: float, month_usd: float, suffix: str = "") -> Figures:
        """What each unit costs, by name, of a horizon's cost and of a month's."""
        tokens = self.input_tokens + self.output_tokens
        return {
            f"cost_usd_per_request{suffix}": _ratio(paid_usd, self.requests),
            f"cost_usd_per_task{suffix}": _ratio(paid_usd, self.tasks),
            f"cost_usd_per_user_month{suffix}": _ratio(month_usd, self.users),
            f"cost_usd_per_million_tokens{suffix}": _ratio(paid_usd, tokens) * MILLION,
            f"cost_usd_per_million_input_tokens{suffix}": (
                _ratio(paid_usd, self.input_tokens) * MILLION
            ),
            f"cost_usd_per_million_output_tokens{suffix}": (
                _ratio(paid_usd, self.output_tokens) * MILLION
            ),
        }


def unit_costs(paid_usd: float, month_usd: float, booked: Records, users: FloatArray) -> Figures:
    """Costs per unit served and per unit asked for, and what share was served.

    Parameters
    ----------
    paid_usd, month_usd : float
        Over the horizon, and in a month.
    booked : (workloads, bins) WORKLOAD
        Of the workloads that the cost is of.
    users : (workloads,) float64
        Active ones; 0 where the scenario states none.
    """
    asked, served = asked_and_served(booked, users)
    return {
        **served.costs_usd(paid_usd, month_usd),
        **asked.costs_usd(paid_usd, month_usd, "_asked"),
        "requests_answered_share": _ratio(served.requests, asked.requests),
        "tasks_answered_share": _ratio(served.tasks, asked.tasks),
        "users_served": served.users,
    }


def asked_and_served(booked: Records, users: FloatArray) -> tuple[Units, Units]:
    """What was asked for, and what of it was served."""

    def total(field: str) -> float:
        return float(booked[field].sum())

    asked = Units(
        requests=total("requests"),
        tasks=total("tasks"),
        users=float(users.sum()),
        input_tokens=total("offered_prompt_tokens"),
        output_tokens=total("offered_output_tokens"),
    )
    tasks, completed = booked["tasks"].sum(axis=1), booked["tasks_completed"].sum(axis=1)
    share = np.divide(completed, tasks, out=np.ones(len(tasks)), where=tasks > 0)
    served = Units(
        requests=total("completed"),
        tasks=total("tasks_completed"),
        users=float((users * share).sum()),
        input_tokens=total("prompt_tokens"),
        output_tokens=total("output_tokens"),
    )
    return asked, served


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
