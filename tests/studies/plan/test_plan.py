"""Plans: months made of days, commitments as a newsvendor, growth that differs between worlds."""

import json
from pathlib import Path

import numpy as np
import pytest
from chart_worlds import check
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from stress_cases import API, POOL, case

from sim.cli import cli
from sim.errors import PeakfleetError
from sim.report.charts.plan import charts
from sim.report.paragraph import WIDTH
from sim.report.plan_text import tell
from sim.studies.bench import bench
from sim.studies.plan import Outlook, Plan, Refresh, Retraining, Terms, factor, plan
from sim.studies.plan.commitment import best_commitment, cost
from sim.studies.plan.days import DAYS_PER_MONTH, day, days_per_month
from sim.studies.plan.purchase import terms_of

WEEKLY = "users: 100, requests_per_user_per_day: 50, shape: azure-chat-2024"
MONTH = API.replace("users: 100, requests_per_user_per_day: 50", WEEKLY).replace(
    "quota: {requests_per_minute: 12}", "quota: {requests_per_minute: 1000}"
)


@given(
    demand=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    prices=st.integers(1, 5),
    reserved=st.floats(0.05, 4.95),
)
def test_commitment_is_the_cheapest_of_all(demand: list[int], prices: int, reserved: float) -> None:
    in_use = np.array(demand, np.float64)
    flexible = 1.0 + np.arange(len(in_use)) % prices

    def expected(committed: float) -> float:
        return committed * reserved * len(in_use) + cost(in_use, flexible, committed).sum()

    best = best_commitment(in_use, flexible, reserved * len(in_use))
    assert expected(best) <= min(expected(float(q)) for q in range(42)) + 1e-9


def test_commitment_is_the_newsvendors_quantile() -> None:
    """Without changes of price: the (1 - reserved / on demand)-quantile of what is in use."""
    in_use = np.random.default_rng(0).permutation(np.arange(1.0, 1001.0))
    best = best_commitment(in_use, np.full(1000, 3.0), 1000 * 1.2)
    assert best == pytest.approx(np.quantile(in_use, 1.0 - 1.2 / 3.0), abs=1.0)


def test_days_make_up_a_mean_month() -> None:
    for outlook in (Outlook(), Outlook(peak_days=0.0), Outlook(peak_days=4.0)):
        assert sum(days_per_month(outlook).values()) == pytest.approx(DAYS_PER_MONTH)


@pytest.mark.parametrize("months", [1, 11, 12, 13, 40])
def test_reservations_cover_every_month_once(months: int) -> None:
    for changes in ((), (5,), (5, 9), (3, 4, 30)):
        there = tuple(Refresh(month, 1.0, 1.0) for month in changes if month < months)
        terms = terms_of(Outlook(months=months, refreshes=there))
        assert {each.month for each in there} <= {first for first, _ in terms}
        covered = [month for first, end in terms for month in range(first, end)]
        assert covered == list(range(months))
        assert all(end - first <= 12 for first, end in terms)


def test_representative_days_stand_for_a_month(tmp_path: Path) -> None:
    """Requests and cost of the days against four whole weeks, simulated.

    The error of the days is that of their traffic: 5,000 requests a day and 12 worlds leave a
    standard error below 0.3 % of either, so a false alarm at 2 % is one beyond four of them.
    """
    whole = case(tmp_path, MONTH, "horizon.duration=28d", "horizon.bin=1h")
    with bench(1) as place:
        full = place.run(whole.load(), 12).sample
        answer = plan(case(tmp_path, MONTH), place, Outlook(months=1, peak_days=0.0), simulated=1)
    scaled = DAYS_PER_MONTH / 28.0
    requests = full.values("requests") * scaled
    assert answer.requests[:, 0].mean() == pytest.approx(requests.mean(), rel=0.02)
    costs = full.values("cost_usd") * scaled
    assert answer.cost_usd[:, 0].mean() == pytest.approx(costs.mean(), rel=0.02)
    p95 = np.median(full.values("ttft_p95_s"))
    assert np.median(answer.weekday_p95_s[:, 0]) == pytest.approx(p95, rel=0.1)


def test_a_planned_month_agrees_with_a_run_and_counts_by_the_month(tmp_path: Path) -> None:
    """A commitment that the month's spend fulfils costs nothing, though its weekends do not.

    5,000 requests a day and 4 worlds: the error of either mean is below 0.5 %.
    """
    outlook = Outlook(months=1, peak_days=0.0)
    with bench(1) as place:

        def planned(contract: str = "") -> list[float]:
            price = f"backends.api.price={{input: 2.5, output: 10{contract}}}"
            asked = case(tmp_path, MONTH, price)
            return plan(asked, place, outlook, worlds=4, simulated=1).cost_usd[:, 0].tolist()

        plain = planned()
        monday = place.run(case(tmp_path, MONTH, "horizon.duration=24h").load(), 4).sample
        assert np.mean(plain) == pytest.approx(monday.values("cost_usd_per_month").mean(), rel=0.02)
        assert 1_400 < min(plain) <= max(plain) < 2_000
        assert planned(", minimum_per_month: 1400") == pytest.approx(plain)
        assert planned(", minimum_per_month: 2000") == pytest.approx([2_000.0] * 4)
        fee = ", subscription: {usd_per_month: 100, included_requests: 160k}"
        assert planned(fee) == pytest.approx([100.0] * 4)


