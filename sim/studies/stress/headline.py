"""The answer of a stress study in one sentence: who holds the growth that was asked about."""

import math
from typing import Protocol

from sim.studies.stress.breaking import Breaking
from sim.studies.stress.fleets import AUTOSCALED, FIXED, RESIZED
from sim.studies.stress.growth import Growth
from sim.studies.stress.outcome import Outcome, reason

NOTABLE = 1.05  # times the cost, below which it is the same


class Looks(Protocol):
    """What was looked at: every fleet, step by step."""

    @property
    def steps(self) -> tuple[Growth, ...]:
        """What was asked about, the last being the furthest."""
        ...

    @property
    def fleets(self) -> tuple[str, ...]:
        """Those that were looked at."""
        ...

    def of(self, fleet: str) -> list[Outcome]:
        """The outcomes of a fleet, step by step."""
        ...

    def first_break(self, fleet: str) -> Outcome | None:
        """The first step at which anything breaks."""
        ...

    def breaking(self, fleet: str) -> Breaking | None:
        """Its breaking point between two steps, where it was enclosed."""
        ...


def verdicts(answer: Looks) -> str:
    """Which fleets break, of which the worlds cannot tell, and which hold at the last step."""
    last = answer.steps[-1]
    broken = [f for f in answer.fleets if answer.first_break(f) is not None]
    holding = [f for f in answer.fleets if f not in broken and _holds(answer, f)]
    unsure = [f for f in answer.fleets if f not in broken and f not in holding]
    parts = []
    if broken:
        parts.append(f"it breaks {listed([_broken(answer, f) for f in broken])}")
    if unsure:
        told = "these worlds cannot tell whether it holds"
        parts.append(f"{told} {listed([_subject(answer, f) for f in unsure])}")
    if holding:
        parts.append(f"it holds {listed([_held(answer, f) for f in holding])}")
    return f"at {last} " + "; ".join(parts)


def _holds(answer: Looks, fleet: str) -> bool:
    final = answer.of(fleet)[-1]
    return final.growth == answer.steps[-1] and final.word == "holds"


def _subject(answer: Looks, fleet: str) -> str:
    """Such as ``as it is (3 replicas)``."""
    counts = answer.of(fleet)[0].counts
    if fleet == RESIZED:
        return "sized anew" if counts else "with higher quotas"
    if fleet == AUTOSCALED:
        return "autoscaled"
    return f"as it is ({shown_counts(counts)})" if counts else "as it is"


def _broken(answer: Looks, fleet: str) -> str:
    """A fleet, from where on it breaks, and by what."""
    broken, enclosed = answer.first_break(fleet), answer.breaking(fleet)
    assert broken is not None
    if enclosed is not None and enclosed.about is not None:
        where, nearest = f"from about {enclosed.about} on", enclosed.broken
    elif enclosed is not None:
        where, nearest = f"at {enclosed.broken.growth} at the latest", enclosed.broken
    else:
        already = "already " if broken.step == 0 else ""
        where, nearest = f"{already}at {broken.growth}", broken
    return f"{_subject(answer, fleet)} {where} ({reason(nearest)})"


def _held(answer: Looks, fleet: str) -> str:
    """A fleet that holds, of how many replicas, and what it costs over today's."""
    final = answer.of(fleet)[-1]
    need = f" with {shown_counts(final.counts)}" if fleet == RESIZED and final.counts else ""
    return f"{_subject(answer, fleet)}{need}{_dearer(answer, final)}"


def _dearer(answer: Looks, final: Outcome) -> str:
    """How many times as much it costs as today's fleet does today."""
    today = answer.of(FIXED if FIXED in answer.fleets else final.fleet)[0]
    costs = [each.figures["cost_usd_per_month"].p50 for each in (today, final)]
    if today is final or not all(cost > 0 for cost in costs) or not math.isfinite(costs[1]):
        return ""
    times = costs[1] / costs[0]
    return f", for {times:.3g} times the cost" if times >= NOTABLE else ", at no more cost"


def listed(parts: list[str]) -> str:
    """A list in words.

    >>> listed(["holds"]), listed(["holds", "wavers", "breaks"])
    ('holds', 'holds, wavers and breaks')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def shown_counts(counts: dict[str, int]) -> str:
    """Replicas in words.

    >>> shown_counts({"large": 6}), shown_counts({"a": 1, "b": 2})
    ('6 replicas', '1 + 2 replicas')
    """
    total = " + ".join(str(count) for count in counts.values())
    return f"{total} replica{'' if total == '1' else 's'}"
