"""How the requests of a batch give way to others: what is filled in, and what is made of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim.model.scheduling import TAKES_AFTER_S
from sim.model.workload import Yielding
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import format_duration, shown

YIELDS: Final = ("running", "queue")
KEYS: Final = ("deadline", "yields", "yields_after", "deadline_guard")
GUARD: Final = 0.1  # of a deadline
AFTER_S: Final = TAKES_AFTER_S  # for which others wait before a request that runs leaves for them


def resolved(
    given: Mapping[str, Any], ordered: Sequence[str], path: Path, findings: Findings
) -> dict[str, Any]:
    """What a workload with a deadline does not say of these keys.

    In pools that are ``ordered`` their scheduling says who leaves for whom.
    """
    if ordered:
        for key in ("yields", "yields_after", "deadline_guard"):
            if given[key] is not None and given[key] != "queue":
                message = f"has no meaning beside the scheduling of backend {shown(ordered[0])}"
                findings.add((*path, key), message, "remove one of them")
        return {"yields": "queue"}
    if given["yields"] == "queue":
        return {}
    deadline_s, guard_s, after_s = (
        given[k] for k in ("deadline", "deadline_guard", "yields_after")
    )
    if guard_s is not None and guard_s > deadline_s:
        message = f"({format_duration(guard_s)}) must be at most the deadline"
        findings.add((*path, "deadline_guard"), f"{message} ({format_duration(deadline_s)})")
    return {
        "yields": "running",
        "deadline_guard": GUARD * deadline_s if guard_s is None else guard_s,
        "yields_after": AFTER_S if after_s is None else after_s,
    }


def compiled(given: Mapping[str, Any]) -> Yielding | None:
    """How those that run give way, from their arrival until they are near their deadline."""
    if given["deadline"] is None or given["yields"] != "running":
        return None
    return Yielding(given["deadline"] - given["deadline_guard"], given["yields_after"])
