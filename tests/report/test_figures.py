"""Figures as people read them: units that a person would choose, no digits that nobody can see."""

import re

import pytest
from places import ROOT
from test_report import shown

from sim.report.figures import Figure, scale
from sim.studies.measure import Measure

TIME = Figure("queue_wait_p95_s", "wait", "seconds")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (9.2e-7, "0.00 ms"),
        (0.000501, "0.50 ms"),
        (0.0123, "12.3 ms"),
        (0.2451, "245 ms"),
        (59.96, "60.0 s"),
        (3833.0, "63.9 min"),
    ],
)
def test_times_have_hundredths_of_a_millisecond_at_most(seconds, said):
    chosen = scale(TIME, seconds)
    assert f"{chosen.text(seconds)} {chosen.unit}" == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (9.2e-7, "0 ms"),
        (-3e-9, "0 ms"),
        (0.000501, "0.5 ms"),
        (0.2451, "245 ms"),
        (59.5, "59.5 s"),
        (3833.0, "63.9 min"),
        (90_000.0, "25 h"),
    ],
)
def test_a_measure_of_time_is_told_in_the_same_units(seconds, said):
    assert Measure.parse("ttft_p95_s").amount(seconds) == said
    assert Measure.parse("ttft_p95_s").amounts(seconds) == (said,)


def test_no_chart_counts_in_thousandths():
    """What ``~s`` writes of values below one: 500m, as Kubernetes and nobody else does."""
    for path in (ROOT / "sim" / "report" / "charts").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""format=["']~?\.?\d*s["']""", text), path.name


def test_waiting_for_a_batch_is_told_where_replicas_have_work_and_nowhere_else():
    waits = {"queue_wait_mean_s": 0.0, "queue_wait_p95_s": 9.2e-7, "gpu_hours": 24.0}
    assert "wait for the batch" in shown(**waits)
    assert "wait for the batch" not in shown(**waits | {"gpu_hours": 0.0})
    assert "wait for the batch" not in shown(**waits | {"offered_load": 0.0})
