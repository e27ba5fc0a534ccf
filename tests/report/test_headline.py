"""What a run answers in words: the worst is named, never averaged away."""

from dataclasses import replace
from datetime import datetime

import click
import numpy as np
import pytest
from fake_replication import PROFILE, NoRequests
from scenario_documents import written

from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant, Uniform
from sim.model.managed import Budget, ManagedApi, Pace
from sim.model.price import GpuPrice
from sim.model.uncertain import UncertainInput
from sim.model.workload import Slo, Workload
from sim.montecarlo.cause import Cause
from sim.montecarlo.run import run
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.shares import share_interval
from sim.montecarlo.summary import summarise
from sim.report.headline import paragraphs
from sim.report.table import render
from sim.scenario import load_scenario

WORLDS = 20
VOLUME = UncertainInput("workloads.chat.volume", Uniform(0.0, 100.0))
GOOD = {"slo_attainment": 0.99, "unanswered_share": 0.0, "peak_hour_ttft_p95_s": 0.5}
DAY = Horizon(datetime(2026, 11, 23), 86_400.0, warm_up_s=0.0, bin_s=300.0)


def design(**slos):
    workloads = tuple(Workload(name, NoRequests(), "large", slo) for name, slo in slos.items())
    pool = GpuPool("large", PROFILE, 2, "least_loaded", GpuPrice(0.0))
    return Design("Shop", DAY, workloads, (pool,))


def summary(plan, of_world=lambda world: {}, overloaded=(), diagnose=None):
    """Of worlds in which all workloads do well but for what a world is told to have."""
    sample = Sample([VOLUME])
    for world in range(WORLDS):
        figures = {INPUT_PREFIX + VOLUME.path: 5.0 * world + 2.0, "hours_over_capacity": 0.0}
        for workload in plan.workloads:
            figures |= {f"workloads.{workload.name}.{name}": value for name, value in GOOD.items()}
        verdict = "overloaded" if world in overloaded else "stable"
        sample.add_row(world, verdict, figures | of_world(world), {})
    return summarise(sample, plan, 7, interrupted=False, diagnose=diagnose)


def told(found):
    return " ".join(render(found).split())


def answer(found):
    return " ".join(render(found).split("\n\n")[0].split())


TWO = design(chat=Slo(ttft_s=2.0), batch=Slo(ttft_s=60.0))


def test_the_headline_names_the_workload_that_misses_its_slo_not_the_pool_of_all():
    late = {"workloads.batch.peak_hour_ttft_p95_s": 371.0, "workloads.batch.slo_attainment": 0.6}
    found = summary(TWO, lambda world: late)
    assert "time to first token of batch, the worst served, is 371 s in the worst hour" in told(
        found
    )
    assert [each["name"] for each in found["worst_workloads"]] == ["batch", "chat"]


def test_a_deadline_is_not_called_an_slo():
    late = {"workloads.batch.peak_hour_ttft_p95_s": 371.0, "workloads.batch.slo_attainment": 0.6}
    batch = late | {"workloads.batch.deadline_met_share": 0.6}
    assert "(SLO 60 s)" in told(summary(TWO, lambda world: late))
    text = told(summary(TWO, lambda world: batch))
    assert "(deadline 60 s)" in text and "(SLO" not in text


def test_the_worst_is_measured_against_its_own_slo():
    slow = {"workloads.batch.peak_hour_ttft_p95_s": 30.0}  # of 60; chat has 0.5 of 2
    found = summary(TWO, lambda world: slow)
    assert found["worst_workloads"][0]["name"] == "batch"
    slower = {**slow, "workloads.chat.peak_hour_ttft_p95_s": 1.5}
    assert summary(TWO, lambda world: slower)["worst_workloads"][0]["name"] == "chat"


