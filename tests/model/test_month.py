"""A month of a product is the same whichever days of it are simulated."""

from datetime import datetime
from pathlib import Path

import pytest
from scenario_documents import MINIMAL, written

from sim.model.arrivals import YEAR_S
from sim.model.design import Design
from sim.model.month import mean_growth, rests_on
from sim.model.price import DAY_S, MONTH_S
from sim.scenario import load_scenario

API = """
name: product
horizon: {start: 2026-11-23, days: 1}
workloads:
  chat:
    arrivals: {requests_per_day: 40k, shape: azure-code-2024}
    prompt_tokens: 1000
    output_tokens: 200
backends:
  api: {kind: managed_api, model: gpt-4o}
"""
MONDAY, SATURDAY = "horizon.start=2026-11-23", "horizon.start=2026-11-28"
SIX_HOURS = ("horizon.duration=6h", "horizon.start=2026-11-24T15:00")
A_MONTH = 40_000 * MONTH_S / DAY_S


@pytest.fixture
def api(tmp_path):
    def of(*settings: str, text: str = API) -> Design:
        if any("horizon.duration" in each for each in settings):
            text = text.replace(", days: 1", ", duration: 1h")
        return load_scenario(written(tmp_path, text), settings).design({})

    return of


def requests_per_month(design: Design) -> float:
    """As expected, of the first workload."""
    workload, duration_s = design.workloads[0], design.horizon.duration_s
    expected = workload.source.curve.cumulative(duration_s)
    return float(expected * workload.month_weight * MONTH_S / duration_s)


HORIZONS = [
    (MONDAY,),
    (SATURDAY,),
    (MONDAY, "horizon.days=2"),
    (MONDAY, "horizon.days=7"),
    (SATURDAY, "horizon.days=10"),
    SIX_HOURS,
]


@pytest.mark.parametrize("settings", HORIZONS)
def test_a_month_has_the_requests_of_the_mean_day(api, settings):
    assert requests_per_month(api(*settings)) == pytest.approx(A_MONTH, rel=1e-9)


def test_a_whole_week_is_a_fair_sample_and_a_saturday_is_not(api):
    assert api(MONDAY, "horizon.days=7").workloads[0].month_weight == pytest.approx(1.0)
    assert api(SATURDAY, "horizon.days=14").workloads[0].month_weight == pytest.approx(1.0)
    assert api(MONDAY).workloads[0].month_weight == pytest.approx(1 / 1.24, abs=0.005)
    assert api(SATURDAY).workloads[0].month_weight == pytest.approx(1 / 0.40, abs=0.02)


@pytest.mark.parametrize("settings", HORIZONS)
def test_growth_is_that_of_the_month_whatever_part_of_it_is_simulated(api, settings):
    design = api(*settings, "workloads.chat.arrivals.growth_per_year=4")
    wanted = A_MONTH * mean_growth(4.0, DAY_S)
    # Growth is held constant for an hour, and meets other hours of the week.
    assert requests_per_month(design) == pytest.approx(wanted, rel=1e-6)


def test_a_horizon_longer_than_a_month_stands_for_a_mean_month_of_it(api):
    settings = ("horizon.days=364", "workloads.chat.arrivals.growth_per_year=4")
    wanted = A_MONTH * (4 ** (364 * DAY_S / YEAR_S) - 1) / 1.3862943611 / (364 * DAY_S / YEAR_S)
    assert requests_per_month(api(*settings)) == pytest.approx(wanted, rel=1e-3)


def test_an_event_comes_once_a_month_not_every_day(api):
    launch = "workloads.chat.arrivals.events=[{start: 12h, duration: 1h, factor: 5}]"
    plain, design = api(), api(launch)
    extra = design.workloads[0].source.curve.cumulative(DAY_S) - plain.workloads[
        0
    ].source.curve.cumulative(DAY_S)
    assert extra > 5_000
    assert requests_per_month(design) == pytest.approx(A_MONTH + extra, rel=1e-9)
    holiday = api("workloads.chat.arrivals.events=[{start: 0h, duration: 12h, factor: 0}]")
    assert A_MONTH - 40_000 < requests_per_month(holiday) < A_MONTH - 10_000


def test_a_horizon_without_requests_tells_nothing_of_a_month(api):
    closed = api("workloads.chat.arrivals.events=[{start: 0h, duration: 30h, factor: 0}]")
    assert closed.workloads[0].month_weight != closed.workloads[0].month_weight  # NaN


# ---------------------------------------------------------------- what it rests on


@pytest.mark.parametrize(
    ("settings", "clause"),
    [
        ((MONDAY,), "a month like this Monday, weighted to a mean week"),
        ((SATURDAY, "horizon.days=2"), "a month like these 2 days, weighted to a mean week"),
        (SIX_HOURS, "a month like these 6 hours, weighted to a mean week"),
        ((MONDAY, "horizon.days=7"), ""),
        ((MONDAY, "horizon.days=28"), ""),
        ((MONDAY, "workloads.chat.arrivals.shape=flat"), ""),
    ],
)
def test_a_clause_says_what_a_month_rests_on_unless_it_is_whole_weeks(api, settings, clause):
    assert rests_on(api(*settings)) == clause


def test_a_fleet_of_a_fixed_size_costs_the_same_on_any_day_and_needs_no_clause(tmp_path):
    shaped = ["workloads.chat.arrivals.shape=azure-code-2024", MONDAY]
    path = written(tmp_path, MINIMAL)
    fixed = load_scenario(path, shaped).typical_design()
    assert fixed.workloads[0].month_weight < 0.9
    assert rests_on(fixed) == ""
    paying = [*shaped, "workloads.chat.value_per_request=0.01"]
    assert "weighted" in rests_on(load_scenario(path, paying).typical_design())
    scaling = [*shaped, "backends.large.replicas={min: 1, max: 4}",
               "backends.large.autoscaler={preset: hpa, target_concurrency: 8}",
               "backends.large.cold_start=3min"]  # fmt: skip
    assert "weighted" in rests_on(load_scenario(path, scaling).typical_design())


def test_all_days_are_taken_to_be_like_those_of_a_trace(tmp_path: Path):
    written(tmp_path, "at,in,out\n" + "".join(f"{60 * t},100,20\n" for t in range(60)), "log.csv")
    text = API.replace("horizon: {start: 2026-11-23, days: 1}\n", "")
    trace = "{file: log.csv, format: columns, columns: {timestamp: at, prompt_tokens: in,"
    arrivals = f"arrivals: {{trace: {trace} output_tokens: out}}}}}}"
    text = text.replace("arrivals: {requests_per_day: 40k, shape: azure-code-2024}", arrivals)
    text = text.replace("    prompt_tokens: 1000\n    output_tokens: 200\n", "")
    path = written(tmp_path, text)
    design = load_scenario(path).design({})
    assert design.horizon.duration_s == 3600.0
    assert design.workloads[0].month_weight == 1.0
    assert rests_on(design) == "a month like this hour without a pause"
    launch = "workloads.chat.arrivals.events=[{start: 30min, duration: 30min, factor: 3}]"
    # 60 requests an hour, and 60 more once a month.
    weight = load_scenario(path, [launch]).design({}).workloads[0].month_weight
    assert 120 * weight == pytest.approx(60 + 60 * 3600 / MONTH_S)


def test_the_day_of_the_clause_is_the_horizons(api):
    assert datetime(2026, 11, 28).strftime("%A") in rests_on(api(SATURDAY))
