"""What fleets held, and what is paid for backends that serve nothing: by hand."""

import math
from pathlib import Path

import click
import pytest

from sim.montecarlo.result import RunResult
from sim.report.fleet_text import held_text
from sim.report.plan_text import tell
from sim.report.table import render as run_text
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.held import Held, held, unsent, unused
from sim.studies.plan import Outlook, Terms, plan
from sim.studies.size import Question, size

MONTH_HOURS = 730.5
SCENARIO = """\
name: Two pools
horizon: {start: 2026-11-23, duration: 2h, warm_up: 0}
workloads:
  chat:
    arrivals: {requests_per_second: 0.5}
    prompt_tokens: 1000
    output_tokens: 100
    slo: {ttft_p95: 2s}
    route: large
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
  unused:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 4}
worlds: 2
"""
SCHEDULED = (
    "backends.large.replicas={min: 1, max: 3}",
    "backends.large.cold_start=6min",
    "backends.large.autoscaler={preset: scheduled, schedule:"
    " [{at: '00:00', replicas: 1}, {at: '01:00', replicas: 3}]}",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("held") / "two.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def scheduled(path: Path) -> RunResult:
    return Bench(1).run(Case(path, SCHEDULED).load(), 2)


def test_an_autoscaler_holds_what_its_schedule_says(scheduled: RunResult) -> None:
    # One replica for two hours, two more asked for at 01:00 that are paid for an hour, and ready
    # after six minutes of it.
    (found,) = held(scheduled)
    assert found == Held("large", pytest.approx(1 + 2 * 0.9 / 2), pytest.approx(2.0), 3.0)
    (text,) = held_text(scheduled.summary)
    assert text.startswith(
        "Held by the autoscaler of large in the median world: 1.9 replicas ready on average, 3 at"
        " most; 2 paid for"
    )
    assert " ".join(text.split()) in " ".join(click.unstyle(run_text(scheduled.summary)).split())


def test_a_fixed_fleet_holds_nothing_of_its_own(path: Path) -> None:
    result = Bench(1).run(Case(path).load(), 1)
    assert [*held(result)] == []
    assert [*held_text(result.summary)] == []


def test_a_backend_that_serves_nothing_is_named_with_what_it_costs(scheduled: RunResult) -> None:
    assert unsent(scheduled) == ["unused"]
    assert unused(scheduled) == {"unused": pytest.approx(4 * 4 * MONTH_HOURS)}


def test_plan_names_a_pool_that_serves_nothing(path: Path) -> None:
    found = plan(Case(path), Bench(1), Outlook(1, peak_days=0.0), Terms(), worlds=2)
    assert found.unused == ("unused",)
    text = " ".join(click.unstyle(tell(found).text()).split())
    assert "Nothing is sent to unused on any simulated day, and yet 4 GPUs are paid for" in text
    assert found.as_json()["served_nothing"] == ["unused"]


def test_size_names_a_pool_that_serves_nothing(path: Path) -> None:
    question = Question(0.15, False, math.nan)
    found = size(Case(path), Bench(1), question, "large", worlds=2, beside=False)
    assert found.unused == {"unused": pytest.approx(4 * 4 * MONTH_HOURS)}
    assert "a month, of which 11,688 USD a month are for unused, which served nothing" in (
        found.sentence
    )
