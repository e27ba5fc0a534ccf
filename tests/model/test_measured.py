"""What is known of a measured run, whichever way its file told it."""

import numpy as np
import pytest

from sim.model.measured import (
    Drive,
    Ended,
    MeasuredRun,
    Parallelism,
    RequestLog,
    Setup,
    Source,
    Statistics,
)


def log(**changed: list[float]) -> RequestLog:
    columns = {
        "sent_s": [0.0, 1.0, 2.0, 3.0],
        "ttft_s": [0.5, 0.1, 0.3, np.nan],
        "e2e_s": [2.5, 0.1, 1.3, np.nan],
        "input_tokens": [9, 9, 9, 9],
        "output_tokens": [5, 1, 11, 2],
        "cached_tokens": [np.nan] * 4,
        "events": [5, 1, 11, 2],
        "ended": [0, 0, 0, Ended.CUT],
    } | changed
    whole = ("input_tokens", "output_tokens", "ended")
    return RequestLog(
        **{
            name: np.array(values, dtype=np.int64 if name in whole else np.float64)
            for name, values in columns.items()
        }
    )


def run(requests: RequestLog | None = None, **statistics: Statistics) -> MeasuredRun:
    source = Source("x.json", "", "vllm")
    return MeasuredRun("x", source, Setup(), Drive(None), requests=requests, statistics=statistics)


def test_time_per_output_token_is_without_the_first_and_undefined_for_one_token() -> None:
    np.testing.assert_allclose(log().tpot_s, [0.5, np.nan, 0.1, np.nan])
    np.testing.assert_allclose(log().values("ntpot_s"), [0.5, 0.1, 1.3 / 11, np.nan])


def test_statistics_come_from_the_table_of_completed_requests_where_there_is_one() -> None:
    given = Statistics(9.0, percentiles={50: 8.0})
    both = run(log(), ttft_s=given, itl_s=given)
    assert both.statistic("ttft_s", 50) == pytest.approx(0.3)
    assert both.statistic("tpot_s", "mean") == pytest.approx(0.3)
    assert both.statistic("itl_s", 50) == 8.0
    assert run(ttft_s=given).statistic("ttft_s", "mean") == 9.0
    assert np.isnan(run(ttft_s=given).statistic("ttft_s", 99))
    assert np.isnan(run().statistic("e2e_s", "mean"))


def test_what_was_sent_in_the_first_fifteen_hundredths_has_not_settled() -> None:
    np.testing.assert_array_equal(log().settled, [False, True, True, False])


def test_whether_times_are_known() -> None:
    assert log().has_times
    assert not log(sent_s=[np.nan] * 4).has_times
    np.testing.assert_allclose(log().first_s, [0.5, 1.1, 2.3, np.nan])


def test_experts_are_spread_over_gpus_that_are_there_already() -> None:
    assert Parallelism(tensor=2, pipeline=1, data=4, expert=8).gpus == 8
