"""Fleets for users who wait for answers, and users for a fleet, against machine repair."""

import json

import pytest
from answer_schemas import check_answer
from chart_worlds import check
from size_cases import SHORT, queue
from theory import machine_repair_wait_cdf

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.report.charts.crowd import crowd_charts
from sim.report.crowd_text import tell
from sim.studies.bench import bench
from sim.studies.size import Question, most_users, size

WORLDS = 24
LIMIT = 0.5  # mean service times


def case_of(folder, users, think, margin, percentile):
    """So many requests that a world is on the wrong side with a chance of at most 0.12."""
    requests = max(5_000.0, 6.0 / margin**2)
    duration_s = max(requests * (think + 1.5) / users, 2_000.0)
    return queue(
        folder,
        {"users": users, "think_time": {"exponential": {"mean": think}}},
        {f"ttft_p{percentile}": LIMIT + 2e-3},  # the first token's own step
        {"duration": duration_s, "warm_up": 100, "bin": duration_s},
        worlds=WORLDS,
    )


def edge(holds, start, step):
    """The last number from a start for which something holds."""
    while holds(start + step):
        start += step
    return start


@pytest.mark.parametrize(("users", "percentile"), [(4, 90), (12, 90), (30, 90)])
def test_the_fleet_for_so_many_users_is_that_of_machine_repair(users, percentile, tmp_path):
    """The median world of 24: a false alarm in 1e-5 of seeds (see test_size_theory)."""
    share = percentile / 100

    def kept(servers):
        return machine_repair_wait_cdf(servers, users, 8.0, LIMIT)

    servers = edge(lambda n: n < 1 or kept(n) < share, 0, 1) + 1
    margin = min(abs(kept(n) - share) for n in (servers, servers - 1) if n)
    assert margin > 0.008
    with bench(1) as ready:
        case = case_of(tmp_path, users, 8.0, margin, percentile)
        answer = size(case, ready, Question(0.5), beside=False)
    assert answer.replicas == servers
    assert answer.decided


@pytest.mark.parametrize("replicas", [1, 3])
def test_the_most_users_of_a_fleet_are_those_of_machine_repair(replicas, tmp_path):
    def kept(users):
        return machine_repair_wait_cdf(replicas, users, 4.0, LIMIT)

    users = edge(lambda n: kept(n) >= 0.8, 1, 1)
    margin = min(abs(kept(n) - 0.8) for n in (users, users + 1))
    assert margin > 0.008
    with bench(1) as ready:
        case = case_of(tmp_path, users, 4.0, margin, 80)
        case = case.but("workloads.calls.arrivals.users=5", f"backends.pool.replicas={replicas}")
        answer = most_users(case, ready, Question(0.5))
    assert (answer.users, answer.estimate) == (users, users)
    assert answer.decided
    assert f"holds {users} user" in answer.sentence
    assert f"with {users + 1} it is missed" in answer.sentence
    assert "the answer" in tell(answer).text()
    (chart,) = crowd_charts(answer)
    check(chart, thoroughly=True)
    assert len(chart.frame) == len(answer.candidates)


def test_a_fleet_that_serves_nobody_in_time_holds_nobody(tmp_path):
    case = queue(tmp_path, {"users": 5, "think_time": "2s"}, {"e2e_p95": 0.1}, SHORT, worlds=12)
    with bench(1) as ready:
        answer = most_users(case, ready, Question(0.5))
    assert answer.users is None
    assert "the fleet holds nobody" in answer.sentence
    check_answer("most_users", answer.as_json())


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ({"requests_per_second": 2}, "no workload has users to count"),
        (
            {"users": {"p5": 4, "p95": 9}, "think_time": "5s"},
            "users is uncertain, and is what is sought",
        ),
    ],
)
def test_what_has_no_users_to_count_is_refused(arrivals, expected, tmp_path):
    case = queue(tmp_path, arrivals, {"ttft_p95": 1.0}, SHORT)
    with bench(1) as ready, pytest.raises(PeakfleetError, match=expected):
        most_users(case, ready, Question(0.5))


def test_the_command_takes_users_and_asks_for_them(tmp_path, capsys):
    case = queue(
        tmp_path, {"users": 5, "think_time": "5s"}, {"ttft_p90": 4.0},
        {"duration": "5min", "warm_up": "60s"}, worlds=12,
    )  # fmt: skip
    common = [str(case.path), "--probability", "50%", "--jobs", "1", "--quiet", "--json"]
    main(["size", *common, "--users", "9", "--out", str(tmp_path / "a")])
    assert json.loads(capsys.readouterr().out)["overrides"][0] == "workloads.calls.arrivals.users=9"
    main(["size", *common, "--most-users", "--out", str(tmp_path / "b")])
    assert json.loads(capsys.readouterr().out)["users"] >= 1
    assert main(["size", *common, "--most-users", "--users", "9"]) == 2
    assert "--users has no meaning beside --most-users" in capsys.readouterr().err
