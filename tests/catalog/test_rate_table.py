"""Tables of counts, read by their column of times: any rows, any step, repeated as they cover."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from places import FAULTS

from sim.catalog.rate_table import read_rate_table
from sim.errors import CatalogError, ScenarioError
from sim.scenario import load_scenario

FORTNIGHT = FAULTS / "counts_of_a_fortnight"
CHAT = "workloads.chat.arrivals"
START = datetime(2026, 11, 2)  # a Monday


def write(path, rows, step, start=START, head="time,requests"):
    lines = [f"{start + k * step:%Y-%m-%dT%H:%M:%S},{value}" for k, value in enumerate(rows)]
    path.write_text("\n".join([head, *lines]))
    return str(path)


def curve(tmp_path, arrivals, start="2026-11-02", days=1):
    text = (
        f"name: x\nhorizon: {{start: {start}, days: {days}}}\nworkloads:\n  chat:\n"
        f"    arrivals: {arrivals}\n    prompt_tokens: 500\n    output_tokens: 100\n"
        "backends:\n  api: {kind: managed_api, model: gpt-4o-mini}\n"
    )
    (tmp_path / "s.yaml").write_text(text)
    scenario = load_scenario(tmp_path / "s.yaml")
    return scenario.typical_design().workloads[0].source.curve


# ---------------------------------------------------------------- the fortnight


def test_a_fortnight_is_a_fortnight():
    scenario = load_scenario(FORTNIGHT / "scenario.yaml")
    rates = scenario.typical_design().workloads[0].source.curve
    mean = np.mean([float(line.split(",")[1]) for line in
                    (FORTNIGHT / "fortnight.csv").read_text().split()[1:]])  # fmt: skip
    hours = [rates.expected(3600 * h, 3600 * (h + 1)) / 3600 * mean / 5 for h in range(4)]
    np.testing.assert_allclose(hours, [1.54, 1.14, 1.0, 1.14], rtol=1e-9)
    assert rates.rate_per_s.max() / rates.rate_per_s.min() == pytest.approx(9.0)


def test_without_times_odd_numbers_of_rows_are_no_day(tmp_path):
    for rows in (336, 2016, 720, 25, 167):
        (tmp_path / "x.csv").write_text("rps\n" + "5\n" * rows)
        with pytest.raises(ScenarioError, match=rf"{rows} rows are neither a day .* nor a week"):
            curve(tmp_path, "{requests_per_second: 5, shape: {csv: x.csv, column: rps}}")
    for rows in (24, 168, 48, 96):
        (tmp_path / "x.csv").write_text("rps\n" + "5\n" * rows)
        curve(tmp_path, "{requests_per_second: 5, shape: {csv: x.csv, column: rps}}")


# ---------------------------------------------------------------- counts


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        (timedelta(minutes=1), 1440),
        (timedelta(minutes=5), 2016),
        (timedelta(hours=1), 24),
        (timedelta(hours=1), 168),
        (timedelta(hours=1), 240),  # ten days: the last week of them
        (timedelta(days=1), 28),
    ],
)
def test_counts_per_row_come_as_often_as_the_table_says(tmp_path, step, rows):
    values = np.random.default_rng(1).integers(1, 5000, rows)
    write(tmp_path / "x.csv", values, step)
    rates = curve(tmp_path, "{counts: {csv: x.csv}}", days=28)
    step_s = step.total_seconds()
    covered = rows * step_s
    kept = int(covered // (7 * 86_400) * 7 * 86_400 / step_s) or rows
    total = 28 * 86_400 / (kept * step_s) * values[-kept:].sum()
    assert rates.expected(0, 28 * 86_400) == pytest.approx(total)
    if kept == rows:
        found = [rates.expected(k * step_s, (k + 1) * step_s) for k in range(min(rows, 50))]
        np.testing.assert_allclose(found, values[:50])


@pytest.mark.parametrize(
    ("name", "per", "per_s"),
    [
        ("rps", None, 1), ("req/s", None, 1), ("http_requests_per_second", None, 1),
        ("rpm", None, 60), ("requests/min", None, 60), ("requests_per_hour", None, 3600),
        ("requests per day", None, 86_400), ("requests", None, 3600), ("requests", "minute", 60),
        ("rps", "row", 3600),
    ],
)  # fmt: skip
def test_what_values_count_by_is_told_by_name_or_said(tmp_path, name, per, per_s):
    file = write(tmp_path / "x.csv", [120.0] * 24, timedelta(hours=1), head=f"time,{name}")
    table = read_rate_table(file, per=per)
    assert table.mean_per_s == pytest.approx(120 / per_s)
    guessed = name == "requests" and per is None
    assert any("per: row" in remark for remark in table.remarks) == guessed


def test_a_week_repeats_as_a_week_whatever_day_it_begins_on(tmp_path):
    values = np.arange(1, 169)
    write(tmp_path / "x.csv", values, timedelta(hours=1), datetime(2026, 11, 5))  # a Thursday
    rates = curve(tmp_path, "{counts: {csv: x.csv}}", start="2026-12-07", days=7)  # a Monday
    monday = 4 * 24  # hours of the table before its Monday
    found = [rates.expected(3600 * h, 3600 * (h + 1)) for h in range(168)]
    np.testing.assert_allclose(found, np.roll(values, -monday))


@pytest.mark.parametrize(
    "text",
    [
        "time;requests\n2026-11-02 00:00;1,5\n2026-11-02 12:00;4,5\n",
        "Time\trequests\n1793577600\t1.5\n1793620800\t4.5\n",
        "model,time,requests\nm,02.11.2026 00:00,1.5\nm,02.11.2026 12:00,4.5\n",
        "requests,time\n4.5,2026-11-02T12:00Z\n1.5,2026-11-02T00:00Z\n",
        "time,requests\n1793577600000,1.5\n1793620800000,4.5\n",
    ],
)
def test_tables_as_dashboards_write_them(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    table = read_rate_table(str(tmp_path / "x.csv"))
    assert table.shape.values == (1.5, 4.5)
    assert table.shape.began == START
    assert table.mean_per_s == pytest.approx(6 / 86_400)


def test_gaps_are_filled_and_said(tmp_path):
    hours = timedelta(hours=1)
    file = write(tmp_path / "x.csv", [10, 20, "", 40, *[40] * 20], hours)
    table = read_rate_table(file)
    assert table.shape.values[:4] == (10, 20, 30, 40)
    assert "1 missing rows are filled evenly from those beside them" in table.remarks


HEAD = "time,requests\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "has no rows below its header"),
        ("", "has no rows below its header"),
        (HEAD + "2026-11-02,5\n", "has one time alone"),
        (HEAD + "2026-11-02,5\n2026-11-02,6\n2026-11-03,6\n", "rows have the time of another"),
        (HEAD + "2026-11-02,5\n2026-11-03,x\n", r"x.csv:3: requests \('x'\) must be a number >= 0"),
        (HEAD + "2026-11-02,5\n2026-11-03,-1\n", r"x.csv:3: requests \('-1'\) must be a number"),
        (HEAD + "2026-11-02,5\nsoon,5\n", r"no column of times \(name it with time"),
        (HEAD + "2026-11-02 00:00,5\n2026-11-02 01:00,5\n2026-11-02 01:30,5\n2026-11-02 03:00,5\n",
         "rows are not evenly spaced by 1 h"),
        (HEAD + "2026-11-02,5\n2026-11-03,5\n2026-11-30,5\n2026-12-01,5\n", "rows are missing"),
        (HEAD + "2026-11-02,0\n2026-11-03,0\n", "must be above 0 somewhere"),
        ("time,a,b\n2026-11-02,1,2\n2026-11-03,1,2\n", "2 columns of numbers beside the times"),
        ("a,b\n1,2\n1,2\n", "no column of times"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_counts_is_refused_in_a_line(tmp_path, text, said):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(CatalogError, match=said):
        read_rate_table(str(tmp_path / "x.csv"))
    with pytest.raises(ScenarioError, match=said):
        curve(tmp_path, "{counts: {csv: x.csv}}")


def test_the_resolved_document_gives_the_same_rates(tmp_path):
    write(tmp_path / "x.csv", range(1, 169), timedelta(hours=1))
    for arrivals in (
        "{counts: {csv: x.csv, scale: 3}}",
        "{requests_per_second: 2, shape: {csv: x.csv}}",
        "{usd_per_month: 38k, shape: {csv: x.csv}}",
    ):
        first = curve(tmp_path, arrivals)
        (tmp_path / "again.yaml").write_text(load_scenario(tmp_path / "s.yaml").to_yaml())
        again = load_scenario(tmp_path / "again.yaml").typical_design().workloads[0].source.curve
        np.testing.assert_array_equal(again.rate_per_s, first.rate_per_s)
        np.testing.assert_array_equal(again.edges_s, first.edges_s)


@pytest.mark.parametrize(
    ("arrivals", "said"),
    [
        ("{counts: {csv: x.csv, column: request}}", r"no column 'request' \(nearest: 'requests'\)"),
        ("{counts: {csv: x.csv, per: fortnight}}", "must be one of row, second, minute, hour, day"),
        ("{counts: {csv: none.csv}}", "no such file"),
        ("{counts: {csv: x.csv}, requests_per_day: 5}", "counts: goes beside requests_per_day"),
        ("{counts: {csv: x.csv}, shape: flat}", "has no meaning beside counts"),
    ],
)
def test_what_counts_cannot_mean_is_told(tmp_path, arrivals, said):
    write(tmp_path / "x.csv", [5] * 24, timedelta(hours=1))
    with pytest.raises(ScenarioError, match=said):
        curve(tmp_path, arrivals)
