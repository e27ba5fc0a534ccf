"""Runs that were ended in any way are continued to the same bytes, and damage is never accepted."""

import math
import os
import random
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_replication import FakeScenario, replicate

from sim.errors import ResultError
from sim.montecarlo import exports, store
from sim.montecarlo.result import Earlier
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample
from sim.montecarlo.storage import tables
from sim.montecarlo.storage.folder import claim

NAMES = (
    *exports.FILES,
    "scenario.yaml",
    "summary.json",
    "replications.parquet",
    "timeline.parquet",
    "timelines.parquet",
    "requests.parquet",
)
PICTURE = "figures/cost.svg"


def simulate(scenario=None, worlds=12, **options):
    options = {"jobs": 1, "replicate": replicate, "record_requests": True} | options
    return run(scenario or FakeScenario(), worlds, **options)


def contents(folder, names=NAMES):
    return {name: (folder / name).read_bytes() for name in names}


def write_picture(draft):
    draft.joinpath("figures").mkdir()
    draft.joinpath(PICTURE).write_text("a picture")


def load_earlier(folder):
    with store.opened(folder, FakeScenario(), 0, resume=True) as kept:
        return kept.load_earlier()


# Damage ---------------------------------------------------------------------------------------


def finish(folder, earlier=None, **options):
    """Complete the twelve worlds of a folder, with a picture."""
    with store.opened(folder, FakeScenario(), 0, **options) as kept:
        earlier = kept.load_earlier() if options else None
        kept.save(simulate(earlier=earlier))
        kept.add(write_picture)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "results"
    finish(folder)
    return folder


@pytest.mark.parametrize("name", (*NAMES, PICTURE, "manifest.json"))
def test_what_is_flipped_truncated_or_missing_is_set_aside_and_made_again(tmp_path, whole, name):
    content = (whole / name).read_bytes()
    place = random.Random(name).randrange(len(content))
    flipped = bytes([content[place] ^ 1 << place % 8])
    damages = (content[:place], content[:place] + flipped + content[place + 1 :], b"", None)
    for number, damage in enumerate(damages):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        if damage is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(damage)
        said = []
        if name == "manifest.json" and damage is None:
            with pytest.raises(ResultError, match="must be new, empty"):
                finish(folder, resume=True)
            continue
        finish(folder, resume=True, tell=said.append)
        assert len(said) == 1
        assert said[0].startswith(str(folder / name))
        assert ("missing" if damage is None else "set aside") in said[0]
        assert contents(folder, (*NAMES, PICTURE)) == contents(whole, (*NAMES, PICTURE))
        if damage is not None:
            assert (folder / f"{name}.damaged").read_bytes() == damage


def test_worlds_that_are_damaged_are_simulated_again_and_no_others(tmp_path, whole):
    for name, lost in {"timelines.parquet": 12, "requests.parquet": 1, "costs.csv": 1}.items():
        folder = tmp_path / name
        shutil.copytree(whole, folder)
        (folder / name).write_bytes(b"PAR1")
        simulated = []

        def replicate_counting(scenario, seed, world, draws, record, done=simulated):
            done.append(world)
            return replicate(scenario, seed, world, draws, record)

        earlier = load_earlier(folder)
        simulate(earlier=earlier, replicate=replicate_counting)
        assert len(simulated) == lost


def test_without_resume_a_damaged_manifest_is_refused(tmp_path, whole):
    folder = tmp_path / "results"
    shutil.copytree(whole, folder)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ResultError, match=r"its manifest.json is not a manifest of Peakfleet"):
        finish(folder)


# Parts of a run that was killed ---------------------------------------------------------------


@pytest.fixture
def killed(tmp_path):
    """A folder as a kill leaves it: twelve of thirty worlds in four parts."""
    folder = tmp_path / "killed"
    place = claim(folder, store.KIND, store.WRITES)
    kept = store.Store(place, FakeScenario(worlds=30), 0)
    result = simulate(record_requests=True)
    for worlds in ((3, 1), (0, 7), (2, 4, 5), (6, 8, 9, 10, 11)):
        files = result if 0 in worlds else replace(result, requests=None, exports=None)
        kept.keep(result.sample.part(worlds), Earlier(result.sample, files.requests, files.exports))
    (folder / "checkpoint" / "draft-00000000").mkdir()
    (folder / "checkpoint" / "draft-00000000" / "half.parquet").write_text("PAR")
    os.close(place._place._lock)  # as the system does
    return folder


