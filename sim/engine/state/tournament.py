"""Tournament trees: the least of many keys, with an update in log2(n).

A tree over a power of two of keys stores in ``tree[1]`` the index of the least key, and in
``tree[k]`` the winner between the winners of nodes 2k and 2k + 1; keys are the leaves. Of equal
keys the lowest index wins. One tree tells the next event among the replicas of the fleet, another
one per pool the least loaded replica.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.state.jit import compiled

KeyArray = npt.NDArray[np.float64]
TreeArray = npt.NDArray[np.int64]


def leaves_for(count: int) -> int:
    """Size of the key array for ``count`` keys: a power of two, at least two."""
    return max(2, 1 << (count - 1).bit_length())


@compiled
def update(tree: TreeArray, key: KeyArray, leaf: int) -> None:
    """Mend the tree after ``key[leaf]`` has changed."""
    left = leaf & ~1
    winner = left if key[left] <= key[left + 1] else left + 1
    node = (len(key) + leaf) >> 1
    while True:
        before = tree[node]
        tree[node] = winner
        if node == 1 or (before == winner and winner != leaf):
            return  # the node's winner and its key are what they were: nothing changes above
        rival = tree[node ^ 1]
        if key[rival] < key[winner] or (key[rival] == key[winner] and rival < winner):
            winner = rival
        node >>= 1


@compiled
def rebuild(tree: TreeArray, key: KeyArray) -> None:
    """Build the tree from its keys."""
    half = len(key)
    for node in range(half - 1, 0, -1):
        if 2 * node >= half:
            one, two = 2 * node - half, 2 * node + 1 - half
        else:
            one, two = tree[2 * node], tree[2 * node + 1]
        tree[node] = one if key[one] <= key[two] else two
