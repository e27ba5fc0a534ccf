"""The traffic of a trace as text and pictures."""

from pathlib import Path

import numpy as np
import pytest
from chart_worlds import check

from sim.model.trace import Trace
from sim.report.charts import save
from sim.report.charts.traffic import traffic_charts
from sim.report.traffic_text import render_traffic
from sim.studies.traffic import Traffic, as_json, traffic


@pytest.fixture(scope="module")
def found() -> Traffic:
    draw = np.random.default_rng(5)
    arrival = np.cumsum(draw.exponential(30.0, 9000))
    tokens = [np.round(draw.lognormal(mean, 0.5, 9000)).astype(np.int32) for mean in (6, 4)]
    return traffic(Trace(arrival - arrival[0], *tokens, "logs/My chat.csv"))


def test_the_text_says_rate_fit_and_what_is_not_known(found: Traffic) -> None:
    text = render_traffic(found)
    assert text.startswith("9,000 requests make 2,8")
    assert "in the busiest hour of the day" in text
    assert "prompt tokens p50 (lognormal)" in text
    assert "- times have no dates: the first request is taken as midnight" in text
    assert max(map(len, text.split("\n"))) <= 100


def test_pictures_are_drawn_with_their_data(found: Traffic, tmp_path: Path) -> None:
    charts = traffic_charts(found)
    for chart in charts:
        check(chart, thoroughly=True)
    save(charts, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    for name in ("traffic_rate", "traffic_lengths", "traffic_dispersion"):
        assert {f"{name}.svg", f"{name}.png", f"{name}.csv"} <= names


def test_the_same_as_data(found: Traffic) -> None:
    data = as_json(found)
    assert list(data["workloads"]) == ["my-chat"]
    assert data["requests"] == 9000
    assert set(data["fit"]) == {"traffic_windows", "traffic_quantiles", "traffic_dispersions"}
