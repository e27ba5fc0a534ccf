"""The cost of a request is said to be that of the days simulated, where a month has others."""

import pytest

from sim.report.month_text import of_a_request, of_the_volume

DAYS = 30.4375  # of a month


def summary(requests, per_month, backend="gpu_hours", days=1.0, ending=None):
    figures = {"requests": {"p50": requests}, "requests_per_month": {"p50": per_month}}
    return {
        "metrics": figures,
        "backends": {"one": {backend: {"p50": 1.0}}},
        "horizon_s": days * 86_400.0,
        "ending": ending,
    }


@pytest.mark.parametrize(("requests", "said"), [(114.0, "14 % more"), (65.0, "35 % fewer")])
def test_a_monday_and_a_saturday_are_said_to_differ(requests, said):
    (text,) = of_a_request(summary(requests, 100.0 * DAYS))
    assert text == (
        f"per request and task: of the 1 day simulated, with {said} requests than such a time of"
        " the month has on average"
    )


def test_a_week_and_what_is_paid_by_the_token_need_no_word():
    assert [*of_a_request(summary(700.0, 100.0 * DAYS, days=7.0))] == []
    assert [*of_a_request(summary(101.0, 100.0 * DAYS))] == []
    assert [*of_a_request(summary(114.0, 100.0 * DAYS, backend="attempts"))] == []
    assert [*of_a_request(summary(0.0, 0.0))] == []


def test_the_requests_of_a_bill_are_told_from_those_simulated():
    (text,) = of_the_volume(summary(275_000.0, 241_000.0 * DAYS, backend="attempts"))
    assert text == (
        "requests: 275.0 k in the 1 day simulated; a mean day of the month has 241.0 k, which is"
        " the volume that a bill and a break-even speak of"
    )
    assert [*of_the_volume(summary(241_900.0, 241_000.0 * DAYS))] == []
    assert [*of_the_volume(summary(7 * 241_000.0, 241_000.0 * DAYS, days=7.0))] == []
    assert [*of_the_volume(summary(0.0, 0.0))] == []
    job = {"job": True, "limit_s": 604_800.0, "drained_share": 1.0}
    assert [*of_the_volume(summary(450.0, 4.5e6, ending=job))] == []


def test_a_job_is_no_sample_of_a_month():
    job = {"job": True, "limit_s": 604_800.0, "drained_share": 1.0}
    assert [*of_a_request(summary(450.0, 4.5e6, days=1 / 86_400, ending=job))] == []