def test_growth_differs_between_worlds_and_compounds(tmp_path: Path) -> None:
    outlook = Outlook(months=13, growth=factor("2..8"), creep=factor("1.5"))
    scenario = day(case(tmp_path), outlook, 12, "weekday")
    assert {each.path for each in scenario.inputs} >= {"plan.growth", "plan.creep", "plan.price"}
    values = {"plan.growth": 3.0, "plan.creep": 1.5, "plan.price": 1.0}
    source = scenario.design(values).workloads[0].source
    today = day(case(tmp_path), outlook, 0, "weekday").design(values).workloads[0].source
    assert source.curve.mean_rate() == pytest.approx(3.0 * today.curve.mean_rate())
    assert source.prompt.distribution.mean() == pytest.approx(
        1.5 * today.prompt.distribution.mean()
    )
    assert scenario.design(values).horizon.start.weekday() == 1
    assert day(case(tmp_path), outlook, 0, "weekend").design(values).horizon.start.weekday() == 5


@pytest.mark.parametrize("ending", ["", "end: cut", "end: drained", "end: drained, end_limit: 2d"])
def test_a_day_of_a_plan_is_cut_whatever_the_end_of_the_horizon(
    tmp_path: Path, ending: str
) -> None:
    text = MONTH.replace("warm_up: 0,", f"warm_up: 0, {ending}," if ending else "warm_up: 0,")
    horizon = day(case(tmp_path, text), Outlook(), 0, "weekday").model.horizon
    assert (horizon.days, horizon.duration, horizon.end_limit) == (1.0, None, None)


def test_factor_has_the_p5_and_p95_that_are_given() -> None:
    assert factor("2..6").ppf(np.array([0.05, 0.95])) == pytest.approx([2.0, 6.0])


@pytest.mark.parametrize("text", ["", "x", "0", "6..2", "1..2..3", "nan", "1e9"])
def test_wrong_factor_is_refused(text: str) -> None:
    with pytest.raises(PeakfleetError, match="must be a factor a year"):
        factor(text)


@pytest.fixture(scope="module")
def pool_plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    overrides = (
        "workloads.chat.arrivals={requests_per_day: 20k, shape: azure-chat-2024}",
        "backends.large.engine.max_num_seqs=2",
    )
    outlook = Outlook(
        months=18,
        growth=factor("2..6"),
        price=factor("0.8"),
        refreshes=(Refresh(12, 2.0, 1.5),),
        retraining=Retraining(6, 1000.0),
    )
    folder = tmp_path_factory.mktemp("pool")
    with bench(1) as place:
        return plan(
            case(folder, POOL, *overrides),
            place,
            outlook,
            Terms(reserved=0.6),
            worlds=6,
            probability=0.5,
            simulated=3,
        )


def test_fleet_grows_with_its_volume_and_shrinks_with_faster_hardware(pool_plan: Plan) -> None:
    most = np.median(pool_plan.most_gpus, axis=0)
    assert most[11] > most[0]
    assert most[12] < most[11]
    assert all(word == "holds" for word in pool_plan.words)
    assert pool_plan.kept.broken is not None
    assert pool_plan.kept.broken.what.startswith("today's one replica ")


def test_dollars_add_up_and_reservations_never_cost_more(pool_plan: Plan) -> None:
    total = pool_plan.reserved_usd + pool_plan.flexible_usd + pool_plan.api_usd
    np.testing.assert_allclose(pool_plan.cost_usd, total)
    with_none = pool_plan.uncommitted_usd.mean()
    assert (pool_plan.reserved_usd + pool_plan.flexible_usd).mean() <= with_none * (1 + 1e-12)
    # 4 GPUs a replica at 3 USD for 730.5 hours, in the first month.
    expected = pool_plan.gpus["large"][:, 0, :].mean(axis=1) * 3.0 * 730.5
    np.testing.assert_allclose(pool_plan.uncommitted_usd[:, 0], expected, rtol=1e-9)


def test_reservation_keeps_its_price_and_ends_with_the_hardware(pool_plan: Plan) -> None:
    first, second = pool_plan.commitments
    assert (first.first, first.end, second.first, second.end) == (0, 12, 12, 18)
    assert first.usd_per_gpu_hour == pytest.approx(0.6 * 3.0)
    assert second.usd_per_gpu_hour == pytest.approx(0.6 * 3.0 * 0.8 * 1.5)


def test_text_fits_and_charts_hold_all_months(pool_plan: Plan) -> None:
    shown = tell(pool_plan).text()
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert " ".join(shown.split()).startswith(pool_plan.sentence)
    document = json.loads(json.dumps(pool_plan.as_json(), allow_nan=False))
    assert len(document["months"]) == 18
    for chart in charts(pool_plan):
        check(chart, thoroughly=True)
        assert len(chart.frame) % 18 == 0


def test_api_follows_the_prices_and_its_margin_can_be_lost(tmp_path: Path) -> None:
    outlook = Outlook(months=13, growth=factor("1"), creep=factor("6"), price=factor("0.5"))
    value = "workloads.assistant.value_per_user_month=20 USD"
    with bench(1) as place:
        answer = plan(case(tmp_path, API, value), place, outlook, worlds=6, simulated=2)
    # Prompts from 1 to 6 units of 0.5 cents beside answers of half a cent, at half the price.
    ratio = answer.api_usd[:, 12].mean() / answer.api_usd[:, 0].mean()
    assert ratio == pytest.approx((6.0 + 1.0) / 2.0 * 0.5, rel=0.02)
    assert not answer.gpus and not answer.commitments
    assert any(each.what == "money is lost" for each in answer.breaks)


def test_command_prints_the_plan(tmp_path: Path) -> None:
    path = case(tmp_path, API).path
    arguments = ["plan", str(path), "--months", "2", "--worlds", "2", "--jobs", "1", "--quiet"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Pilot: ")
    assert (tmp_path / "out" / "months.csv").exists()
