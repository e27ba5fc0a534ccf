"""Pictures of latencies have the line that the SLO draws, where one is stated."""

import math

import pytest

from sim.model.workload import Slo
from sim.studies.limits import limit_of


class Stream:
    def __init__(self, name, slo):
        self.name, self.slo = name, slo


STREAMS = (Stream("chat", Slo(ttft_s=2.0, e2e_s=60.0)), Stream("batch", Slo()), Stream("code", Slo(
    ttft_s=1.0)))  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "limit"),
    [
        ("peak_hour_ttft_p95_s", 1.0),
        ("workloads.chat.ttft_p95_s", 2.0),
        ("e2e_p95_s", 60.0),
        ("workloads.code.e2e_p95_s", math.nan),
        ("workloads.batch.ttft_p95_s", math.nan),
        ("tpot_p50_s", math.nan),
        ("cost_usd_per_month", math.nan),
    ],
)
def test_the_strictest_threshold_of_those_concerned_is_the_limit(metric, limit):
    assert limit_of(metric, STREAMS) == pytest.approx(limit, nan_ok=True)
