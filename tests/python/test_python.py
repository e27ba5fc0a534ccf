"""``import sim``: the same answers as the command line, in scripts and in notebooks."""

import inspect
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from answer_schemas import check_answer
from places import ROOT, SHIPPED
from small_answers import ASKED, SCENARIO, changes

import sim
from sim.__main__ import main
from sim.cli import cli
from sim.model.share import read_share
from sim.montecarlo.shares import Share, share_interval
from sim.montecarlo.storage.manifest import to_json
from sim.report.explanation import explained

QUICKSTART = SHIPPED / "quickstart.yaml"
BRIEF = "horizon.days=0.02"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(SCENARIO)
    return Path("shop.yaml")


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "command.txt")
    }


def test_the_full_text_is_that_of_full(shop, capsys):
    asked = ["run", "shop.yaml", "--worlds", "2", "--jobs", "1", "--quiet", "--no-report", "--full"]
    assert main(asked) == 0
    result = sim.run(shop, worlds=2, jobs=1)
    assert result.full_text + "\n" == capsys.readouterr().out
    assert len(result.full_text) > len(result.text)


def ran(*arguments):
    """What a Python process prints, says, and ends with."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_is_that_of_the_command_to_the_bit(name, shop, capsys, monkeypatch):
    options, written = ASKED[name][0], list(ASKED[name][1])
    if name != "compare":  # of its pictures those of one study will do, they take time
        monkeypatch.setattr("sim.report.charts.save", lambda charts, place: None)
    written += [part for each in changes(name) for part in ("--set", each)]
    assert main([name, "shop.yaml", *written, "--jobs", "1", "--out", "cli", "--quiet"]) == 0
    printed = capsys.readouterr().out
    scenario = sim.Scenario.load(shop, *changes(name))
    answer = getattr(sim, name)(scenario, jobs=1, **options)
    assert answer.text + "\n" == printed
    saved = Path("cli", "summary.json" if name == "run" else "answer.json").read_text()
    assert to_json(answer.summary) == saved
    check_answer(name, json.loads(saved))
    assert answer.sentence in " ".join(saved.split()) or name == "run"
    assert answer.save("python") == Path("python")
    assert files("python") == files("cli")
    check_screen(name, answer, monkeypatch)
    if name != "run":
        check_shares(answer)
    if name in ("compare", "plan"):  # their pictures of a latency have the SLO
        asked = answer.answer if name == "plan" else replace(answer.answer, limit_s=2.0)
        latency = {"compare": "latency", "plan": "plan_p95"}[name]
        (chart,) = [each for each in answer._pictures(asked) if each.name == latency]
        assert "SLO 2 s" in json.dumps(chart.spec)


def check_shares(answer):
    """A share of worlds has one interval, in numbers, words and pictures: Clopper and Pearson's."""
    seen = [*shares_in(answer.summary, answer.summary.get("worlds"))]
    assert seen or answer.name in ("plan", "sensitivity")
    for name, share, worlds, ends in seen:
        wanted = share_interval(round(share * worlds), worlds)
        assert ends == pytest.approx(wanted, abs=1e-9), (name, share, worlds)
    said = [answer.sentence, answer.full_text, Path("cli", "report.json").read_text()]
    said += [path.read_text() for path in Path("cli", "figures").rglob("*.vl.json")]
    counted = re.compile(r"(all|none of|\d+ of) (\d+) worlds? \(([^)]*%)\)")
    for text in said:
        for count, worlds, ends in counted.findall(" ".join(text.split())):
            n = int(worlds)
            held = {"all": n, "none of": 0}.get(count)
            assert f"({ends})" == Share(int(count[:-3]) if held is None else held, n).bounds()