def test_a_slow_workload_without_slo_is_named_beside_the_worst_of_those_that_have_one():
    plan = design(chat=Slo(ttft_s=2.0), batch=Slo())
    found = summary(plan, lambda world: {"workloads.batch.peak_hour_ttft_p95_s": 371.0})
    assert "of chat, the worst served, is 500 ms" in answer(found)
    assert "batch, which has no SLO, waits 371 s" in answer(found)


def test_an_unanswered_workload_is_named_though_few_of_all_requests_are_its_own():
    lost = {"workloads.batch.unanswered_share": 0.74, "workloads.batch.slo_attainment": 0.26}
    assert "74 % of the requests of batch are not answered" in answer(
        summary(TWO, lambda world: lost)
    )


def test_worlds_over_capacity_missing_slos_and_losing_requests_are_counted_apart():
    def of_world(world):
        return {
            "hours_over_capacity": float(world < 5),
            "workloads.chat.slo_attainment": 0.9 if world < 3 else 0.99,
            "workloads.batch.timed_out": float(world == 11),
        }

    found = summary(TWO, of_world, overloaded=(0,))
    counts = {name: each["count"] for name, each in found["worlds"].items()}
    assert counts == {
        "over_capacity": 5,
        "falls_behind": 1,
        "misses_slo": 3,
        "loses_requests": 1,
    }
    for each in found["worlds"].values():
        assert each["share_ci"] == list(share_interval(each["count"], WORLDS))
    said = answer(found)
    assert "an hour is over capacity in 5 of 20 worlds (9 … 49 %)" in said
    assert "the fleet falls behind in 1 of 20 worlds" in said
    assert "requests are lost in 1 of 20 worlds" in said
    assert "the SLO is met in 17 of 20 worlds" in said
    assert "an hour over capacity 5 25 % 9 … 49 %" in told(found)


def test_every_fate_of_a_lost_request_counts():
    for fate in ("rejected", "timed_out", "failed", "gave_up"):
        found = summary(TWO, lambda world, fate=fate: {f"workloads.chat.{fate}": float(world == 3)})
        assert found["worlds"]["loses_requests"]["count"] == 1


def test_the_worst_world_is_named_with_its_draws_and_how_to_have_it_again():
    def of_world(world):
        late = {"workloads.chat.peak_hour_ttft_p95_s": 900.0, "offered_load_peak": 1.22}
        return {"workloads.chat.slo_attainment": 0.7, **late} if world == 13 else {}

    found = summary(TWO, of_world, diagnose=lambda world: Cause("KV memory", "large", {"kv": 0.99}))
    worst = found["worst_world"]
    assert worst["world"] == 13 and worst["workload"] == "chat"
    assert worst["draws"][VOLUME.path] == {"value": 67.0, "level": pytest.approx(0.67)}
    text = told(found)
    assert "Worst is world 13: the p95 time to first token of chat is 15.0 min in the worst" in text
    assert "work offered is up to 122 % of capacity; the cause is KV memory (large)" in text
    assert "drawn workloads.chat.volume 67 (p67). --worlds 14 --seed 7 ends with it." in text
    assert "Where it goes wrong, in 1 of 20 worlds: KV memory (large): cache 99.0 % full." in text


def test_what_is_a_cause_of_little_is_not_told_as_one_of_trouble():
    """An SLO that most worlds meet is not told as missed, nor what it allows as wrong."""

    def causes(share_of_worlds, fate):
        def of_world(world):
            if world >= WORLDS * share_of_worlds:
                return {}
            lost = {"workloads.chat.failed": 3.0}
            return lost if fate == "lost" else {"workloads.chat.slo_attainment": 0.7}

        found = summary(TWO, of_world, diagnose=lambda world: Cause("provider", "api", {}))
        return told(found)

    assert "Cause: the provider's errors (" in causes(0.6, "missed")
    assert "Where it goes wrong, in 3 of 20 worlds: the provider's" in causes(0.15, "missed")
    for share in (0.15, 0.6):
        text = causes(share, "lost")
        assert "The SLO is met; what is lost within it: the provider's errors (" in text
        assert "Cause" not in text
    tiny = Cause("pace", "api", {"lateness": 0.4, "unanswered_share": 3e-6})
    found = summary(TWO, lambda _: {"workloads.chat.failed": 1.0}, diagnose=lambda world: tiny)
    assert "the pace of the API" not in told(found).partition("Worst is")[0]
    assert "what is lost within it" not in told(found)


