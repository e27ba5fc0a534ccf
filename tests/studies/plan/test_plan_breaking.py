"""Plans: when today's fleet breaks, and by what."""

from pathlib import Path

import pytest
from stress_cases import API, POOL, case

from sim.montecarlo.cause import MEANINGS
from sim.report.plan_text import tell
from sim.studies.bench import bench
from sim.studies.plan import Outlook, Plan, Refresh, factor, plan
from sim.studies.plan.breaking import records
from sim.studies.plan.days import WEEKDAY, day
from sim.studies.stress.growth import Growth, grow
from sim.studies.stress.verdict import Judge

# 100 users who ask 50 times a day, all day long: 3.5 a minute.
A_MINUTE = 100 * 50 / 1440


def quota_plan(folder: Path, quota: int, growth: str, **settings: object) -> Plan:
    """An API with a quota, on ordinary days."""
    text = API.replace("requests_per_minute: 12", f"requests_per_minute: {quota}")
    outlook = Outlook(months=13, growth=factor(growth), peak_days=0.0, **settings)  # type: ignore[arg-type]
    with bench(1) as place:
        return plan(case(folder, text), place, outlook, worlds=4, probability=0.5, simulated=3)


def broken_month(answer: Plan) -> int:
    """The first month in which today's fleet does not hold; past the end if it always does."""
    broken = answer.kept.broken
    return answer.outlook.months if broken is None else broken.month


def test_quota_breaks_in_the_month_that_arithmetic_says(tmp_path: Path) -> None:
    """An SLO of 95 % is missed once the rate exceeds the quota by a share of 1/0.95."""
    answer = quota_plan(tmp_path, 12, "12")
    rates = [A_MINUTE * 12.0 ** (month / 12.0) for month in range(13)]
    expected = next(month for month, rate in enumerate(rates) if 1.0 - 12 / rate > 0.05)
    broken = answer.kept.broken
    assert broken is not None and broken.cause is not None
    assert broken.month == expected
    assert broken.exact
    assert broken.cause.name == "quota"
    assert "the API's quota" in answer.sentence


def test_more_growth_never_breaks_later_nor_a_larger_quota_sooner(tmp_path: Path) -> None:
    by_growth = [broken_month(quota_plan(tmp_path, 12, text)) for text in ("2", "8", "40")]
    assert by_growth == sorted(by_growth, reverse=True)
    assert by_growth[0] == 13
    by_quota = [broken_month(quota_plan(tmp_path, quota, "8")) for quota in (5, 12)]
    assert by_quota == sorted(by_quota)


def test_curve_breaks_in_its_first_month_above_what_holds(tmp_path: Path) -> None:
    answer = quota_plan(tmp_path, 12, "1", curve=(1.0, 2.0, 1.5, 2.5, 9.0, 1.0, 12.0))
    assert broken_month(answer) == 4
    assert set(answer.kept.held) <= {0, 1, 3, 4, 6}  # none that brings less than one before it


def test_months_that_bring_no_more_than_before_are_no_records() -> None:
    world = {"plan.growth": 0.5, "plan.creep": 1.5}
    # Volume halves, and prompts grow: each month is a record of its own kind.
    assert records(Outlook(months=4), [world], 0.75) == [0, 1, 2, 3]
    still = {"plan.growth": 0.5, "plan.creep": 1.0}
    assert records(Outlook(months=4), [still], 0.75) == [0]


STEADY = (
    "workloads.chat.arrivals={requests_per_day: 10k}",
    "backends.large.engine.max_num_seqs=2",
)
SIXTEENFOLD = Outlook(
    months=9, growth=factor("16"), peak_days=0.0, refreshes=(Refresh(1, 50.0, 2.0),)
)


@pytest.fixture(scope="module")
def pool_plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """One replica with places for two at a time; hardware fifty times as fast from month 2 on."""
    steady = case(tmp_path_factory.mktemp("steady"), POOL, *STEADY)
    with bench(1) as place:
        return plan(steady, place, SIXTEENFOLD, worlds=4, probability=0.5, simulated=3)


def test_pool_breaks_in_the_first_month_whose_volume_it_does_not_hold(
    pool_plan: Plan, tmp_path: Path
) -> None:
    """Every month is tried, as the stress study grows a scenario, on a Tuesday."""
    tuesday = ("horizon.start=2026-11-24", "horizon.duration=24h", "horizon.bin=15min")
    today = case(tmp_path, POOL, *STEADY, *tuesday).load()
    with bench(1) as place:
        holds = [
            Judge(0.5).held(place.run(grow(today, Growth(16.0 ** (month / 12.0))), 4)).sum() >= 2
            for month in range(9)
        ]
    assert holds == sorted(holds, reverse=True)
    assert broken_month(pool_plan) == holds.index(False)


def test_todays_fleet_stays_on_todays_hardware(pool_plan: Plan) -> None:
    """It breaks although one replica of the new hardware does for all months."""
    assert pool_plan.most_gpus.max() == 4
    assert not pool_plan.breaks
    assert 0 < broken_month(pool_plan) < 9
    assert "today's one replica no longer holds" in pool_plan.sentence


def test_cause_is_told_with_its_evidence(pool_plan: Plan) -> None:
    shown = " ".join(tell(pool_plan).text().split())
    broken = pool_plan.kept.broken
    assert broken is not None and broken.cause is not None
    assert f"month {broken.month + 1}, {broken.what}: {MEANINGS[broken.cause.name]}" in shown
    document = pool_plan.as_json()
    assert document["breaks"][0]["cause"] == broken.cause.name
    assert document["breaks"][0]["month"] == broken.month + 1


def test_new_hardware_is_at_work_from_its_month_on(tmp_path: Path) -> None:
    outlook = Outlook(months=24, refreshes=(Refresh(8, 2.0, 1.5), Refresh(17, 3.0, 2.0)))
    values = {"plan.growth": 1.0, "plan.creep": 1.0, "plan.price": 1.0}

    def second_of_prefill(month: int, future: Outlook) -> float:
        design = day(case(tmp_path), future, month, WEEKDAY).design(values)
        return design.pools[0].profile.prefill_s_per_token

    today = second_of_prefill(7, outlook)
    assert second_of_prefill(8, outlook) == pytest.approx(today / 2.0)
    assert second_of_prefill(23, outlook) == pytest.approx(today / 3.0)
    assert second_of_prefill(23, outlook.unrefreshed()) == today


def test_prompts_that_outgrow_the_context_break_every_fleet(tmp_path: Path) -> None:
    long = case(
        tmp_path,
        POOL,
        "workloads.chat.arrivals={requests_per_day: 500}",
        "backends.large.engine={max_num_seqs: 4, max_model_len: 8192}",
    )
    outlook = Outlook(months=13, creep=factor("8"), peak_days=0.0)
    with bench(1) as place:
        answer = plan(long, place, outlook, worlds=2, probability=0.5, simulated=9)
    assert answer.kept.broken is not None and answer.kept.broken.cause is not None
    assert answer.kept.broken.cause.name == "context length"
    (unserved,) = [each for each in answer.breaks if each.what == "no fleet keeps the SLO"]
    assert unserved.cause is not None
    assert unserved.cause.name == "context length"
    assert unserved.month == answer.kept.broken.month
    assert "the longest prompt that the model takes" in answer.sentence
