"""Batches that come back, and those that are given up since workers died of them."""

from collections.abc import Iterable
from concurrent.futures import Future

import pytest
from cluster_worlds import TinyReplication

from sim.montecarlo import dispatch
from sim.montecarlo.dispatch import replications
from sim.montecarlo.execution import Batch, Task, Workers, WorldError
from sim.montecarlo.interruption import Interruption


class Deadly:
    """Workers who give up each batch that has a killer in it, or was sent right after such a one.

    Worlds that are sent once more are alone, and given up only if they kill.
    """

    def __init__(self, killers: Iterable[int], lanes: int = 4) -> None:
        self.killers = set(killers)
        self.lanes = lanes
        self.sent: list[list[int]] = []
        self.finished: list[int] = []

    def submit(self, tasks: list[Task]) -> "Future[Batch]":
        worlds = [task.world for task in tasks]
        again = any(worlds[0] in batch for batch in self.sent)
        before = [] if again or not self.sent else self.sent[-1]
        self.sent.append(worlds)
        future: Future[Batch] = Future()
        if self.killers & {*worlds, *before}:
            future.set_result(Batch([], None, 0.0, tuple(tasks)))
        else:
            done = [TinyReplication(world, {}) for world in worlds]
            future.set_result(Batch(done, None, 0.1 * len(done)))
        return future


def finished(deadly: Deadly, worlds: int) -> list[int]:
    """Which of so many worlds come back."""
    workers = Workers(deadly.submit, lambda: deadly.lanes, batch_s=2.0)
    tasks = [Task(world, {}) for world in range(worlds)]
    for each in replications(workers, tasks, Interruption(), many=worlds):
        deadly.finished.append(each.world)
    return sorted(deadly.finished)


@pytest.mark.parametrize("killers", [{0}, {17}, {39}, {3, 4}])
def test_killers_are_named_and_all_others_finished(killers: set[int]) -> None:
    deadly = Deadly(killers)
    with pytest.raises(WorldError) as met:
        finished(deadly, 40)
    said = str(met.value)
    assert said.startswith(f"world {min(killers)}: every worker that simulated it died")
    assert ("too" in said) == (len(killers) > 1)
    assert sorted(deadly.finished) == sorted({*range(40)} - killers)


def test_worlds_that_were_only_beside_a_killer_are_not_blamed_however_often() -> None:
    """Those given up are simulated alone; an innocent world is then finished."""
    deadly = Deadly({5})
    with pytest.raises(WorldError, match=r"^world 5: [^0-9]*$"):
        finished(deadly, 12)


def test_where_every_world_kills_few_workers_are_lost() -> None:
    deadly = Deadly(range(1000))
    with pytest.raises(WorldError, match=r"^world 0: .* \(of 1 and 2, too\)"):
        finished(deadly, 1000)
    assert len(deadly.sent) <= deadly.lanes + dispatch.MOST_KILLERS


def test_suspects_are_tried_before_there_are_many() -> None:
    """Killers everywhere in a long run: it ends after three of them, not after all worlds."""
    deadly = Deadly(range(100, 2000, 10))
    with pytest.raises(WorldError, match=r"\(of \d+ and \d+, too\)"):
        finished(deadly, 2000)
    assert len(deadly.finished) < 1000


def test_all_are_tried_where_nobody_is_to_blame_for_long() -> None:
    """A cluster that lost many workers for another reason: every world is finished in the end."""

    class Failing(Deadly):
        def submit(self, tasks: list[Task]) -> "Future[Batch]":
            worlds = {task.world for task in tasks}
            again = any(worlds & {*batch} for batch in self.sent)
            self.killers = set() if again or len(self.sent) > 12 else worlds
            return super().submit(tasks)

    failing = Failing(())
    assert finished(failing, 300) == [*range(300)]


def test_the_last_batches_are_small_so_that_all_workers_end_together() -> None:
    deadly = Deadly(())
    finished(deadly, 400)
    sizes = [len(batch) for batch in deadly.sent]
    assert max(sizes) == 20  # two seconds of worlds of a tenth
    assert sizes[-4:] == [1, 1, 1, 1]
    assert all(size <= max(1, (400 - sum(sizes[:i])) // 4) for i, size in enumerate(sizes))
