"""Tournament trees: the least of many keys, of which one changes at a time.

The keys are leaves in groups of four, half a cache line; a node holds the least of its group, the
nodes of a level are in groups of four again, and so on up to the root. Ten thousand keys are seven
levels, and as many cache lines. Of equal keys the lowest index is the first. Nodes hold values and
not indices, so that neither the way up nor the way down has a branch for a processor to guess
wrong. One tree tells the next event among the replicas of the fleet, another one per pool the least
loaded replica.

Each level has room for all that the one above it could have, so that the level of 4 nodes begins at
node 4, that of 16 at 8, of 64 at 24: the group of node n begins at 4·n - 8, with the root at 3. The
others in the group of a node are those whose number differs in its last two bits.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.state.jit import compiled, inner

KeyArray = npt.NDArray[np.float64]
TreeArray = npt.NDArray[np.float64]

ROOT = 3
_GROUP = 4
_SHIFT = 8  # the group of node n begins at 4·n - 8


def leaves_for(count: int) -> int:
    """Size of the key array for ``count`` keys: whole groups, at least one."""
    return _GROUP * max(1, -(-count // _GROUP))


def nodes_for(leaves: int) -> int:
    """Size of the tree over a key array of this size: where the leaves would begin."""
    nodes, room = _GROUP, _GROUP
    while room < leaves:
        nodes = _GROUP * nodes - _SHIFT
        room *= _GROUP
    return nodes


@compiled
def first(tree: TreeArray, key: KeyArray) -> int:
    """Index of the least key."""
    least = tree[ROOT]
    begin = _GROUP * ROOT - _SHIFT
    while begin < len(tree):
        begin = _GROUP * (begin + _where(tree, begin, least)) - _SHIFT
    begin -= len(tree)
    return begin + _where(key, begin, least)


@inner
def second(tree: TreeArray, key: KeyArray) -> int:
    """Index of a key that is probably the least but one, of a tree with more keys than a group.

    It is the least of those that are not in the same quarter.
    """
    top = _GROUP * ROOT - _SHIFT
    least_at = _where(tree, top, tree[ROOT])
    at, least = 0, np.inf
    for other in range(_GROUP):
        is_less = (tree[top + other] < least) & (other != least_at)
        at, least = (other, tree[top + other]) if is_less else (at, least)
    begin = _GROUP * (top + at) - _SHIFT
    while begin < len(tree):
        begin = _GROUP * (begin + _where(tree, begin, least)) - _SHIFT
    begin -= len(tree)
    return min(begin + _where(key, begin, least), len(key) - 1)


@compiled
def update(tree: TreeArray, key: KeyArray, leaf: int) -> None:
    """Mend the tree after ``key[leaf]`` has changed."""
    least = _least(key, leaf, key[leaf])
    node = (len(tree) + leaf + _SHIFT) >> 2
    while tree[node] != least:
        tree[node] = least
        if node == ROOT:
            return
        least = _least(tree, node, least)
        node = (node + _SHIFT) >> 2


@compiled
def rebuild(tree: TreeArray, key: KeyArray) -> None:
    """Build the tree from its keys."""
    tree[:] = np.inf
    for leaf in range(0, len(key), _GROUP):
        update(tree, key, leaf)


@inner
def _least(values: KeyArray, at: int, own: float) -> float:
    """The least of a group, of which one has a value just written."""
    return min(min(own, values[at ^ 1]), min(values[at ^ 2], values[at ^ 3]))  # noqa: PLW3301


@inner
def _where(values: KeyArray, begin: int, least: float) -> int:
    """Which of a group is the first that equals its least."""
    at = _GROUP - 1
    for other in range(_GROUP - 2, -1, -1):
        at = other if values[begin + other] == least else at
    return at
