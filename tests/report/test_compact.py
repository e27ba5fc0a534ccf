"""The one screen that a run prints, the bars of its day, and the terminal that it is printed on."""

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from sim.cli import cli
from sim.model.design import Horizon
from sim.montecarlo.result import RunResult
from sim.report.compact_text import compact
from sim.report.day_text import day_lines
from sim.report.figures import BY_METRIC
from sim.report.page.run import page_of_run
from sim.report.sparkline import BARS, PLAIN, in_stretches, levels_for, sparkline
from sim.report.table import KEY, render
from sim.studies.bench import Bench
from sim.studies.case import Case

SCENARIO = """\
name: Shop
horizon: {start: 2026-11-23, duration: 2h, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals:
      requests_per_second: 0.5
      events: [{name: launch, start: 1h, duration: 30min, factor: 3}]
    prompt_tokens: 1000
    output_tokens: 100
    slo: {ttft_p95: 2s}
    route: large
  never: {arrivals: {requests_per_second: 0.2}, prompt_tokens: 900, output_tokens: 50,
    slo: {ttft_p95: 20ms}, route: large}
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
worlds: 6
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("compact") / "shop.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def result(path: Path) -> RunResult:
    return Bench(1).run(Case(path).load(), 6)


def day_of(result: RunResult) -> list[str]:
    medians = result.sample.timelines.percentiles([0.5])
    return day_lines({name: cells[0] for name, cells in medians.items()}, result.design)


def test_the_screen_has_the_decision_the_ticks_the_day_and_few_figures(result: RunResult) -> None:
    shown = click.unstyle(compact(result.summary, day_of(result)))
    lines = shown.splitlines()
    assert lines[0].startswith("Shop, 2 hours, 6 worlds: ")
    (kept,) = [line for line in lines if line.startswith("✓ chat: ")]
    (missed,) = [line for line in lines if line.startswith("✗ never: ")]
    assert kept.endswith("of requests within the SLO in the median world, 95 % asked")
    assert "✗ never: 0 % of requests" in missed
    assert lines.index(kept) < next(at for at, line in enumerate(lines) if "from 00:00" in line)
    assert len(lines) <= 44
    assert "Worst is world" not in shown
    assert "--full has every figure" in " ".join(lines[-2:])


def test_its_figures_are_those_of_the_whole_table(result: RunResult) -> None:
    def rows(text: str) -> dict[str, list[str]]:
        lines = click.unstyle(text).splitlines()
        parted = ([each for each in line.split("  ") if each] for line in lines if "  " in line)
        found: dict[str, list[str]] = {}
        for label, *cells in parted:
            found.setdefault(label.strip(), [each.strip() for each in cells[:3]])
        return found

    few, every = rows(compact(result.summary)), rows(render(result.summary))
    labels = [each.label for each in map(BY_METRIC.__getitem__, KEY) if each.label in few]
    assert 8 <= len(labels) <= len(KEY)
    assert {label: few[label] for label in labels} == {label: every[label] for label in labels}
    assert "per million output tokens" in every
    assert "per million output tokens" not in few


def test_each_of_several_workloads_has_a_line(result: RunResult) -> None:
    lines = click.unstyle(compact(result.summary)).splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("Workloads"))
    chat, never = lines[head + 1].split(), lines[head + 2].split()
    estimates = result.summary["workloads"]
    assert (chat[0], never[0]) == ("chat", "never")
    for cells, name in ((chat, "chat"), (never, "never")):
        within = 100.0 * estimates[name]["slo_attainment"]["p50"]
        assert f"{within:.1f} %" in " ".join(cells)
        wait = 1000.0 * estimates[name]["peak_hour_ttft_p95_s"]["p50"]
        assert f"{wait:.3g} ms" in " ".join(cells)
    assert not any(line.startswith("Backends") for line in lines)  # there is one


def test_what_mixes_workloads_says_so(result: RunResult) -> None:
    """A p95 of a quick and a slow workload together is nobody's wait."""
    shown = (compact(result.summary), render(result.summary))
    screen, every = map(click.unstyle, shown)
    titles = {"Latency", "Latency, all workloads together"}
    assert not titles & set(screen.splitlines())  # each workload has its own line
    assert titles & set(every.splitlines()) == {"Latency, all workloads together"}
    assert "no two need be of one world" in " ".join(screen.split())
    (bars,) = [each for each in map(click.unstyle, day_of(result)) if "first token p95" in each]
    assert bars.startswith("  first token p95, all ")
    keys = {each.metric: each.label for each in page_of_run(result, result.summary, ()).keys}
    assert keys["peak_hour_ttft_p95_s"] == "first token p95, worst hour, all workloads together"
    assert keys["slo_attainment"] == "requests within the SLO"