def shares_in(value, worlds):
    """Each share of worlds of an answer that has an interval: name, share, worlds, ends."""
    if isinstance(value, list):
        for each in value:
            yield from shares_in(each, worlds)
    if not isinstance(value, dict):
        return
    mine = value.get("worlds")
    worlds = mine if isinstance(mine, (int, float)) else worlds
    for name, found in value.items():
        yield from shares_in(found, worlds)
        ends = value.get(f"{name}_ci") or [value.get(f"{name}_{end}") for end in ("low", "high")]
        of_worlds = name.endswith("_share") and not name.startswith("decided_")
        if of_worlds and isinstance(found, float) and None not in ends:
            yield name, found, worlds, ends


SCREEN = 44  # lines, of a terminal as people have them


def check_screen(name, answer, monkeypatch):
    """One screen has the decision, a mark for each verdict and a table; the full text all."""
    monkeypatch.setenv("COLUMNS", "80")
    screen, full = answer.text, answer.full_text
    assert len(screen.splitlines()) <= SCREEN
    assert max(map(len, screen.splitlines())) <= 80
    in_a_line = " ".join(screen.split())
    assert " ".join(answer.sentence.split())[1:] in in_a_line
    assert "--full has every" in in_a_line
    assert len(full) > len(screen)
    if name == "run":
        return
    page = json.loads(Path("cli", "report.json").read_text())
    for grid in (each for each in page["figures"] if "columns" in each):
        for column in grid["columns"]:  # what a heading says is explained
            head = re.sub(r"\(.*?\)|[,−]|\d+ %", " ", column["head"]).strip()
            assert head in ("", "Figures") or explained(" ".join(head.split()), 80)
    for each in page["verdicts"]:
        sign = {True: "✓", False: "✗", None: "?"}[each["kept"]]
        assert f"{sign} {each['what']}: " in in_a_line, each


