"""Nodes and zones of a cluster: who fits where."""

import itertools

import numpy as np
import pytest

from sim.model.cluster import Cluster
from sim.model.floor import Floor, Place


def test_a_replica_goes_to_the_node_that_it_fills_best():
    floor = Floor(24, node_gpus=8)
    floor.free = [8, 3, 2]
    assert floor.place(2, [""]) == Place("", ((2, 2),))
    assert floor.place(3, [""]) == Place("", ((1, 3),))
    assert floor.place(4, [""]) == Place("", ((0, 4),))
    floor.free = [3, 3, 2]
    assert floor.place(4, [""]) is None  # 8 are free, and not together


def test_a_larger_one_has_nodes_of_its_own_and_leaves_what_it_does_not_use():
    floor = Floor(32, node_gpus=8)
    floor.free[0] = 7
    place = floor.place(12, [""])
    assert place == Place("", ((1, 8), (2, 4)))
    floor.take(place)
    assert floor.free == [7, 0, 4, 8]
    assert floor.place(12, [""]) is None
    floor.give(place)
    assert floor.free == [7, 8, 8, 8]


def test_of_zones_the_first_that_has_room_is_taken():
    floor = Floor(6, ("a", "b", "c"))
    assert floor.size == 2
    assert floor.place(2, ["b", "a"]) == Place("b", ((1, 2),))
    floor.free[1] = 1
    assert floor.place(2, ["b", "a"]) == Place("a", ((0, 2),))
    assert floor.place(2, ["b"]) is None
    assert floor.place(2, ["b"], {1: 1}) == Place("b", ((1, 2),))
    assert floor.place(3, ["a", "b", "c"]) is None


@pytest.mark.parametrize(
    ("gpus", "zones", "node", "unit", "within", "most"),
    [
        (24, ("",), 8, 3, ("",), 6),
        (24, ("",), 8, 12, ("",), 1),
        (24, ("a", "b", "c"), None, 3, ("a", "b", "c"), 6),
        (24, ("a", "b", "c"), None, 3, ("a",), 2),
        (24, ("a", "b", "c"), 4, 8, ("a", "b"), 2),
    ],
)
def test_so_many_fit(gpus, zones, node, unit, within, most):
    floor = Floor(gpus, zones, node)
    assert floor.most(unit, within) == most
    assert floor.fill(unit, most, within)
    assert not floor.fill(unit, 1, within)


def brute(free: dict[int, int], size: int, gpus: int) -> bool:
    """Whether any set of nodes has room, all of them tried."""
    if gpus <= size:
        return any(left >= gpus for left in free.values())
    count = -(-gpus // size)
    return any(
        all(free[node] == size for node in nodes) for nodes in itertools.combinations(free, count)
    )


def test_a_place_is_found_where_there_is_one_and_nothing_is_lent_twice():
    rng = np.random.default_rng(1)
    for _ in range(300):
        zones = ("a", "b", "c")[: rng.integers(1, 4)]
        size = int(rng.choice([1, 2, 4, 8]))
        floor = Floor(size * len(zones) * int(rng.integers(1, 4)), zones, size)
        taken: list[Place] = []
        for _ in range(40):
            if taken and rng.random() < 0.4:
                floor.give(taken.pop(int(rng.integers(len(taken)))))
                continue
            gpus = int(rng.integers(1, 2 * size + 1))
            place = floor.place(gpus, zones)
            nodes = {z: [n for n, of in enumerate(floor.zone_of) if of == z] for z in zones}
            there = [brute({n: floor.free[n] for n in nodes[z]}, size, gpus) for z in zones]
            assert (place is not None) == any(there)
            if place is not None:
                assert place.zone == zones[there.index(True)]
                assert sum(count for _, count in place.gpus) == gpus
                floor.take(place)
                taken.append(place)
            used = np.zeros(len(floor.free), int)
            for each in taken:
                for node, count in each.gpus:
                    used[node] += count
            assert floor.free == [size - n for n in used]
            assert min(floor.free) >= 0


def test_gpus_that_cannot_be_spread_evenly_are_no_cluster():
    with pytest.raises(ValueError, match="must be a multiple of 24"):
        Cluster(36, node_gpus=8, zones=("a", "b", "c"))
    assert Cluster(36).floor() is None
