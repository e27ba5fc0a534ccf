"""The results folder: complete or absent, the same bytes for the same worlds, never in the way."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_replication import (
    FakeScenario,
    replicate,
    replicate_at_length,
    replicate_pressing_ctrl_c,
)

from sim.errors import ResultError
from sim.montecarlo import exports, store
from sim.montecarlo.run import run
from sim.montecarlo.storage import tables

SAME_BYTES = (
    *exports.FILES,
    "scenario.yaml",
    "summary.json",
    "replications.parquet",
    "timeline.parquet",
    "timelines.parquet",
)


def simulate(scenario=None, worlds=12, **options):
    options = {"jobs": 1, "replicate": replicate} | options
    return run(scenario or FakeScenario(), worlds, **options)


def contents(folder, names=SAME_BYTES):
    return {name: (folder / name).read_bytes() for name in names}


def everything(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def load_earlier(folder, scenario=None, seed=0, tell=lambda _: None):
    with store.opened(folder, scenario or FakeScenario(), seed, resume=True, tell=tell) as kept:
        return kept.load_earlier()


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "results"
    store.save(simulate(), folder, "sim run fake.yaml")
    return folder


def test_a_folder_holds_what_its_description_says(tmp_path):
    folder = tmp_path / "deep" / "results"
    store.save(simulate(record_requests=True), folder)
    described = re.findall(r"^``([\w.]+)``", store.__doc__, re.MULTILINE)
    assert {path.name for path in folder.iterdir()} == set(described)
    assert [path.name for path in folder.parent.iterdir()] == ["results"]


def test_processes_and_order_do_not_change_a_byte(tmp_path, saved):
    store.save(simulate(jobs=2), tmp_path / "two")
    assert contents(tmp_path / "two") == contents(saved)


def test_the_summary_is_strict_json_with_null_for_what_is_undefined(saved):
    def refuse(constant):
        raise AssertionError(constant)

    text = (saved / "summary.json").read_text()
    summary = json.loads(text, parse_constant=refuse)
    assert summary["metrics"]["cost_usd_per_request"]["p95_ci"][1] is None
    assert summary == simulate().summary


def test_parquet_gives_back_every_figure(saved):
    result = simulate()
    assert pd.read_parquet(saved / "replications.parquet").equals(result.replications)
    assert pd.read_parquet(saved / "timeline.parquet").equals(result.timeline)
    timelines = pq.read_table(saved / "timelines.parquet").to_pydict()
    assert timelines["world"] == list(range(12))
    expected = result.sample.timelines.timeline(3)["load_rps"]
    assert np.array_equal(np.array(timelines["load_rps"][3], np.float32), expected)


def test_the_requests_of_world_0_are_kept_if_asked_for(tmp_path, saved):
    assert not (saved / "requests.parquet").exists()
    result = simulate(record_requests=True)
    store.save(result, tmp_path / "with")
    table = pq.read_table(tmp_path / "with" / "requests.parquet")
    assert table["arrival_s"].to_numpy().tolist() == result.requests["arrival_s"].tolist()
    assert contents(tmp_path / "with") == contents(saved)


def test_the_manifest_says_what_ran(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    assert manifest["worlds"] == manifest["worlds_asked"] == 12
    assert manifest["seed"] == 0
    assert manifest["command"] == "sim run fake.yaml"
    assert not manifest["interrupted"]
    assert {"numpy", "numba"} <= set(manifest["libraries"])
    assert set(manifest["sha256"]) == set(SAME_BYTES)
    assert manifest["started_at"] <= manifest["finished_at"]


# Never half written, never in the way ---------------------------------------------------------


@pytest.mark.parametrize("existing", [False, True])
def test_a_failure_while_writing_leaves_everything_as_it_was(tmp_path, monkeypatch, existing):
    folder = tmp_path / "results"
    if existing:
        store.save(simulate(worlds=5), folder)
    before = everything(tmp_path)

    def fail(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(tables, "_write_timelines", fail)
    with pytest.raises(ResultError, match="no space left"):
        store.save(simulate(), folder)
    assert everything(tmp_path) == before
    assert folder.exists() == existing


def test_earlier_results_are_replaced_and_other_files_stay(saved):
    store.save(simulate(record_requests=True), saved)
    with store.opened(saved, FakeScenario(), 0) as kept:
        kept.add(lambda draft: write_picture(draft, "cost.svg"))
    assert (saved / "figures" / "cost.svg").exists()
    (saved / "notes.txt").write_text("mine")
    store.save(simulate(worlds=5), saved)
    assert len(pd.read_parquet(saved / "replications.parquet")) == 5
    assert {path.name for path in saved.iterdir()} == {*SAME_BYTES, "manifest.json", "notes.txt"}
    assert (saved / "notes.txt").read_text() == "mine"


def write_picture(draft, name):
    draft.joinpath("figures").mkdir()
    draft.joinpath("figures", name).write_text("a picture")


def test_the_default_folder_follows_from_what_determines_the_result():
    def place(scenario=None, seed=0, worlds=10, goal=None, requests=False):
        return store.default_folder(scenario or FakeScenario(), seed, worlds, goal, requests)

    assert place() == place()
    assert place().parts[:2] == ("outputs", "fake-service")
    others = [
        place(seed=1),
        place(worlds=11),
        place(requests=True),
        place(scenario=FakeScenario(extra={"replicas": 7})),
    ]
    assert len({place(), *others}) == 5


@pytest.mark.parametrize("name", ["../../etc", "a/b", "...", "Ünïcode 客服", "x" * 300, " "])
def test_no_scenario_name_leads_out_of_outputs(name):
    folder = store.default_folder(FakeScenario(name=name), 0, 1, None, False)
    assert len(folder.parts) == 3
    assert folder.parts[0] == "outputs"
    assert ".." not in folder.parts
    assert len(folder.parts[1].encode()) < 256


# Resume ---------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(tmp_path):
    scenario = FakeScenario(extra={"presses": 1})
    folder = tmp_path / "interrupted"
    result = simulate(scenario, worlds=60, replicate=replicate_pressing_ctrl_c)
    assert 5 < len(result.sample) < 60
    store.save(result, folder)
    return scenario, folder


def test_a_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one(tmp_path, interrupted):
    scenario, folder = interrupted
    earlier = load_earlier(folder, scenario)
    store.save(simulate(scenario, worlds=60, earlier=earlier), folder)
    store.save(simulate(scenario, worlds=60), tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_finished_run_can_be_extended(tmp_path, saved):
    earlier = load_earlier(saved, FakeScenario(worlds=30), 0)
    result = simulate(FakeScenario(worlds=30), worlds=30, earlier=earlier)
    store.save(result, saved)
    store.save(simulate(FakeScenario(worlds=30), worlds=30), tmp_path / "whole")
    assert contents(saved) == contents(tmp_path / "whole")


def test_requests_asked_for_on_resuming_are_recorded(tmp_path, saved):
    earlier = load_earlier(saved, FakeScenario(), 0)
    store.save(simulate(worlds=12, earlier=earlier, record_requests=True), saved)
    store.save(simulate(worlds=12, record_requests=True), tmp_path / "whole")
    names = (*SAME_BYTES, "requests.parquet")
    assert contents(saved, names) == contents(tmp_path / "whole", names)
    again = load_earlier(saved, FakeScenario(), 0)
    assert again.requests["request_id"].tolist() == [0, 1, 2]


def test_resuming_takes_the_first_world_from_its_files(tmp_path, saved):
    simulated = []

    def replicate_counting(scenario, seed, world, draws, record_requests=False):
        simulated.append(world)
        return replicate(scenario, seed, world, draws, record_requests)

    earlier = load_earlier(saved, FakeScenario(), 0)
    result = simulate(worlds=14, earlier=earlier, replicate=replicate_counting)
    assert simulated == [12, 13]
    assert result.exports == simulate().exports
    store.save(result, tmp_path / "more")
    assert contents(tmp_path / "more", exports.FILES) == contents(saved, exports.FILES)


@pytest.mark.parametrize("name", exports.FILES)
def test_a_file_that_is_missing_on_resuming_is_made_again(tmp_path, saved, name):
    before = contents(saved)
    (saved / name).unlink()
    earlier = load_earlier(saved, FakeScenario(), 0)
    store.save(simulate(earlier=earlier), saved)
    assert contents(saved) == before


def test_without_the_first_world_there_are_no_files_of_it(tmp_path, saved):
    result = simulate()
    folder = tmp_path / "others"
    store.save(replace(result, exports=None), folder)
    assert not any((folder / name).exists() for name in exports.FILES)
    store.save(replace(result, exports=None), saved)
    assert not any((saved / name).exists() for name in exports.FILES)


@pytest.mark.parametrize(
    ("scenario", "seed", "differs"),
    [
        (FakeScenario(extra={"replicas": 7}), 0, "scenario_sha256"),
        (FakeScenario(), 1, "seed"),
    ],
)
def test_another_run_is_not_resumed(saved, scenario, seed, differs):
    with pytest.raises(ResultError, match=rf"holds another run \(differs in {differs}\)"):
        load_earlier(saved, scenario, seed)


def test_a_run_whose_input_files_changed_is_not_resumed(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("1,2,3")
    scenario = FakeScenario(extra={"workloads": [{"trace": {"file": str(trace)}}]})
    store.save(simulate(scenario), tmp_path / "results")
    assert len(load_earlier(tmp_path / "results", scenario, 0).sample) == 12
    trace.write_text("1,2,4")
    with pytest.raises(ResultError, match="inputs_sha256"):
        load_earlier(tmp_path / "results", scenario, 0)


def test_timelines_of_many_bins_and_worlds_come_back_exactly(tmp_path):
    result = simulate(FakeScenario(bins=1500), worlds=70, replicate=replicate_at_length)
    store.save(result, tmp_path / "long")
    earlier = load_earlier(tmp_path / "long", FakeScenario(), 0)
    for world in (0, 63, 64, 69):
        ours = result.sample.timelines.timeline(world)
        theirs = earlier.sample.timelines.timeline(world)
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
