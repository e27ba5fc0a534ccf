"""Tasks of several calls: the keys, and the calls that they make."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from sim.model import tasks
from sim.model.distributions import Choice, Constant, Distribution
from sim.model.lengths import Lengths
from sim.scenario.values.fields import Reads, number
from sim.scenario.values.numbers import Number, Quantity
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Spot
from sim.scenario.values.varied import Varied, read_varied, schema_of, varied
from sim.scenario.workload.compression import compressed
from sim.scenario.workload.lengths import TokenLengths, token_lengths

GIVEN: Final = Quantity("count", least=1, most=tasks.MOST_CALLS)
DRAWN: Final = Quantity("count", above=0, most=tasks.MOST_CALLS)  # and then rounded, to 1 at least


def number_of_calls() -> Reads:
    """A number, which a mean need not be a whole one of, or a distribution."""

    def read(raw: Any, spot: Spot) -> Varied | None:
        return read_varied(raw, DRAWN if isinstance(raw, dict) else GIVEN, spot)

    return Reads(read, lambda: schema_of("count"))


class FollowUps(Model):
    """Calls that follow a request, each after an answer, as in conversations and agents.

    The rate of the arrivals is then that of tasks.
    """

    calls_per_task: Annotated[Varied, number_of_calls()]
    """Calls of a task, the first among them. Of 3.5 half have 3 and half have 4; a distribution is
    drawn for each task and rounded to a whole number from 1."""
    think_time: Annotated[Varied, varied()] | None = None
    """Time from an answer to the call that follows it; a distribution says how it differs.
    Default 0."""
    prompt_tokens: Annotated[TokenLengths, token_lengths()] | None = None
    """New tokens in the prompt of a following call, besides what it carries over; by default as
    many as in the prompt of a first call."""
    output_tokens: Annotated[TokenLengths, token_lengths()] | None = None
    """Length of its output; by default like that of a first call."""
    parallel: Annotated[Varied, number_of_calls()] | None = None
    """Following calls that are sent side by side, in stages that wait for all of the one before;
    default 1."""
    carry: Annotated[Number, number("share", least=0, most=1)] | None = None
    """Share of all earlier prompts and outputs of the task that a prompt begins with; default
    100%, a context that grows with every call."""


def resolved(follow_ups: FollowUps | None) -> FollowUps | None:
    """The calls with their defaults, but for lengths that are those of the first calls."""
    if follow_ups is None:
        return None
    defaults = {"think_time": Varied(0.0), "parallel": Varied(1.0), "carry": 1.0}
    missing = {key: value for key, value in defaults.items() if getattr(follow_ups, key) is None}
    return follow_ups.model_copy(update=missing)


def compiled(
    follow_ups: FollowUps | None,
    prompt: Lengths,
    output: Lengths,
    kept: Number | None,
    draws: Mapping[str, float],
) -> tasks.FollowUps | None:
    """The calls in a world, after first ones of these lengths.

    Of their own new prompts the share ``kept`` is left by compression.
    """
    if follow_ups is None:
        return None
    new, answer = follow_ups.prompt_tokens, follow_ups.output_tokens
    assert follow_ups.think_time is not None and follow_ups.parallel is not None
    return tasks.FollowUps(
        calls=whole(follow_ups.calls_per_task.distribution(draws)),
        prompt=prompt if new is None else compressed(new.lengths(draws), kept, draws),
        output=output if answer is None else answer.lengths(draws),
        think_s=follow_ups.think_time.distribution(draws),
        width=whole(follow_ups.parallel.distribution(draws)),
    )


def whole(law: Distribution) -> Distribution:
    """The law, or the two whole numbers around a constant whose mean it is."""
    if not isinstance(law, Constant) or law.value.is_integer():
        return law
    below = math.floor(law.value)
    above_share = law.value - below
    return Choice((float(below), below + 1.0), (1 - above_share, above_share))
