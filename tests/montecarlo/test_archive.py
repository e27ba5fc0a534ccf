"""Worlds of studies that were cut off: used again, each for what it was simulated for, or not."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fake_replication import FakeScenario
from fake_replication import replicate as simulate

from sim.errors import ResultError
from sim.montecarlo.archive import Archive
from sim.montecarlo.checkpoints import Pace
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.sample import Sample
from sim.montecarlo.storage import parts
from sim.montecarlo.storage.folder import Folder
from sim.studies.bench import Bench

DESIGNS = {"small": 8, "middle": 20, "large": 30}  # worlds of each
CASE = FakeScenario()


class CutOff(BaseException):
    """Something after which nothing more is put on disk."""


class Study:
    """Some designs one after the other, each twice: with half its worlds and with all.

    Parameters
    ----------
    folder : Path
    case : FakeScenario
    resume : bool
    most : int
        Worlds after which it is cut off.
    minute : float
        Seconds that a world takes.
    """

    def __init__(self, folder, case=CASE, resume=False, most=10**6, world_s=0.3):
        self.case, self.most, self.world_s = case, most, world_s
        self.simulated, self.said, self.now_s = [], [], 0.0
        self.tables, self.bench = {}, Bench(1)
        with Folder(folder, "size", tell=self.said.append) as place:
            place.begin({})
            archive = Archive(place, case, None, self.said.append, Pace(lambda: self.now_s))
            if resume:
                archive.resume()
            self.bench.archive = archive
            self.work()
            archive.clear()
            assert not parts.has_parts(place)

    def replicate(self, name, scenario, seed, world, draws, record_requests=False):
        if len(self.simulated) == self.most:
            raise CutOff
        self.simulated.append((name, world))
        self.now_s += self.world_s
        return simulate(scenario, seed, world, draws)

    def work(self):
        for name, worlds in DESIGNS.items():
            for part in (worlds // 2, worlds):
                found = self.bench.run(
                    replace(self.case, name=name), part, replicate=partial(self.replicate, name)
                )
                self.tables[name, part] = found.replications, found.timeline


def cut_off(folder, most, **options):
    """A study that somebody kills."""
    with pytest.raises(CutOff):
        Study(folder, most=most, **options)


def alike(one, other):
    """Whether two studies found the same."""
    frames = zip(one.tables.values(), other.tables.values(), strict=True)
    return all(a.equals(b) and c.equals(d) for (a, c), (b, d) in frames) and (
        one.bench.worlds == other.bench.worlds
    )


def kept(folder):
    return sorted(Path(folder).glob("checkpoint/part-*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Study(tmp_path_factory.mktemp("whole") / "out")


@pytest.mark.parametrize("most", [1, 17, 57])
def test_a_study_that_was_cut_off_is_resumed_to_the_same_figures(tmp_path, whole, most):
    cut_off(tmp_path, most)
    resumed = Study(tmp_path, resume=True)
    assert alike(resumed, whole)
    spared = len(whole.simulated) - len(resumed.simulated)
    assert most // 2 <= spared + 1 <= most + 1  # worlds come in batches, of which one is lost
    assert not kept(tmp_path)


def test_cut_off_again_and_again_it_comes_to_its_end(tmp_path, whole):
    for most in (9, 14, 21):
        cut_off(tmp_path, most, resume=True)
    resumed = Study(tmp_path, resume=True)
    assert alike(resumed, whole)
    assert len(resumed.simulated) < 25


def test_small_designs_are_put_on_disk_with_the_next(tmp_path):
    """None of them takes as long as that it is time."""
    cut_off(tmp_path, 35, world_s=0.06)
    with Folder(tmp_path, "size") as folder:
        designs = {part.about["design_sha256"] for _, part in parts.read_parts(folder)}
    assert len(designs) == 3


def test_what_is_left_over_does_not_wait_for_a_slow_design(tmp_path):
    now_s = 0.0
    with Folder(tmp_path, "size") as folder:
        archive = Archive(folder, CASE, pace=Pace(lambda: now_s))
        Bench(1, archive=archive).run(CASE, 3, replicate=simulate)
        slow = archive.checkpoints(archive.drawer(CASE, 0, "slow"))
        slow.look(Sample())
        assert archive.worlds == 0
        now_s = 2.0
        slow.look(Sample())
        assert archive.worlds == 3


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("replications.parquet", "flip"),
        ("timelines.parquet", "truncate"),
        ("manifest.json", "flip"),
    ],
)
def test_a_damaged_part_is_set_aside_and_its_worlds_simulated_again(tmp_path, whole, name, harm):
    cut_off(tmp_path, 30)
    path = kept(tmp_path)[1] / name
    content = path.read_bytes()
    place = len(content) // 2
    path.write_bytes(
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        if harm == "flip"
        else content[:place]
    )
    resumed = Study(tmp_path, resume=True)
    assert alike(resumed, whole)
    assert len(whole.simulated) - 30 < len(resumed.simulated) < len(whole.simulated)
    assert any("is damaged; it is set aside" in line for line in resumed.said)


@pytest.mark.parametrize("other", [replace(CASE, seed=1), replace(CASE, extra={"pool": 2})])
def test_another_study_is_not_continued(tmp_path, other):
    cut_off(tmp_path, 20)
    with pytest.raises(ResultError, match=r"holds another study \(differs in (seed|scenario)"):
        Study(tmp_path, other, resume=True)
    assert len(Study(tmp_path, other).simulated) == sum(DESIGNS.values())


def archive_of(folder, resume=False):
    found = Archive(folder, CASE, None, pace=Pace(lambda: 0.0))
    if resume:
        found.resume()
    return found


def test_worlds_go_to_the_design_and_the_draws_that_they_were_simulated_for(tmp_path):
    draws = draw_worlds(CASE.inputs, 0, 4)
    others = {path: np.concatenate([x[:2], x[2:] * 1.5]) for path, x in draws.items()}
    calls = []

    def counted(*arguments):
        calls.append(arguments[2])
        return simulate(*arguments)

    def run(bench, known_by="one", given=None, scenario=CASE, seed=0):
        calls.clear()
        options = {} if given is None else {"draws": given}
        bench.run(scenario, 4, seed, known_by, replicate=counted, **options)
        return list(calls)

    with Folder(tmp_path, "size") as folder:
        first = archive_of(folder)
        assert run(Bench(1, archive=first), given=draws) == [0, 1, 2, 3]
        first.flush()
        again = partial(archive_of, folder, resume=True)
        assert run(Bench(1, archive=again()), given=draws) == []
        assert run(Bench(1, archive=again()), given=others) == [2, 3]
        assert run(Bench(1, archive=again()), known_by="two") == [0, 1, 2, 3]
        assert run(Bench(1, archive=again()), seed=1) == [0, 1, 2, 3]


def test_a_changed_trace_of_a_design_is_another_design(tmp_path):
    trace = tmp_path / "trace.csv"
    scenario = replace(CASE, extra={"trace": str(trace)})
    names = set()
    with Folder(tmp_path / "out", "size") as folder:
        for text in ("1,2\n", "1,3\n", "1,2,3\n"):
            trace.write_text(text)
            names.add(archive_of(folder).drawer(scenario, 0, "one").design)
    assert len(names) == 3


def test_a_full_disk_is_told_once_and_the_study_goes_on(tmp_path, whole, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "write_part", full)
    study = Study(tmp_path)
    assert alike(study, whole)
    assert study.said == [
        "finished worlds cannot be put on disk (No space left on device); the work goes on"
    ]