def test_of_worlds_that_keep_the_slo_the_worst_comes_nearest_to_its_threshold():
    def of_world(world):
        return {"workloads.batch.peak_hour_ttft_p95_s": 50.0 if world == 4 else 6.0}

    assert summary(TWO, of_world)["worst_world"]["world"] == 4


def test_no_slo_is_met_where_none_is_stated():
    found = summary(design(chat=Slo()), lambda world: {"slo_attainment": 1.0})
    assert found["slo_met_share"] is None and found["worlds"]["misses_slo"] is None
    text = told(found)
    assert "no SLO is stated" in text
    assert "within the SLO" not in text and "SLO is met" not in text
    assert "requests answered" in text


def test_without_an_slo_the_share_that_was_answered_is_told_once():
    answered = {"slo_attainment": 1.0, "requests_answered_share": 0.99}
    found = summary(design(chat=Slo()), lambda world: answered)
    assert told(found).count("requests answered ") == 1


def test_nothing_is_said_of_capacity_where_no_machines_are_ours():
    plan = Design("Shop", DAY, TWO.workloads, ())
    found = summary(plan)
    assert found["worlds"]["over_capacity"] is None and found["worlds"]["falls_behind"] is None
    assert "capacity" not in answer(found) and "falls behind" not in answer(found)


def test_no_world_is_said_to_overload_beside_hours_over_capacity():
    found = summary(TWO, lambda world: {"hours_over_capacity": 3.0, "offered_load_peak": 1.2})
    assert "no world overloads" not in told(found)
    assert "yet an hour is over capacity in all 20 worlds (at least 83 %)" in answer(found)


def test_what_goes_wrong_though_the_slo_is_met_is_set_against_it():
    few = {"workloads.chat.rejected": 3.0, "workloads.chat.unanswered_share": 0.01}
    said = answer(summary(TWO, lambda world: few))
    assert (
        "the SLO is met in all 20 worlds (at least 83 %); yet requests are lost in all 20 worlds"
        " (at least 83 %), no more of them than the SLO allows;"
    ) in said
    missed = few | {"workloads.chat.slo_attainment": 0.3}
    said = answer(summary(TWO, lambda world: missed))
    assert "; requests are lost in all 20 worlds (at least 83 %);" in said
    free = summary(design(chat=Slo(ttft_s=2.0), batch=Slo()), lambda world: few)
    assert "yet requests are lost in all 20 worlds (at least 83 %);" in answer(free)
    assert "yet" not in answer(summary(TWO, lambda world: few if world < 3 else {}))


def test_undefined_figures_do_not_hide_the_worst():
    def of_world(world):
        return {
            "workloads.chat.slo_attainment": np.nan,  # no requests
            "workloads.batch.slo_attainment": 0.2 if world == 6 else np.nan,
            "workloads.chat.peak_hour_ttft_p95_s": np.nan,
        }

    found = summary(TWO, of_world)
    assert (found["worst_world"]["world"], found["worst_world"]["workload"]) == (6, "batch")


FATES = {"rejected": 70.0, "timed_out": 4.0, "requests": 100.0, "unanswered_share": 0.74}


def fates(**changes):
    return {f"workloads.batch.{name}": value for name, value in (FATES | changes).items()}


def test_what_turned_requests_away_is_named_with_them():
    quota = Cause("quota", "api", {"rejected": 0.7, "unanswered_share": 0.74})
    found = summary(TWO, lambda world: fates(), diagnose=lambda world: quota)
    assert (
        "the requests of batch are not answered, mostly turned away by the API's quota (api)"
    ) in answer(found)


