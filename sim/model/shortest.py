"""The shortest move that rises by what is missing (least distance programming).

Of all x with A x >= b the one nearest to 0. It is a combination A' u of rows that it just
satisfies, with weights u above 0, found by an active set as Lawson and Hanson have it (1974,
chapter 23): the row that is missed most joins the set, the set is solved for, rows whose weight
would fall below 0 leave it, until no row is missed. There are a dozen rows or two. Every sum is
rounded once, for the same bits on any machine; a library's optimisers take a quarter of a second
to import.
"""

import math
from collections.abc import Sequence

Row = Sequence[float]

MISSED = 1e-12  # of the largest that is missing, below which a row is satisfied
DEPENDENT = 1e-11  # of a row's length: what is left of one that others make up


def shortest(rows: Sequence[Row], missing: Row) -> list[float]:
    """The shortest x along which each row rises by what it misses, at least.

    Parameters
    ----------
    rows : (k, m) floats
        There has to be some such x.
    missing : (k,) floats

    Examples
    --------
    >>> shortest([[1.0, 0.0], [1.0, 1.0]], [1.0, 0.5]), shortest([[2.0]], [-1.0])
    ([1.0, 0.0], [0.0])
    """
    tolerance = MISSED * max(map(abs, missing))
    move, weights = [0.0] * len(rows[0]), dict[int, float]()
    while True:
        left = {
            at: b - _product(row, move)
            for at, (row, b) in enumerate(zip(rows, missing, strict=True))
            if at not in weights
        }
        worst = max(left, key=left.__getitem__, default=None)
        if worst is None or left[worst] <= tolerance:
            return move
        weights = _taken_in(worst, weights, rows, missing)
        if worst not in weights:
            return move  # missed by rounding only
        move = _combined(weights, rows)


def _taken_in(
    row: int, weights: dict[int, float], rows: Sequence[Row], missing: Row
) -> dict[int, float]:
    """The rows that the move rests on, and their weights, with one more among them."""
    weights = {**weights, row: 0.0}
    while row in weights:
        triangle = _triangle([rows[at] for at in weights])
        if triangle[-1][-1] == 0.0:
            # The others make it up: it takes their place, until the first of them is not needed.
            parts = _upwards(triangle[:-1], triangle[-1][:-1])
            ways = dict(zip(weights, (*(-part for part in parts), 1.0), strict=True))
            limits = {at: weights[at] / -way for at, way in ways.items() if way < 0.0}
        else:
            solved = _upwards(triangle, _downwards(triangle, [missing[at] for at in weights]))
            if min(solved) > 0.0:
                return dict(zip(weights, solved, strict=True))
            ways = {at: new - weights[at] for at, new in zip(weights, solved, strict=True)}
            # Those that would fall below 0, of which the first leaves.
            limits = {at: weights[at] / -way for at, way in ways.items() if way <= -weights[at]}
        first = min(limits, key=limits.__getitem__, default=row)
        step = limits.get(first, 0.0)
        weights = {at: weights[at] + step * ways[at] for at in weights if at != first}
    return weights


def _triangle(rows: Sequence[Row]) -> list[list[float]]:
    """Each row in terms of orthogonal units, one more for each: (k, up to k) floats.

    The last of a row that others make up is 0.
    """
    units: list[list[float]] = []
    triangle: list[list[float]] = []
    for row in rows:
        rest, parts = list(row), [0.0] * len(units)
        for _ in range(2):  # twice is enough (Kahan)
            for at, unit in enumerate(units):
                part = _product(unit, rest)
                rest = [r - part * e for r, e in zip(rest, unit, strict=True)]
                parts[at] += part
        length = math.sqrt(_product(rest, rest))
        if length <= DEPENDENT * math.sqrt(_product(row, row)):
            length, rest = 0.0, [0.0] * len(rest)
        units.append([r / (length or 1.0) for r in rest])
        triangle.append([*parts, length])
    return triangle


def _downwards(triangle: Sequence[Row], values: Row) -> list[float]:
    """What each unit adds, so that each row comes to its value."""
    found: list[float] = []
    for row, value in zip(triangle, values, strict=True):
        found.append((value - _product(row[:-1], found)) / row[-1])
    return found


def _upwards(triangle: Sequence[Row], values: Row) -> list[float]:
    """The weights of rows that come to so much of each unit."""
    found = [0.0] * len(triangle)
    for at in reversed(range(len(triangle))):
        above = math.fsum(triangle[k][at] * found[k] for k in range(at + 1, len(triangle)))
        found[at] = (values[at] - above) / triangle[at][at]
    return found


def _combined(weights: dict[int, float], rows: Sequence[Row]) -> list[float]:
    """The sum of rows by their weights."""
    return [math.fsum(w * rows[at][i] for at, w in weights.items()) for i in range(len(rows[0]))]


def _product(one: Row, other: Row) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))
