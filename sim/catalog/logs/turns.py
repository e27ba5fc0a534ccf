"""Turns of a conversation that say only what is new: their prompts are all that was said before.

AIPerf sends a session's later turns with all that was said before, prompts and answers, and the
``input_length`` of a turn is that of its new tokens alone (docs/reference/conversation-context-mode
of ai-dynamo/aiperf: deltas without responses; Mooncake traces with ``hash_ids`` among them).
Other tools write the same keys with whole prompts, as Dynamo's replay reads them. Whole prompts
never become shorter from one turn to the next, and their named blocks begin with those of the turn
before.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.workload import Prefixes

Turns = Literal["new", "whole"]
TURNS = ("new", "whole")

IntArray = npt.NDArray[np.int64]


class Lengths(NamedTuple):
    """Requests of a log, row by row.

    Attributes
    ----------
    session : (n,) int64
        -1 for none.
    prompt, output : (n,) int64
        Tokens.
    prefixes : Prefixes or None
    block_tokens : int
    """

    session: IntArray
    prompt: IntArray
    output: IntArray
    prefixes: Prefixes | None
    block_tokens: int


def judged(rows: Lengths) -> Turns:
    """Which of the two a log's prompts are, as they show."""
    before, turn = _pairs(rows.session)
    if not len(turn):
        return "whole"
    if (rows.prompt[turn] < rows.prompt[before]).any():
        return "new"
    return "whole" if _begin_alike(rows, before, turn) else "new"


def whole(rows: Lengths) -> tuple[IntArray, Prefixes | None]:
    """Whole prompts of rows whose later turns say what is new, and the names of their blocks.

    A turn begins with the whole blocks of the turn before; what follows is the session's own.

    Examples
    --------
    >>> session, none = np.array([0, 0, -1, 0]), None
    >>> rows = Lengths(session, np.array([600, 300, 50, 10]), np.array([40, 60, 9, 5]), none, 0)
    >>> whole(rows)[0].tolist()
    [600, 940, 50, 1010]
    """
    order = np.argsort(rows.session, kind="stable")
    session = rows.session[order]
    begins = np.concatenate([[True], np.diff(session) != 0]) | (session < 0)
    said = np.cumsum(rows.prompt[order] + rows.output[order])
    here = said - rows.prompt[order] - rows.output[order]  # all rows before, of any session
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    prompt = np.empty(len(order), np.int64)
    prompt[order] = here - here[first] + rows.prompt[order]
    if rows.prefixes is None:
        return prompt, None
    return prompt, _named(rows.prefixes, prompt, order, begins, rows.block_tokens)


def _named(
    prefixes: Prefixes, prompt: IntArray, order: IntArray, begins: npt.NDArray[np.bool_], size: int
) -> Prefixes:
    """Names of the blocks of whole prompts."""
    at = ragged.starts(prefixes.count)
    unused = int(prefixes.name.max(initial=-1)) + 1
    names: list[IntArray] = [np.zeros(0, np.int64)] * len(order)
    last = names[0]
    for row, is_first in zip(order.tolist(), begins.tolist(), strict=True):
        if is_first:
            last = prefixes.name[at[row] : at[row + 1]]
        else:
            own = -(-int(prompt[row]) // size) - len(last)
            last = np.concatenate([last, np.arange(unused, unused + own)])
            unused += own
        names[row] = last
        last = last[: int(prompt[row]) // size]  # the begun block goes on differently
    count = np.array([len(each) for each in names], np.int32)
    return Prefixes(count, np.concatenate(names))


def _pairs(session: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of turns that follow another of their session, and the rows of those others."""
    order = np.argsort(session, kind="stable")
    follows = np.flatnonzero((np.diff(session[order]) == 0) & (session[order][1:] >= 0))
    return order[follows], order[follows + 1]


def _begin_alike(rows: Lengths, before: IntArray, turn: IntArray) -> bool:
    """Whether turns begin with the whole blocks of the turn before, all that have some."""
    if rows.prefixes is None:
        return False
    at, name = ragged.starts(rows.prefixes.count), rows.prefixes.name
    seen = False
    for one, other in zip(before.tolist(), turn.tolist(), strict=True):
        count = min(int(at[one + 1] - at[one]), int(rows.prompt[one]) // rows.block_tokens)
        if count == 0:
            continue
        seen = True
        if not np.array_equal(name[at[one] :][:count], name[at[other] : at[other + 1]][:count]):
            return False
    return seen
