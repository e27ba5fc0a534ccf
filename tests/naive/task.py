"""Tasks in the naive simulator: a request and the calls that follow it, stage after stage."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from naive.attempt import NOT_YET
from naive.cache import Name
from naive.user import User
from sim.engine.state import status
from sim.model.workload import OWN, Chains, Prefixes

FIRST_OWN_SESSION = 2**40


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked in a task: an index of 0 is the request that it begins with."""

    index: int
    stage: int
    think_s: float
    new_tokens: int  # of its prompt, besides what is carried over
    output: int
    workload: int = OWN


@dataclass(slots=True)
class Task:
    """One action of a user: calls of one stage side by side, each stage after the one before."""

    index: int  # as it was fed
    workload: int
    arrival_s: float
    patience_s: float
    calls: list[Call]
    fed_session: int = -1
    fed_names: tuple[Name, ...] = ()
    said: int = 0  # tokens of prompts and answers so far, each once
    stage: int = 0
    answered: int = 0  # calls of this stage
    follows_steps: bool = False  # whether times of its calls follow from ends of steps
    status: int = status.IN_FLIGHT
    finish_s: float = NOT_YET
    number: int = -1  # as it was begun
    open: int = 1  # calls that have not ended
    user: User | None = None  # who begins another after it
    then_s: float = math.nan

    @property
    def session(self) -> int:
        if self.fed_session >= 0:
            return self.fed_session
        return FIRST_OWN_SESSION + self.index if len(self.calls) > 1 else -1

    def of_stage(self, stage: int) -> list[Call]:
        return [call for call in self.calls if call.stage == stage]

    def note_answer(self, said: int, now_s: float) -> list[Call]:
        """A call is completed; those that follow now, if it was the last of its stage."""
        self.said += said
        self.answered += 1
        if self.answered < len(self.of_stage(self.stage)):
            return []
        self.stage += 1
        self.answered = 0
        following = self.of_stage(self.stage)
        if not following:
            self.status, self.finish_s = status.COMPLETED, now_s
        return following

    def fail(self, now_s: float) -> None:
        if self.status == status.IN_FLIGHT:
            self.status, self.finish_s = status.FAILED, now_s


def tasks(
    first: int,
    arrival_s: Sequence[float],
    prompt_tokens: Sequence[int],
    output_tokens: Sequence[int],
    workload: Sequence[int],
    patience_s: Iterable[float] | None,
    session: Iterable[int] | None,
    chains: Chains | None,
    prefixes: Prefixes | None,
) -> Iterator[Task]:
    """Fed requests as tasks, numbered from ``first``."""
    n = len(arrival_s)
    rows = zip(
        arrival_s,
        prompt_tokens,
        output_tokens,
        workload,
        [math.inf] * n if patience_s is None else patience_s,
        [-1] * n if session is None else session,
        [[]] * n if chains is None else _ragged(chains.count, zip(*chains[1:], strict=True)),
        [[]] * n if prefixes is None else _ragged(prefixes.count, prefixes.name),
        strict=True,
    )
    for index, (at_s, prompt, output, which, patience, own, later, names) in enumerate(rows, first):
        calls = [Call(0, 0, 0.0, int(prompt), int(output))]
        for number, (stage, think_s, new, out, whose) in enumerate(later, 1):
            calls.append(Call(number, int(stage), float(think_s), int(new), int(out), int(whose)))
        yield Task(
            index,
            int(which),
            float(at_s),
            float(patience),
            calls,
            int(own),
            tuple(int(name) for name in names),
        )


def _ragged(counts: Iterable[int], items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in rows of the given lengths."""
    left = iter(items)
    for count in counts:
        yield list(itertools.islice(left, int(count)))
