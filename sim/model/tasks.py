"""Tasks: a request and the calls that follow it, as agents make and conversations go on.

A user's action is a task of one call or more. Each stage of a task waits for all calls of the stage
before and some time of thinking (a user's, or a tool's), and then sends one call or several side by
side. What the prompts of later calls carry over from earlier ones is the workload's ``carry``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.distributions import Constant, Distribution, FloatArray
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.workload import OWN, Chains

GROUP_TASKS = 1024  # drawn at once, so that tasks of many calls need no more than some MB
MOST_CALLS = 1000  # of a task

Counts = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class FollowUps:
    """The calls that follow the requests of a workload.

    Numbers of calls are drawn as real numbers, rounded half up and kept from 1 to ``MOST_CALLS``.

    Attributes
    ----------
    calls : Distribution
        Calls of a task, the first one among them.
    prompt : Lengths
        New tokens in the prompt of a call, besides what it carries over.
    output : Lengths
        Tokens that a call is answered with.
    think_s : Distribution
        Seconds from the last answer of a stage to each call of the next.
    width : Distribution
        Calls of a stage, sent side by side; the last stage has those that are left.
    """

    calls: Distribution
    prompt: Lengths
    output: Lengths
    think_s: Distribution = field(default_factory=lambda: Constant(0.0))
    width: Distribution = field(default_factory=lambda: Constant(1.0))

    def chains(
        self, name: str, streams: Streams, key: str, here: slice, growth: FloatArray | None = None
    ) -> Iterator[tuple[slice, Chains]]:
        """Calls that follow the requests ``here`` of a block of requests, a group at a time.

        They hang on seed, world, name and the place of the request in its block alone.

        Parameters
        ----------
        name, key : str
            Of the workload, and of the block.
        here : slice
            First request and end, within the block.
        growth : (n,) float64, optional
            Factor on the new prompt tokens of the tasks that the n requests ``here`` begin.

        Yields
        ------
        rows : slice
            Some of the n requests: all of them, in order, group after group.
        chains : Chains
        """
        for group in range(here.start // GROUP_TASKS, -(-here.stop // GROUP_TASKS)):
            begin = group * GROUP_TASKS
            first, last = max(here.start, begin), min(here.stop, begin + GROUP_TASKS)
            rows = slice(first - here.start, last - here.start)
            inside = slice(first - begin, last - begin)
            factor = None if growth is None else growth[rows]
            yield rows, self._group(name, streams, f"{key}/{group}", inside, factor)

    def _group(
        self, name: str, streams: Streams, key: str, rows: slice, growth: FloatArray | None
    ) -> Chains:
        """Draw a whole group, and keep some rows of it."""
        count = whole(self.calls, streams(f"tasks/{name}/calls/{key}"), GROUP_TASKS) - 1
        begins = ragged.starts(count)
        total, kept = int(begins[-1]), slice(begins[rows.start], begins[rows.stop])
        prompt = self.prompt.distribution.sample(streams(f"tasks/{name}/prompt/{key}"), total)[kept]
        output = self.output.distribution.sample(streams(f"tasks/{name}/output/{key}"), total)[kept]
        think_s = self.think_s.sample(streams(f"tasks/{name}/think/{key}"), total)[kept]
        if growth is not None:
            prompt = prompt * np.repeat(growth, count[rows])
        return Chains(
            count[rows],
            stages(count, self.width, streams(f"tasks/{name}/parallel/{key}"))[kept],
            np.maximum(think_s, 0.0),
            self.prompt.in_tokens(prompt),
            self.output.in_tokens(output),
            np.full(len(prompt), OWN, np.int32),
        )


def stages(count: Counts, width: Distribution, rng: np.random.Generator) -> Counts:
    """Stage of each following call: tasks fill one stage after the other, all at the same time.

    Parameters
    ----------
    count : (n,) int32
        Following calls of each task.
    width : Distribution
        Calls of a stage.

    Returns
    -------
    stage : (count.sum(),) int32
        From 1 in each task.
    """
    if isinstance(width, Constant):
        return _stages_of_one_width(count, int(whole(width, rng, 1)[0]))
    stage = np.empty(int(count.sum()), np.int32)
    next_call, left, number = ragged.starts(count)[:-1], count.copy(), 0
    open_tasks = np.flatnonzero(left)
    while len(open_tasks):
        number += 1
        sent = np.minimum(whole(width, rng, len(open_tasks)), left[open_tasks])
        stage[ragged.places(next_call[open_tasks], sent)] = number
        next_call[open_tasks] += sent
        left[open_tasks] -= sent
        open_tasks = open_tasks[left[open_tasks] > 0]
    return stage


def _stages_of_one_width(count: Counts, width: int) -> Counts:
    """The same where all stages have as many calls, but the last of a task."""
    begins = ragged.starts(count)
    place = np.arange(begins[-1]) - np.repeat(begins[:-1], count)  # of a call in its task
    return (1 + place // width).astype(np.int32)


def whole(law: Distribution, rng: np.random.Generator, n: int) -> Counts:
    """Numbers of calls: (n,) int32."""
    return np.clip(np.floor(law.sample(rng, n) + 0.5), 1, MOST_CALLS).astype(np.int32)
