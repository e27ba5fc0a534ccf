"""When finished worlds are put on disk: soon, seldom enough, and never later than asked."""

import numpy as np
import pytest

from sim.montecarlo import checkpoints as module
from sim.montecarlo.checkpoints import Checkpoints, Pace
from sim.montecarlo.result import Earlier
from sim.montecarlo.sample import Sample


class Disk:
    """Keeps worlds, at a cost, unless it is full; and the clock that it takes its time from."""

    def __init__(self, cost_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self.cost_s = cost_s
        self.full = False
        self.kept: list[tuple[float, list[int]]] = []
        self.exports: list[dict[str, str] | None] = []

    def keep(self, sample: Sample, found: Earlier) -> None:
        self.now_s += self.cost_s
        if self.full:
            raise OSError(28, "No space left on device")
        self.kept.append((self.now_s, sample.worlds))
        self.exports.append(found.exports)

    @property
    def worlds(self) -> list[int]:
        return [world for _, worlds in self.kept for world in worlds]


class Run:
    """A run whose worlds come when the test says so."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.said: list[str] = []
        self.sample = Sample()
        self.checkpoints = Checkpoints(disk, self.said.append, Pace(lambda: disk.now_s))
        self.late_s = 0.0
        self._waiting: dict[int, float] = {}  # worlds and when they were finished
        self._seen = 0

    def world(self, after_s: float, looks: bool = True, last: bool = False) -> None:
        """A further world; meanwhile somebody looks four times a second, if several work."""
        end_s = self.disk.now_s + after_s
        while looks and self.disk.now_s + 0.25 < end_s:
            self.disk.now_s += 0.25
            self.look()
        self.disk.now_s = max(end_s, self.disk.now_s)
        world = len(self.sample)
        self._waiting[world] = self.disk.now_s
        self.sample.add_row(world, "stable", {"a": float(world)}, {"load": np.zeros(2)})
        files = Earlier(self.sample, exports={"costs.csv": "x"}) if world == 0 else None
        self.checkpoints.take(world, self.sample, files, last)
        self.note()

    def look(self, urgent: bool = False) -> None:
        self.checkpoints.look(self.sample, urgent)
        self.note()

    def note(self) -> None:
        """How late the worlds are that were kept meanwhile, or still are not."""
        for kept_s, worlds in self.disk.kept[self._seen :]:
            late_s = [kept_s - self._waiting.pop(world, kept_s) for world in worlds]
            self.late_s = max(self.late_s, *late_s)
        self._seen = len(self.disk.kept)
        if self._waiting:
            self.late_s = max(self.late_s, self.disk.now_s - next(iter(self._waiting.values())))


@pytest.mark.parametrize("each_s", [0.001, 0.3, 7.0, 25.0, 100.0])
@pytest.mark.parametrize("cost_s", [0.0, 0.02, 3.0])
@pytest.mark.parametrize("looks", [True, False])
def test_no_world_waits_for_a_minute_and_none_is_kept_twice(
    each_s: float, cost_s: float, looks: bool
) -> None:
    run = Run(Disk(cost_s))
    for _ in range(min(2000, int(3000 / each_s))):
        run.world(each_s, looks)
    # Alone in its process a run looks only when a world is finished, and begins the next at once.
    assert run.late_s <= module.LONGEST_S + cost_s + (0.25 if looks else 0.0)
    assert len(set(run.disk.worlds)) == len(run.disk.worlds)


def test_a_short_run_has_something_to_resume_from_after_a_second() -> None:
    run = Run(Disk())
    for _ in range(12):
        run.world(0.1)
    assert run.disk.kept[0][0] - 1000.0 == pytest.approx(1.0)
    assert run.disk.exports[0] == {"costs.csv": "x"}


def test_a_long_run_is_not_kept_in_thousands_of_parts() -> None:
    run = Run(Disk())
    for _ in range(7_200):
        run.world(1.0, looks=False)  # two hours
    assert 250 < len(run.disk.kept) < 350
    assert run.disk.exports == [{"costs.csv": "x"}, *[None] * (len(run.disk.kept) - 1)]


def test_writing_takes_a_small_share_of_the_time() -> None:
    run = Run(Disk(cost_s=0.1))
    for _ in range(1000):
        run.world(0.1, looks=False)
    assert 0.1 * len(run.disk.kept) < 0.03 * (run.disk.now_s - 1000.0)


def test_an_end_that_is_near_makes_it_urgent() -> None:
    run = Run(Disk())
    run.world(0.1)
    assert run.disk.kept == []
    run.look(urgent=True)
    assert run.disk.worlds == [0]
    run.look(urgent=True)
    assert len(run.disk.kept) == 1


def test_the_last_world_waits_for_the_results_unless_it_is_urgent() -> None:
    run = Run(Disk())
    run.world(5.0, looks=False)
    assert run.disk.worlds == [0]
    run.world(5.0, looks=False, last=True)
    run.look()
    assert run.disk.worlds == [0]
    run.look(urgent=True)
    assert run.disk.worlds == [0, 1]


def test_a_full_disk_is_said_once_and_tried_again() -> None:
    run = Run(Disk())
    run.disk.full = True
    for _ in range(50):
        run.world(1.0)
    assert run.said == [
        "finished worlds cannot be put on disk (No space left on device); the work goes on"
    ]
    run.disk.full = False
    for _ in range(50):
        run.world(1.0)
    run.look(urgent=True)
    assert sorted(run.disk.worlds) == list(range(100))
    assert run.disk.exports[0] == {"costs.csv": "x"}