def spending(**budgets):
    """A design whose APIs have these budgets, beside its pool."""
    pace = Pace(Constant(1.0), Constant(50.0))
    apis = (ManagedApi(name, pace, budgets=(own,)) for name, own in budgets.items())
    return replace(TWO, managed=tuple(apis))


DAILY = Budget(5.0, (86_400.0,), per="day")


def test_what_went_elsewhere_as_a_budget_was_spent_is_said():
    plan = spending(api=DAILY)
    at_api = {
        "backends.api.attempts": 70.0,
        "backends.api.over_budget": 7.0,
        "backends.api.diverted": 0.0,
    }
    found = summary(plan, lambda world: at_api | {"backends.api.diverted": 30.0})
    assert (
        "Budget: in the median world the budget of api is spent for a part of the time; of the"
        " attempts that were meant for it 30 % went elsewhere and 7 % were turned away for that."
    ) in told(found)
    alone = summary(plan, lambda world: at_api)
    assert "of the attempts that were meant for it 10 % were turned away for that." in told(alone)
    assert "Budget" not in told(summary(TWO))
    never = summary(plan, lambda world: at_api | {"backends.api.over_budget": 70.0})
    assert "the budget of api is spent all the time" in told(never)


def test_a_shared_budget_is_one_line_with_its_name():
    team = replace(DAILY, shared="team")
    figures = {
        f"backends.{name}.{what}": value
        for name, away in (("small", 10.0), ("big", 20.0))
        for what, value in (("attempts", 50.0), ("over_budget", away), ("diverted", 0.0))
    }
    text = told(summary(spending(small=team, big=team), lambda world: figures))
    assert text.count("Budget:") == 1
    assert (
        "the budget team of small, big is spent for a part of the time; of the attempts that were"
        " meant for them 30 % were turned away for that."
    ) in text


def test_what_passes_over_several_is_said_to_be_counted_at_each():
    team = replace(DAILY, shared="team")
    figures = {
        f"backends.{name}.{what}": value
        for name in ("small", "big")
        for what, value in (("attempts", 50.0), ("over_budget", 0.0), ("diverted", 50.0))
    }
    text = told(summary(spending(small=team, big=team), lambda world: figures))
    assert "meant for them, counted at each, 50 % went elsewhere for that." in text


def test_what_became_of_requests_without_an_answer_is_said_whatever_it_was():
    late = summary(TWO, lambda world: fates(rejected=4.0, timed_out=70.0))
    assert "of batch are not answered, mostly timed out;" in answer(late)
    unknown = summary(TWO, lambda world: fates())
    assert "of batch are not answered, mostly turned away;" in answer(unknown)


def test_a_horizon_that_ends_before_the_first_answer_is_said_to_and_no_cause_is_named(tmp_path):
    """Answers take 1.5 s; one second of twenty requests says nothing of the API's pace."""
    text = """\
name: Short
horizon: {duration: 1s, warm_up: 0}
workloads:
  chat:
    arrivals: {requests_per_second: 20}
    prompt_tokens: 500
    output_tokens: 100
    slo: {ttft_p95: 2s}
backends:
  api: {kind: managed_api, ttft: 0.5s, tokens_per_second: 100, price: {input: 1, output: 4}}
worlds: 2
"""
    scenario = load_scenario(written(tmp_path, text))
    told = " ".join(paragraphs(run(scenario, jobs=1).summary))
    assert "The horizon ends before the first answer" in told
    assert "Cause:" not in told


