"""Where a fleet breaks, between the last step that holds and the first that does not.

The steps on either side are brought together by halving the way between them, in the logarithm,
until they are within a tenth of each other. Where the worlds cannot tell, what they leave open is
halved from both ends and stays open: the answer is a range.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from sim.studies.stress.growth import Growth
from sim.studies.stress.outcome import Outcome

TOLERANCE = 0.1  # relative, of what is grown
SERVICE = ("service",)
ANYTHING = ("service", "budget", "margin")
MOST_PROBES = 6  # of a fleet; a factor of ten takes five where all worlds agree

Look = Callable[[Growth], Outcome]


@dataclass(frozen=True, slots=True)
class Breaking:
    """The enclosed breaking point of a fleet.

    Attributes
    ----------
    fleet : str
    held : Growth or None
        The furthest that holds before it breaks; None if none is known to.
    unsure : tuple of Growth
        Between the two, those of which the worlds cannot tell, in order.
    broken : Outcome
        The nearest at which it breaks.
    probes : tuple of Outcome
        What was looked at on the way.
    kinds : tuple of str
        What may break: anything, or only the service where money was lost before.
    """

    fleet: str
    held: Growth | None
    unsure: tuple[Growth, ...]
    broken: Outcome
    probes: tuple[Outcome, ...]
    kinds: tuple[str, ...] = ANYTHING

    @property
    def about(self) -> Growth | None:
        """The middle, where the worlds agree on both sides; None where only a range is known."""
        if self.held is None or self.unsure:
            return None
        return middle(self.held, self.broken.growth)

    @property
    def words(self) -> str:
        """How it is said: it ...

        Such as ``breaks at about 3.4x (holds at 3.2x, breaks at 3.5x)``.
        """
        verb = "breaks" if self.kinds == ANYTHING else "stops serving"
        last, worlds = self.broken.growth, self.broken.worlds
        if self.held is None:
            return f"{verb} at {last} at the latest"
        if self.about is None:
            most = max((probe.worlds for probe in self.probes), default=worlds)
            return f"{verb} between {self.held} and {last} (in between {most} worlds cannot tell)"
        return f"{verb} at about {self.about} (holds at {self.held}, breaks at {last})"


def find_breaks(outcomes: Sequence[Outcome], look: Look) -> list[Breaking]:
    """Enclose where a fleet breaks; and where it stops serving, if money is lost before.

    Parameters
    ----------
    outcomes, look
        As of :func:`find_break`.
    """
    first = find_break(outcomes, look)
    begins = next((outcome for outcome in outcomes if outcome.breaks), None)
    if begins is None or "service" in (first.broken if first else begins).breaks:
        return [first] if first else []
    later = find_break(outcomes, look, SERVICE)
    return [each for each in (first, later) if each]


def find_break(
    outcomes: Sequence[Outcome], look: Look, kinds: tuple[str, ...] = ANYTHING
) -> Breaking | None:
    """Enclose the breaking point of a fleet; None if it never breaks, or from the beginning.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of one fleet, step by step.
    look : callable
        What becomes of the fleet at a growth in between.
    kinds : tuple of str
        What is to break.
    """

    def breaks(outcome: Outcome) -> bool:
        return any(kind in outcome.breaks for kind in kinds)

    first = next((i for i, outcome in enumerate(outcomes) if breaks(outcome)), 0)
    if first == 0:
        return None
    last_held = max((i for i in range(first) if outcomes[i].word == "holds"), default=-1)
    held = outcomes[last_held].growth if last_held >= 0 else None
    unsure = [outcome.growth for outcome in outcomes[last_held + 1 : first]]
    broken = outcomes[first]
    probes: list[Outcome] = []
    while len(probes) < MOST_PROBES:
        low, high = _widest(held, unsure, broken.growth)
        if ratio(low, high) <= 1.0 + TOLERANCE or (between := middle(low, high)) in (low, high):
            break
        outcome = look(between)
        probes.append(outcome)
        # An end moves only where nothing in doubt lies on the other side of it.
        if breaks(outcome) and low == (unsure[-1] if unsure else held):
            broken = outcome
        elif outcome.word == "holds" and not breaks(outcome) and low == held:
            held = between
        else:
            unsure.insert(0 if low == held else len(unsure), between)
    return Breaking(broken.fleet, held, tuple(unsure), broken, tuple(probes), kinds)


def _widest(held: Growth | None, unsure: Sequence[Growth], broken: Growth) -> tuple[Growth, Growth]:
    """The wider of the two ways that are not known yet: to what is in doubt, and from it on."""
    ends = [(unsure[-1], broken)] if unsure else []
    if held is not None:
        ends.append((held, unsure[0] if unsure else broken))
    return max(ends, key=lambda pair: ratio(*pair))


def ratio(low: Growth, high: Growth) -> float:
    """How far two growths are apart: the largest factor between them of anything that grows."""
    return float(max(getattr(high, f.name) / getattr(low, f.name) for f in fields(Growth)))


def middle(low: Growth, high: Growth) -> Growth:
    """Half the way between two growths, in the logarithm, in round numbers.

    >>> str(middle(Growth(2), Growth(5))), str(middle(Growth(1), Growth(1.2, prompt=2)))
    ('3.2x', '1.1x, prompts 1.41x')
    """
    pairs = [(getattr(low, f.name), getattr(high, f.name)) for f in fields(Growth)]
    return Growth(*(low if low == high else rounded(math.sqrt(low * high)) for low, high in pairs))


def rounded(value: float) -> float:
    """To at most 2.5 %: two digits, and three of what begins with a one.

    >>> rounded(3.162), rounded(1.4142), rounded(141.42), rounded(0.3162)
    (3.2, 1.41, 141.0, 0.32)
    """
    return float(f"{value:.3g}" if f"{value:e}"[0] == "1" else f"{value:.2g}")
