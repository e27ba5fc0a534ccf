"""The designs of a sweep: every combination of values, or a Latin hypercube of them.

All are loaded before anything is simulated, so that a value with which the scenario cannot be is
told at once.
"""

import math
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from sim.errors import PeakfleetError, Problem, ScenarioError
from sim.model.streams import Streams
from sim.scenario import Scenario
from sim.studies.case import Case
from sim.studies.sweep.axes import Axis, short_names

MOST = 500  # designs, by default
LOOKED_AT = 12  # designs, for one that a key moves
LONGEST = 60  # letters of a value in a message

Values = tuple[str, ...]  # one of each axis


@dataclass(frozen=True, slots=True)
class Candidate:
    """A design to be simulated.

    Attributes
    ----------
    label : str
    values : tuple of str
        Of each axis, as they could be written.
    scenario : Scenario
    """

    label: str
    values: Values
    scenario: Scenario


def count(axes: Sequence[Axis], drawn: int | None = None) -> int:
    """How many designs there are at most."""
    return drawn or math.prod(len(axis.values) for axis in axes)


def candidates(
    case: Case, axes: Sequence[Axis], drawn: int | None = None, seed: int = 0
) -> list[Candidate]:
    """All designs, loaded; those of a Latin hypercube that are the same only once.

    Parameters
    ----------
    case : Case
        The scenario.
    axes : sequence of Axis
    drawn : int, optional
        Designs of a Latin hypercube; a grid without it.
    seed : int
        Of the hypercube.

    Raises
    ------
    PeakfleetError
        If a value makes a scenario that cannot be, or a key moves no design.
    """
    _check_each(case, axes)
    every = list(_drawn(axes, drawn, seed) if drawn else product(*(a.values for a in axes)))
    names = short_names([axis.path for axis in axes])
    found = [
        Candidate(_label(names, values), values, _loaded(case, axes, values)) for values in every
    ]
    for number, axis in enumerate(axes):
        if not any(_moves(case, axes, number, each) for each in found[:LOOKED_AT]):
            raise PeakfleetError(
                f"--over {axis.path}: no design is moved by it: {' and '.join(axis.ends()[:2])}"
                " make the same service; leave it out, or see 'sim explain"
                f" {axis.path}' for what it takes"
            )
    return found


def settings(axes: Sequence[Axis], values: Values) -> tuple[str, ...]:
    """A design's changes, as for ``--set``."""
    return tuple(f"{axis.path}={value}" for axis, value in zip(axes, values, strict=True))


def _label(names: Sequence[str], values: Values) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def _drawn(axes: Sequence[Axis], number: int, seed: int) -> Iterator[Values]:
    """A Latin hypercube: each axis in as many equal parts as there are designs, each part once."""
    places = []
    for axis in axes:
        rng = Streams(seed, 0)(f"sweep/{axis.path}")
        places.append((rng.permutation(number) + rng.random(number)) / number)
    every = [
        tuple(axis.at(float(place)) for axis, place in zip(axes, row, strict=True))
        for row in np.array(places).T
    ]
    yield from dict.fromkeys(every)


def _check_each(case: Case, axes: Sequence[Axis]) -> None:
    """Try each value by itself: a wrong one is named once, not in every design that has it.

    One that only goes with values of others is left to its designs.
    """
    for axis in axes:
        errors = []
        for value in axis.ends():
            try:
                _loaded(case, [axis], (value,))
            except ScenarioError as error:
                errors.append(error)
        if len(errors) == len(axis.ends()) and (len(axes) == 1 or _is_unknown(errors[0])):
            raise errors[0]


def _is_unknown(error: ScenarioError) -> bool:
    """Whether it is the key that is wrong, with any value."""
    return any(word in str(error) for word in ("unknown key", "is not there", "has no keys"))


def _loaded(case: Case, axes: Sequence[Axis], values: Values) -> Scenario:
    """The scenario of a design; an error names its values as they were asked for."""
    changes = settings(axes, values)
    try:
        return case.load(changes)
    except ScenarioError as error:
        raise ScenarioError([_named(each, changes) for each in error.problems]) from None


def _named(problem: Problem, changes: Sequence[str]) -> Problem:
    """A problem of a design, under the changes that made it."""
    own = next((each for each in changes if problem.file == f"--set {each}"[:206]), None)
    shown = ", ".join(changes) if own is None else own
    shown = shown if len(shown) <= LONGEST or own is None else f"{shown[: LONGEST - 1]}…"
    line = "" if problem.line is None else f":{problem.line}"
    place = f"--over {shown}" + (f" ({problem.file}{line})" if own is None else "")
    design = f" (design {', '.join(changes)})" if own and len(changes) > 1 else ""
    return replace(problem, file=place, line=None, message=f"{problem.message}{design}")


def _moves(case: Case, axes: Sequence[Axis], number: int, design: Candidate) -> bool:
    """Whether another value of a key makes another service of a design."""
    own = _service(design.scenario)
    for value in axes[number].ends():
        if value == design.values[number]:
            continue
        values = (*design.values[:number], value, *design.values[number + 1 :])
        try:
            if _service(_loaded(case, axes, values)) != own:
                return True
        except ScenarioError:
            continue  # which no design of a hypercube need have
    return False


def _service(scenario: Scenario) -> bytes:
    """What makes the worlds of a scenario what they are: its design, and what is uncertain."""
    design = replace(scenario.typical_design(), name="")
    return pickle.dumps((design, scenario.inputs))