def test_intervals_of_which_few_worlds_tell_nothing_have_no_column():
    def table_of(worlds):
        sample = Sample([])
        for world in range(worlds):
            figures = {"cost_usd": 100.0 + world, "hours_over_capacity": 0.0}
            for name in ("chat", "batch"):
                figures |= {f"workloads.{name}.{key}": value for key, value in GOOD.items()}
            sample.add_row(world, "stable", figures, {})
        return render(summarise(sample, TWO, 7, interrupted=False))

    few, more = " ".join(table_of(2).split()), " ".join(table_of(12).split())
    assert "p5 p50 p95 95 % interval" in few and "? … ?" not in few
    assert "Too few worlds for intervals of the p50, which need 6." in few
    assert "p5 p50 95 % interval p95" in more and "intervals of the p50" not in more


@pytest.mark.parametrize(("columns", "intervals"), [("64", 0), ("80", 1), ("140", 2)])
def test_a_narrow_terminal_has_the_figures_on_whole_lines(monkeypatch, columns, intervals):
    sample = Sample([])
    for world in range(200):
        figures = {
            "cost_usd": 1e4 + 37.1 * world,
            "cost_usd_per_request_asked": 0.0123 + world / 1e5,
        }
        figures |= {"hours_over_capacity": 0.0, "time_to_recover_s": 100.0 + world}
        for name in ("chat", "batch"):
            figures |= {f"workloads.{name}.{key}": value for key, value in GOOD.items()}
        sample.add_row(world, "stable", figures, {})
    found = summarise(sample, TWO, 7, interrupted=False)
    whole = render(found)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    text = click.unstyle(render(found))
    assert max(map(len, text.splitlines())) <= int(columns)
    header = next(line for line in text.splitlines() if line.split()[:2] == ["p5", "p50"])
    assert header.count("95 % interval") == intervals
    assert ("Wider terminals" in text) == (intervals < 2)
    assert max(map(len, whole.splitlines())) > 80 and "Wider" not in whole


def test_an_slo_that_is_met_beside_a_worse_worst_hour_says_over_what_it_is_judged():
    late = {"workloads.chat.peak_hour_ttft_p95_s": 178.0}
    one = design(chat=Slo(ttft_s=2.0, attainment=0.95))

    def missed_by(count):
        missing = {**late, "workloads.chat.slo_attainment": 0.9}
        return answer(summary(one, lambda world: missing if world < count else late))

    assert (
        "is 178 s in the worst hour (SLO 2 s); the SLO is met in 17 of 20 worlds (62 … 96.8 %), as"
        " 95 % of the requests of the whole run are within it, though not in the worst hour;"
    ) in missed_by(3)
    # Where it is mostly missed, or the worst hour is within it, there is nothing to explain.
    assert "of the whole run" not in missed_by(15)
    assert "of the whole run" not in answer(summary(one))


def test_a_pool_that_served_nothing_is_named_with_its_part_of_the_cost():
    spare = {"backends.large.attempts": 0.0, "backends.large.cost_usd_per_month": 17_474.0}
    month = {"cost_usd_per_month": 26_000.0}
    one = design(chat=Slo(ttft_s=2.0))
    said = answer(summary(one, lambda world: {**month, **spare}))
    assert (
        "the median cost is 26,000 USD a month, of these 17,474 USD for large, which served nothing"
    ) in said
    for own in ({"backends.large.attempts": 5.0}, {"backends.large.cost_usd_per_month": 0.0}):
        used = summary(one, lambda world, own=own: {**month, **spare, **own})
        assert "served nothing" not in answer(used)


def test_the_worst_world_has_no_draws_of_a_backend_that_served_nothing():
    found = summary(TWO)
    draw = {"value": 1.5, "level": 0.99}
    found["worst_world"]["draws"] = {
        "backends.idle.service.error_4": draw,
        VOLUME.path: {"value": 67.0, "level": 0.67},
    }
    assert "idle.service.error_4 1.5 (p99)" in told(found)
    nothing = {"mean": 0.0, "p50": 0.0}
    found["backends"]["idle"] = {"attempts": nothing, "cost_usd_per_month": nothing}
    said = " ".join(" ".join(paragraphs(found)).split())
    assert "error_4" not in said
    assert VOLUME.path in said
