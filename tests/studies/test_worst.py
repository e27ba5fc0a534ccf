"""Every study names the workload that is served worst: a latency of all of them hides it."""

import json

import pytest
from size_cases import engine

from sim.report import compare_text, plan_text, size_text, stress_text
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.compare import compare, contenders
from sim.studies.plan import Outlook, plan
from sim.studies.size import Question, size
from sim.studies.stress import Growth, stress
from sim.studies.worst import worst_served

DOCUMENT = {
    "name": "Two workloads",
    "horizon": {"start": "2026-11-23", "duration": "3h", "warm_up": 0},
    "workloads": {
        "chat": {
            "arrivals": {"requests_per_day": 200_000},
            "prompt_tokens": 16,
            "output_tokens": 100,
            "slo": {"e2e_p95": "2s"},
        },
        "batch": {
            "arrivals": {"requests_per_day": {"lognormal": {"p50": 5000, "p95": 5500}}},
            "prompt_tokens": 16,
            "output_tokens": 4000,
            "slo": {"e2e_p95": "3s"},
        },
        "free": {
            "arrivals": {"requests_per_day": 1000},
            "prompt_tokens": 16,
            "output_tokens": 100,
        },
    },
    "backends": {
        "pool": {"kind": "gpu_pool", "replicas": 2, "price": {"usd_per_gpu_hour": 2}},
    },
    "worlds": 6,
}


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worst")
    document = json.loads(json.dumps(DOCUMENT))
    document["backends"]["pool"]["service"] = str(
        engine(folder, max_num_seqs=64, prefill_us_per_token=1)
    )
    path = folder / "two.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return Case(path)


@pytest.fixture(scope="module")
def place():
    return Bench(1)


def test_the_latency_of_all_hides_what_the_worst_has(case, place):
    result = place.run(case.load(), 6)
    worst = worst_served(result)
    assert result.sample.estimate("e2e_p95_s").p50 < 2.0  # of 41 requests 40 are the chat's
    assert (worst.workload, worst.limit_s, worst.missed.count) == ("batch", 3.0, 6)
    assert worst.latency.p50 > 4.0
    assert "SLO 3 s" in worst.words


def test_a_workload_without_slo_that_waits_longer_is_named_beside(case, place):
    """A million tokens at a microsecond each."""
    worst = worst_served(place.run(case.but("workloads.free.prompt_tokens=1000000").load(), 6))
    assert (worst.workload, worst.waiting) == ("batch", "free")
    assert 1.0 < worst.waiting_s < 1.5
    assert "; free, which has no SLO, waits 1." in worst.words


def test_compare_names_it_for_each_design(case, place):
    found = contenders([case], ["three: backends.pool.replicas=3"])
    answer = compare(found, place, 6)
    assert "worst served is batch (worst hour's whole answer p95" in answer.sentence
    assert [each.worst.workload for each in answer.overviews] == ["batch", "batch"]
    assert answer.as_json()["designs"][0]["worst_served"]["workload"] == "batch"
    text = " ".join(compare_text.tell(answer).text().split())
    assert "is of the requests of all workloads together; that of one is workloads.chat." in text


def test_size_names_it_and_shows_its_latency(case, place):
    generous = case.but("workloads.batch.slo.e2e_p95=9s")
    answer = size(generous, place, Question(0.5), worlds=8, beside=False)
    assert "worst served is" in answer.sentence
    worst = answer.worst.workload
    assert worst in {"chat", "batch"}
    assert answer.latency_metric == f"workloads.{worst}.e2e_p95_s"
    assert f"whole answer p95 of {worst}" in " ".join(size_text.tell(answer).text().split())
    none = size(case, place, Question(0.5), worlds=8, beside=False)
    assert none.chosen is None
    assert "worst served is batch" in none.sentence


def test_plan_names_it_and_shows_its_latency(case, place):
    day = case.but("horizon={start: 2026-11-23, days: 1, warm_up: 0}", "horizon.bin=1h")
    answer = plan(day, place, Outlook(months=1, peak_days=0.0), worlds=2, simulated=1)
    assert "worst served is batch" in answer.sentence
    assert "on a weekday of month 1" in answer.sentence
    assert "first token p95 of batch" in plan_text.tell(answer).text()
    assert answer.as_json()["worst_served"]["month"] == 1


def test_stress_names_it_at_each_step(case, place):
    answer = stress(
        case, place, [Growth(), Growth(volume=1.5)], worlds=2, spike=None, enclose=False
    )
    assert all(each.worst.workload == "batch" for each in answer.outcomes)
    assert " of batch" in stress_text.tell(answer).text()