def test_importing_it_alone_loads_no_library():
    code = (
        "import sim, sys; print(sorted({'numpy', 'pandas', 'numba', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


OF_THE_COMMAND_LINE = {  # what is printed and written, what the scenario is
    "allow_code", "as_json", "emit", "full", "max_memory", "max_time", "no_report", "out",
    "overrides", "quiet", "resume",
}  # fmt: skip
OTHERWISE_NAMED = {
    "failing": "thresholds",
    "precision_metric": "metric",
    "no_spike": "spike",
    "switching": "switching_cost",
}


@pytest.mark.parametrize("name", ASKED)
def test_a_function_has_all_options_of_its_command_with_their_defaults(name):
    command = cli.get_command(click.Context(cli), name)
    given = inspect.signature(getattr(sim, name)).parameters
    for option in command.params:
        if option.name in OF_THE_COMMAND_LINE:
            continue
        parameter = given[OTHERWISE_NAMED.get(option.name, option.name)]
        if isinstance(option.default, str) and option.default.endswith("%"):
            assert read_share(option.default, ends=True) == parameter.default, option.name
        elif isinstance(option.default, float):
            assert option.default == parameter.default, option.name


def test_every_name_is_there_typed_and_explained():
    stub = (ROOT / "sim" / "__init__.pyi").read_text()
    for name in set(sim.__all__) - {"__version__"}:
        assert f"import {name} as {name}\n" in stub
        assert len(getattr(sim, name).__doc__) > 30
        assert name in dir(sim)
    with pytest.raises(AttributeError, match="'sim' has no attribute 'runn'"):
        _ = sim.runn


def test_a_scenario_may_be_a_file_a_text_or_data(shop):
    of_file = sim.Scenario.load(shop)
    from_text = sim.Scenario.load(SCENARIO)
    data = {
        "name": "Shop <b>&</b>",
        "horizon": {"start": pd.Timestamp("2026-11-23").date(), "duration": "5min",
                    "warm_up": 0, "bin": "1min"},
        "workloads": {
            "chat": {
                "arrivals": {"requests_per_second": {"uniform": {"low": 1, "high": 2}}},
                "prompt_tokens": np.int64(300),
                "output_tokens": 50,
                "slo": {"ttft_p95": "2s"},
                "route": "own",
            }
        },
        "backends": {
            "own": {
                "kind": "gpu_pool",
                "service": "llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
                "replicas": 2,
                "price": {"usd_per_gpu_hour": np.float64(3)},
            },
            "api": {"kind": "managed_api", "model": "gpt-4.1"},
        },
        "worlds": 100,
    }  # fmt: skip
    assert of_file.document == from_text.document == sim.Scenario.load(data).document
    assert sim.Scenario.load(str(shop)).document == of_file.document
    assert sim.Scenario.load(of_file).document == of_file.document


def test_paths_of_a_text_begin_in_the_folder_that_is_given(tmp_path):
    (tmp_path / "log.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2026-11-23 00:00:00,10,5\n2026-11-23 00:01:00,9,4\n"
    )
    replayed = {
        "workloads.chat.arrivals": {"trace": {"file": Path("log.csv")}},
        "workloads.chat.prompt_tokens": None,
        "workloads.chat.output_tokens": None,
    }
    scenario = sim.Scenario.load(SCENARIO, replayed, folder=tmp_path)
    assert scenario.document["workloads"]["chat"]["arrivals"]["trace"]["file"] == str(
        tmp_path / "log.csv"
    )
    with pytest.raises(sim.PeakfleetError, match=r"log\.csv"):
        sim.Scenario.load(SCENARIO, replayed)


def test_changes_are_those_of_set_and_leave_the_scenario_as_it_was():
    base = sim.Scenario.load(QUICKSTART)
    changed = base.with_({"backends.large.replicas": 2, "workloads.chat.slo": None}, worlds=7)
    written = base.with_("backends.large.replicas=2", "workloads.chat.slo=null", "worlds=7")
    assert changed.document == written.document
    assert changed.worlds == 7
    assert base.worlds == 200
    assert base.document["backends"]["large"]["replicas"] != changed.document["backends"]["large"]
    assert "slo" not in changed.document["workloads"]["chat"]
    assert "chat" in changed.to_yaml()


MISTAKES = {
    "scenario": (["--set", "backends.large.replicas=0"], {"changes": "backends.large.replicas=0"}),
    "worlds": (["--set", "worlds=x"], {"changes": {"worlds": "x"}}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_errors_have_the_text_of_the_command_line_and_speak_of_changes(mistake, capsys):
    arguments, given = MISTAKES[mistake]
    assert main(["run", str(QUICKSTART), *arguments]) == 2
    said = capsys.readouterr().err.strip().removeprefix("sim: ")
    with pytest.raises(sim.PeakfleetError) as caught:
        sim.run(QUICKSTART, given["changes"])
    told = said if mistake == "scenario" else said.replace("worlds=x", 'worlds="x"')
    option, _, message = told.removeprefix("--set ").partition(": ")
    assert str(caught.value) == f"change '{option}': {message}"


REFUSED = [
    (lambda: sim.run("nowhere.yaml"), "nowhere.yaml: cannot be read: no such file"),
    (lambda: sim.run(QUICKSTART, jobs=0), r"jobs \(0\) must be at least 1"),
    (lambda: sim.run(QUICKSTART, precision=2), "precision: 2 is not between 0 and 100 %"),
    (lambda: sim.run(QUICKSTART, thresholds=["slo_met > x"]), "'x'"),
    (lambda: sim.size(QUICKSTART, probability=95), "probability: 95 is not between"),
    (lambda: sim.size(QUICKSTART, most_users=True, users=5), "no workload has users"),
    (lambda: sim.size(QUICKSTART, most_users=True, gpus=["b200"]), "gpus has no meaning beside"),
    (lambda: sim.compare(QUICKSTART, worlds=1), r"one design cannot be compared"),
    (sim.compare, "no scenario is given"),
    (lambda: sim.stress(QUICKSTART, growth=[5, 2]), "must not decrease"),
    (lambda: sim.stress(QUICKSTART, spike=0.5), r"spike \(0.5, 15 minutes\) must be"),
    (lambda: sim.stress(QUICKSTART, budget=0), r"budget \(0\) must be above 0"),
    (lambda: sim.plan(QUICKSTART, growth="fast"), r"growth \('fast'\) must be"),
    (lambda: sim.plan(QUICKSTART, spot=0.4), "spot and spot_share go together"),
    (lambda: sim.plan(QUICKSTART, months=0), r"months \(0\) must be at least 1"),
    (lambda: sim.breakeven(QUICKSTART, volumes=["many"]), "volumes: 'many'"),
    (lambda: sim.breakeven(QUICKSTART, switching_cost="-1"), r"switching cost \('-1'\)"),
    (lambda: sim.sensitivity(QUICKSTART, worlds=1), r"worlds \(1\) must be at least 2"),
    (lambda: sim.Scenario.load({"name": {1, 2}}), "is no plain data that YAML could hold"),
    (lambda: sim.Scenario.load("name: x\nname: y\n"), "<text>:2"),
]


@pytest.mark.parametrize(("ask", "said"), REFUSED)
def test_what_cannot_be_asked_is_refused_in_one_line(ask, said):
    with pytest.raises(sim.PeakfleetError, match=said) as caught:
        ask()
    assert "Traceback" not in str(caught.value)


def test_a_notebook_shows_decision_and_table_with_names_as_text(shop):
    run = sim.run(shop, "name=<script>alert(1)</script>\"'&", worlds=2, jobs=1)
    compared = sim.compare(
        shop, variants={"<img src=x>": "backends.own.replicas=1"}, worlds=2, jobs=1
    )
    for answer in (run, compared, sim.Scenario.load(shop), sim.Scenario.load(QUICKSTART)):
        shown = answer._repr_html_()
        root = ET.fromstring(f"<div>{shown}</div>")  # fails on anything that is not closed
        tags = {each.tag for each in root.iter()}
        assert tags <= {"div", "p", "b", "small", "table", "thead", "tbody", "tr", "th", "td"}
        assert "table" in tags
        assert len(repr(answer).splitlines()) == 1
    text = "".join(ET.fromstring(f"<div>{run._repr_html_()}</div>").itertext())
    assert run.sentence in text
    assert "<script>alert(1)</script>" in text
    assert "per month" in text
    told = "".join(ET.fromstring(f"<div>{compared._repr_html_()}</div>").itertext())
    assert "whole answer p95" in told
    assert "_p95_s" not in told


def test_figures_are_at_hand_as_numbers_and_frames(shop):
    result = sim.run(shop, worlds=3, jobs=1, requests=True, thresholds=["slo_met > 200%"])
    assert not result.kept
    assert sim.run(shop, worlds=2, jobs=1).kept
    assert list(result.worlds["world"]) == [0, 1, 2]
    median = result.metrics["cost_usd_per_month"]["p50"]
    assert median == pytest.approx(result.worlds["cost_usd_per_month"].median())
    assert {"bin", "start_s", "load_rps_p50"} <= set(result.timeline)
    assert len(result.requests) == result.worlds["requests"][0]
    assert sim.run(shop, worlds=2, jobs=1).requests is None
    json.dumps(result.summary, allow_nan=False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"changes": 5}, "a change (5) must be a text such as 'worlds=20', or a mapping"),
        ({"changes": ["worlds=2"]}, "a change (['worlds=2']) must be a text"),
        ({"jobs": 1.5}, "jobs (1.5) must be a whole number"),
        ({"jobs": "2"}, "jobs ('2') must be a whole number"),
        ({"jobs": True}, "jobs (True) must be a whole number"),
        ({"thresholds": "no_such >= 95%"}, "no_such"),
        ({"thresholds": [5]}, "a threshold (5) must be a text such as"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(wrong, said):
    changes = (wrong.pop("changes"),) if "changes" in wrong else ()
    with pytest.raises(sim.PeakfleetError) as raised:
        sim.run("scenarios/quickstart.yaml", *changes, **{"worlds": 1, "jobs": 1} | wrong)
    assert said in str(raised.value)
