"""Tournament trees: the least of many keys, with an update in log2(n).

A tree over a power of two of keys stores in ``tree[1]`` the least key, and in ``tree[k]`` the less
of the values of nodes 2k and 2k + 1; the keys are the leaves. Of equal keys the lowest index is the
first. Nodes hold values and not indices, so that neither the way up nor the way down has a branch
for a processor to guess wrong. One tree tells the next event among the replicas of the fleet,
another one per pool the least loaded replica.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.state.jit import compiled

KeyArray = npt.NDArray[np.float64]
TreeArray = npt.NDArray[np.float64]


def leaves_for(count: int) -> int:
    """Size of the key array for ``count`` keys: a power of two, at least two."""
    return max(2, 1 << (count - 1).bit_length())


@compiled
def first(tree: TreeArray, key: KeyArray) -> int:
    """Index of the least key."""
    half = len(key)
    node = 1
    while 2 * node < half:
        node = 2 * node + (tree[2 * node + 1] < tree[2 * node])
    left = 2 * node - half
    return left + (key[left + 1] < key[left])


@compiled
def update(tree: TreeArray, key: KeyArray, leaf: int) -> None:
    """Mend the tree after ``key[leaf]`` has changed."""
    least = min(key[leaf], key[leaf ^ 1])
    node = (len(key) + leaf) >> 1
    while tree[node] != least:
        tree[node] = least
        if node == 1:
            return
        least = min(least, tree[node ^ 1])
        node >>= 1


@compiled
def rebuild(tree: TreeArray, key: KeyArray) -> None:
    """Build the tree from its keys."""
    half = len(key)
    for node in range(half - 1, 0, -1):
        if 2 * node >= half:
            tree[node] = min(key[2 * node - half], key[2 * node + 1 - half])
        else:
            tree[node] = min(tree[2 * node], tree[2 * node + 1])
