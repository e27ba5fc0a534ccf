"""What moves the rate of requests beside its shape: the keys."""

from typing import Annotated, Final

from pydantic import Field

from sim.scenario.values.fields import Start, number, start_of_event
from sim.scenario.values.numbers import Number, Quantity
from sim.scenario.values.part import Model, Text

DAY_S: Final = 86_400.0
LONGEST_S: Final = 3660.0 * DAY_S


class Event(Model):
    """A time when traffic differs: a launch, a campaign, a holiday."""

    name: Text = "event"
    """What it is."""
    start: Annotated[Start, start_of_event(Quantity("duration", least=-LONGEST_S))] = Field(
        examples=["34h", "2026-11-24T10:00"]
    )
    """When: time from the start of the horizon, or a date and time."""
    duration: Annotated[Number, number("duration", above=0, most=LONGEST_S)]
    """How long."""
    factor: Annotated[Number, number("factor", least=0, most=1e6)]
    """Traffic meanwhile as a multiple of what it would be."""


class Dispersion(Model):
    """Slow random swings of the rate beyond its shape, as all real traffic has."""

    cv: Annotated[Number, number("factor", least=0, most=10)]
    """Standard deviation of the rate relative to its mean."""
    timescale: Annotated[Number, number("duration", least=10, most=30 * DAY_S)]
    """How long a swing lasts (correlation time)."""