def test_a_workload_alone_mixes_nothing(path: Path) -> None:
    alone = Bench(1).run(Case(path, ("workloads.never=null", "horizon.duration=1h")).load(), 2)
    for shown in (compact(alone.summary, day_of(alone)), render(alone.summary, day_of(alone))):
        assert "Latency" in click.unstyle(shown).splitlines()
        assert "together" not in shown
        assert "p95, all" not in shown
        assert "no two need be" not in " ".join(shown.split())


def test_bars_show_when_the_launch_was(result: RunResult) -> None:
    lines = [click.unstyle(line) for line in day_of(result)]
    assert lines[0].startswith("The 2 hours from 00:00")
    (load,) = [line for line in lines if line.startswith("  requests a second")]
    bars = load[26 : 26 + 24]  # of five minutes each
    assert set(bars) <= set(BARS)
    launch = bars[12:18]
    assert min(map(BARS.index, launch)) > max(map(BARS.index, bars[:12] + bars[18:]))
    assert not [line for line in lines if "replicas ready" in line]  # they do not move


def test_a_day_in_which_nothing_moves_has_no_bars() -> None:
    horizon = Horizon(datetime(2026, 11, 23), 3600.0, 0.0, 600.0)
    design = SimpleNamespace(horizon=horizon, workloads=[None])
    assert day_lines({"load_rps": np.full(6, 2.0), "queue": np.full(6, np.nan)}, design) == []


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_bars_fit_the_terminal(
    result: RunResult, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = click.unstyle(compact(result.summary, day_of(result)))
    assert max(map(len, text.splitlines())) <= columns
    assert ("requests a second" in text) == (columns >= 60)


def test_bars_are_means_of_stretches_with_gaps_where_nothing_is_known() -> None:
    values = np.array([0.0, 2.0, np.nan, np.nan, 6.0, 8.0])
    assert in_stretches(values, 3).tolist() == [1.0, pytest.approx(np.nan, nan_ok=True), 7.0]
    assert sparkline(values, 3) == "▁ █"
    assert sparkline(np.full(4, np.nan), 4) == ""
    assert len(sparkline(np.arange(2700.0), 48)) == 48
    heights = [BARS.index(bar) for bar in sparkline(np.arange(2700.0), 48)]
    assert heights == sorted(heights)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-encoding"])
def test_where_the_encoding_has_no_bars_they_are_plain(encoding: str) -> None:
    assert levels_for(encoding) == PLAIN
    assert sparkline([0, 1, 2], 3, PLAIN).isascii()


@pytest.mark.parametrize("asked", ["1", "yes"])
def test_no_color_means_no_terminal_codes(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    runner = CliRunner()
    bold = runner.invoke(cli, ["explain", "glossary"], color=True).stdout
    assert "\x1b[1m" in bold
    monkeypatch.setenv("NO_COLOR", asked)
    assert runner.invoke(cli, ["explain", "glossary"], color=True).stdout == click.unstyle(bold)


def test_full_prints_all_and_json_has_no_bars(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.report.charts.save", lambda charts, folder: folder.mkdir())
    monkeypatch.chdir(tmp_path)
    command = ["run", str(path), "--worlds", "1", "--jobs", "1", "--quiet", "--no-report"]
    short, full, plain = (
        CliRunner().invoke(cli, [*command, *more], catch_exceptions=False).stdout
        for more in ([], ["--full"], ["--json"])
    )
    assert "per million output tokens" in full
    assert "per million output tokens" not in short
    assert all(any(bar in text for bar in BARS[1:]) for text in (short, full))
    assert not any(bar in plain for bar in BARS)