def resumed(folder, **options):
    simulated = []

    def replicate_counting(scenario, seed, world, draws, record=False):
        simulated.append(world)
        return replicate(scenario, seed, world, draws, record)

    scenario = FakeScenario(worlds=30)
    with store.opened(folder, scenario, 0, resume=True, **options) as kept:
        earlier = kept.load_earlier()
        result = simulate(
            scenario, 30, earlier=earlier, record_requests=True, replicate=replicate_counting
        )
        kept.save(result)
    return simulated


def test_a_killed_run_is_resumed_from_its_parts_to_the_same_bytes(tmp_path, killed):
    assert resumed(killed) == list(range(12, 30))
    store.save(simulate(FakeScenario(worlds=30), 30), tmp_path / "whole")
    assert contents(killed) == contents(tmp_path / "whole")
    assert {path.name for path in killed.iterdir()} == {*NAMES, "manifest.json"}


@pytest.mark.parametrize("name", ["replications.parquet", "timelines.parquet", "manifest.json"])
def test_a_damaged_part_is_set_aside_and_its_worlds_are_simulated_again(killed, name):
    path = killed / "checkpoint" / "part-000003" / name
    path.write_bytes(path.read_bytes()[:-1])
    said = []
    assert resumed(killed, tell=said.append) == [2, 4, 5, *range(12, 30)]
    assert "part-000003 is damaged; it is set aside as part-000003.damaged" in said[0]
    assert (killed / "part-000003.damaged" / name).exists()
    assert not (killed / "checkpoint").exists()


def test_parts_of_another_run_are_refused(killed):
    with (
        store.opened(killed, FakeScenario(worlds=30), 1, resume=True) as kept,
        pytest.raises(ResultError, match=r"holds another run \(differs in seed\)"),
    ):
        kept.load_earlier()
    assert len(list(killed.glob("checkpoint/part-*"))) == 4


def test_a_run_that_begins_anew_keeps_the_parts_until_it_has_replaced_them(killed):
    with store.opened(killed, FakeScenario(worlds=30), 1) as kept:
        assert kept.has_parts
    assert len(list(killed.glob("checkpoint/part-*"))) == 4
    store.save(simulate(seed=1), killed)
    assert not (killed / "checkpoint").exists()


def test_resuming_keeps_the_worlds_of_results_until_others_have_replaced_them(tmp_path, whole):
    saved = tmp_path / "results"
    shutil.copytree(whole, saved)
    load_earlier(saved)
    load_earlier(saved)
    parts = list(saved.glob("checkpoint/part-*"))
    assert len(parts) == 1
    for path in saved.glob("*.*"):
        path.unlink()
    assert len(load_earlier(saved).sample) == 12


@pytest.mark.parametrize("key", ["peakfleet", "program_sha256", "numerical_libraries"])
def test_worlds_of_another_version_are_not_resumed(whole, monkeypatch, key):
    now = store.identity(FakeScenario(), 0)
    monkeypatch.setattr(store, "identity", lambda *_: now | {key: "another"})
    with pytest.raises(ResultError, match=rf"holds another run \(differs in {key}\)"):
        load_earlier(whole)


def test_figures_that_some_worlds_lack_come_back_as_such(tmp_path):
    sample = Sample()
    for world, figures in enumerate([{"a": 1.0}, {"a": 2.0, "c": math.nan, "b": 3.0}, {"b": 4.0}]):
        sample.add_row(world, "stable", figures, {"load": np.zeros(2)})
    again = Sample()
    for worlds in ((2, 1), (0,)):
        tables.write_worlds(sample.part(worlds), tmp_path)
        tables.read_worlds(tmp_path, again)
    assert again.names() == sample.names() == ("a", "c", "b")
    assert again.frame().equals(sample.frame())
    assert [list(again.lacks(name)) for name in "abc"] == [
        list(sample.lacks(name)) for name in "abc"
    ]
