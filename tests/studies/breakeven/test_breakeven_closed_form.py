"""Break-even without chance: closed forms to the cent, and the published case."""

from pathlib import Path

import numpy as np
import pytest

from sim.errors import PeakfleetError
from sim.montecarlo.estimates import quantile
from sim.report.breakeven_text import tell
from sim.studies.bench import Bench
from sim.studies.breakeven import BreakEven, breakeven, switching_cost
from sim.studies.case import Case

PROFILE = """\
model: any
gpu: any
precision: any
engine: any
gpus_per_replica: 1
batch: [1, {seqs}]
step_base_ms: [{step_ms}, {step_ms}]
step_ns_per_kv_token: [0, 0]
prefill_us_per_token: 0
kv_capacity_tokens: 10000000
max_num_seqs: {seqs}
max_num_batched_tokens: 1000000
max_model_len: 100000
"""
STEP_MS = 2.0

CLOSED_FORM = """\
name: no chance
horizon: {{days: 2, warm_up: 0}}
workloads:
  chat:
    arrivals: {{requests_per_day: 1000, burstiness: 0}}
    prompt_tokens: 1000
    output_tokens: 200
    route: api
backends:
  api:
    kind: managed_api
    price: {{input: 2.5, output: 10}}
    ttft: 0.5s
    tokens_per_second: 100
  pool:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{usd_per_gpu_hour: 2.99}}
  half-price:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{purchase: reserved_1y, usd_per_gpu_hour: 1.495}}
  bought:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{owned: {{usd_per_gpu: 35064, years: 4, staff_usd_per_month: 730.5}}}}
worlds: 3
"""
API_USD = 1000 * 2.5e-6 + 200 * 10e-6  # of a request


def write(folder: Path, document: str, step_ms: float = STEP_MS, seqs: int = 256) -> Path:
    profile = folder / "engine.yaml"
    profile.write_text(PROFILE.format(step_ms=step_ms, seqs=seqs), encoding="utf-8")
    scenario = folder / "scenario.yaml"
    scenario.write_text(document.format(profile=profile), encoding="utf-8")
    return scenario


def study(path: Path, *overrides: str, volumes: tuple[float, ...], worlds: int = 3) -> BreakEven:
    return breakeven(Case(path, overrides), Bench(1), volumes, worlds=worlds)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> BreakEven:
    path = write(tmp_path_factory.mktemp("closed"), CLOSED_FORM)
    return study(path, volumes=(1e3, 1e4, 1e5))


def verdict_of(answer: BreakEven, side: str):
    return next(verdict for verdict in answer.verdicts if verdict.side == side)


@pytest.mark.parametrize(
    ("side", "usd_per_day"),
    [
        ("pool", 24 * 2.99),
        ("half-price", 24 * 1.495),
        ("bought", 24 * 1.0 + 24 * 1.0),  # 35,064 USD over 35,064 hours, and a dollar of staff
    ],
)
def test_without_chance_break_even_is_the_closed_form_to_the_cent(
    closed: BreakEven, side: str, usd_per_day: float
) -> None:
    volume = verdict_of(closed, side).breaking.volume
    at = usd_per_day / API_USD
    assert volume == pytest.approx([at] * 3, rel=1e-9)
    costs = closed.costs_frame(np.array([at])).set_index("side")["p50_usd_per_month"]
    month = 365.25 / 12
    assert costs[side] == pytest.approx(usd_per_day * month, abs=0.005)
    assert costs["api"] == pytest.approx(usd_per_day * month, abs=0.005)


def test_without_chance_every_world_says_the_same_and_the_answer_is_sure(
    closed: BreakEven,
) -> None:
    breaking = verdict_of(closed, "half-price").breaking
    assert breaking.none == 0
    assert breaking.exists is True
    assert closed.sentence.endswith(
        ". By volume: half-price costs less than api from about 7.97k requests a day on."
    )


MONTH_DAYS = 365.25 / 12


def test_a_loss_at_the_scenarios_own_volume_is_said_first(closed: BreakEven) -> None:
    lost = (24 * 1.495 - 1000 * API_USD) * MONTH_DAYS
    assert closed.sentence.startswith(
        "no chance: at the scenario's own volume, 1k requests a day, switching from api to"
        f" half-price (1 replica, 1 GPU) costs {lost:,.0f} USD a month more; it costs more in all 3"
        " worlds (at least 29 %); nothing is paid at once, as no cost of switching"
        " is stated. By volume: "
    )


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> BreakEven:
    """Asked for a range that does not hold the scenario's own volume, which nobody knows."""
    path = write(tmp_path_factory.mktemp("switched"), CLOSED_FORM)
    volume = "workloads.chat.arrivals.requests_per_day={uniform: {low: 10k, high: 50k}}"
    upfront = "backends.half-price.price.upfront_share=1"
    return study(path, volume, upfront, volumes=(1e3, 3e3), worlds=40)


def test_switching_saves_the_closed_form_in_every_world(switched: BreakEven) -> None:
    volume = switched.own.volume
    assert 10e3 <= volume.min() < 12e3
    assert 48e3 < volume.max() <= 50e3
    for switch, usd_per_day in zip(switched.switches, (24 * 2.99, 24 * 1.495, 48.0), strict=True):
        api_usd = volume * API_USD
        # Costs of a simulated world, interpolated: to the sampling of two days.
        assert switch.reference_usd == pytest.approx(api_usd * MONTH_DAYS, rel=1e-6)
        assert switch.usd == pytest.approx(np.full(40, usd_per_day * MONTH_DAYS), rel=1e-9)
        more = int((api_usd < usd_per_day).sum())
        assert (switch.costs_more.count, switch.costs_more.worlds) == (more, 40)
        assert switch.replicas == 1


def test_the_cost_of_each_side_at_the_scenarios_own_volume_is_printed(switched: BreakEven) -> None:
    table = {row["side"]: row for row in switched.as_json()["own_volume"]}
    assert list(table) == ["api", "pool", "half-price", "bought"]
    for p in (5, 50, 95):
        volume = quantile(np.sort(switched.own.volume), p / 100)
        api_usd = table["api"][f"p{p}_usd_per_month"]
        assert api_usd == pytest.approx(volume * API_USD * MONTH_DAYS, rel=1e-6)
        assert table["pool"][f"p{p}_usd_per_month"] == pytest.approx(24 * 2.99 * MONTH_DAYS)
    low, middle, high = (f"{table['api'][f'p{p}_usd_per_month']:,.0f}" for p in (5, 50, 95))
    _, _, after = tell(switched).text().partition("Cost at the scenario's own volume, ")
    api, pool = (
        next(line.split() for line in after.splitlines() if line.startswith(f"  {side} "))
        for side in ("api", "pool")
    )
    assert api == ["api", low, middle, high]
    assert pool == ["pool", *["2,184"] * 3]


def test_that_payback_counts_a_write_off_as_paid_at_once_is_said(switched: BreakEven) -> None:
    text = " ".join(tell(switched).text().split())
    assert "no month after bears its write-off again" in text
    assert "the write-off of what is bought, which payback counts as paid at once" in text


def test_what_is_paid_at_once_is_paid_back_by_the_closed_form(switched: BreakEven) -> None:
    _, half, bought = switched.switches
    a_year = switched.own.volume * API_USD * 365.25
    reserved = 8766 * 1.495  # a year upfront, and nothing after
    assert half.paid_usd == pytest.approx(np.full(40, reserved))
    assert half.payback_years == pytest.approx(reserved / a_year, rel=1e-6)
    saved = a_year - 24 * 365.25  # staff is paid on
    assert bought.paid_usd == pytest.approx(np.full(40, 35064.0))
    assert bought.payback_years == pytest.approx(35064 / saved, rel=1e-6)
    assert bought.pays_back.count == int((35064 / saved <= 4).sum())
    assert half.written_off_usd == pytest.approx(reserved / 12, rel=1e-6)  # of a year
    assert bought.written_off_usd == pytest.approx(35064 / 48, rel=1e-6)  # of four


def test_saving_risk_and_payback_are_the_first_sentence(switched: BreakEven) -> None:
    half = switched.switches[1]
    first = switched.sentence.partition(". By volume: ")[0]
    assert (
        f"switching from api to half-price (1 replica, 1 GPU) saves {half.saved(0.5):,.0f}" in first
    )
    ends = f"({half.saved(0.05):,.0f} to {half.saved(0.95):,.0f} in 90 % of worlds)"
    assert (
        f"USD a month {ends}; it costs more in {half.costs_more.words()}; the 13,105 USD" in first
    )
    months = half.payback_months(0.5)
    assert f"that are paid at once are saved in {months:.1f} months (" in first
    assert f", within 12 months in {half.pays_back.words()}" in first
    assert "(a month's cost has 1,092 USD of them, which are not paid again)" in first
    row = switched.as_json()["switching"][1]
    assert row["saved_usd_per_month_p50"] == pytest.approx(half.saved(0.5))


def test_a_side_that_cannot_serve_the_volume_is_none_to_switch_to(tmp_path: Path) -> None:
    slow = ("workloads.chat.slo={e2e_p95: 100ms}",)
    answer = study(write(tmp_path, CLOSED_FORM), *slow, volumes=(1e3, 3e3), worlds=2)
    assert not any(each.able for each in answer.switches)
    assert "no side but api keeps the SLO" in answer.sentence


def test_payback_is_price_over_saving(closed: BreakEven) -> None:
    at = closed.payback.set_index("volume").loc[1e5]
    replicas = closed.costs_frame(np.array([1e5])).set_index("side").loc["bought", "replicas"]
    saved_usd_per_year = 365.25 * (1e5 * API_USD - 24.0)
    assert at["p50_years"] == pytest.approx(replicas * 35064 / saved_usd_per_year, rel=1e-6)
    assert at["within_life"] == 1.0


def test_utilisation_at_the_break_even_is_volume_over_throughput(closed: BreakEven) -> None:
    # 256 sequences a step of 2 ms: 640 requests of 200 tokens in a second.
    at = 24 * 2.99 / API_USD
    used = verdict_of(closed, "pool").utilisation
    assert used == pytest.approx([at / (640 * 86_400)] * 3, rel=1e-3)


def test_range_without_break_even_is_an_honest_no(tmp_path: Path) -> None:
    answer = study(write(tmp_path, CLOSED_FORM), volumes=(100.0, 1000.0))
    assert all(verdict.breaking.none == 3 for verdict in answer.verdicts)
    assert "no break-even with api from 100 to 1k requests a day in any of 3 worlds" in (
        answer.sentence
    )


# The published case: Llama-3.3-70B on an H100 that serves 3,821 tokens a second, prompts as long as
# answers, against 0.13 and 0.39 USD per million tokens.

TOKENS_PER_S = 3821.0
PUBLISHED = """\
name: Llama-3.3-70B
horizon: {{days: 1, warm_up: 0}}
workloads:
  chat:
    arrivals: {{requests_per_day: 1k, burstiness: 0}}
    prompt_tokens: 2000
    output_tokens: 2000
    route: api
backends:
  api:
    kind: managed_api
    price: {{input: 0.13, output: 0.39}}
    ttft: 0.5s
    tokens_per_second: 95
  specialty:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{usd_per_gpu_hour: 2.29}}
  hyperscaler:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{usd_per_gpu_hour: 6.88}}
worlds: 2
"""
FULL = TOKENS_PER_S * 86_400 / 2000  # requests a day


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return write(folder, PUBLISHED, step_ms=256 / TOKENS_PER_S * 1e3)


def utilisation(answer: BreakEven, side: str) -> float:
    return float(np.median(verdict_of(answer, side).utilisation))


@pytest.fixture(scope="module")
def steady(published: Path) -> BreakEven:
    # A single replica, up to what it can just carry.
    return study(published, volumes=(1e3, 0.99 * FULL), worlds=2)


def test_published_case_breaks_even_at_32_and_96_percent(steady: BreakEven) -> None:
    assert utilisation(steady, "specialty") == pytest.approx(0.32, abs=0.005)
    assert utilisation(steady, "hyperscaler") == pytest.approx(0.96, abs=0.005)


def test_daily_peaks_and_slo_push_the_published_case(published: Path, steady: BreakEven) -> None:
    # The engine answers 2,000 tokens in 134 s, so the SLO of 140 s leaves no room for queues.
    peaks = study(
        published,
        "workloads.chat.arrivals.shape=azure-code-2024",
        "workloads.chat.arrivals.burstiness=1",
        "workloads.chat.slo={ttft_p95: 1s, e2e_p95: 140s}",
        "horizon.start=2026-11-24",
        volumes=(1e4, 1.2 * FULL),
        worlds=2,
    )
    # At 6.88 USD an hour 96 % would have to be used; with the peaks of a working day no fleet is.
    assert verdict_of(peaks, "hyperscaler").breaking.none == 2
    load = max(t.load for t in peaks.runs["specialty"].trials)
    assert load < 0.7
    # At 2.29 USD the second replica comes before the first is full, and more volume is needed.
    assert np.all(
        verdict_of(peaks, "specialty").breaking.volume
        >= verdict_of(steady, "specialty").breaking.volume * (1 - 1e-9)
    )


@pytest.mark.parametrize(
    "horizon",
    [
        "{start: 2026-11-23, days: 1, warm_up: 0}",
        "{start: 2026-11-28, days: 1, warm_up: 0}",
        "{start: 2026-11-25, days: 7, warm_up: 0}",
    ],
)
def test_break_even_is_the_same_whichever_day_is_simulated(tmp_path: Path, horizon: str) -> None:
    """A volume is that of the mean day, and so is what it costs."""
    path = write(tmp_path, CLOSED_FORM)
    text = path.read_text("utf-8").replace("{days: 2, warm_up: 0}", horizon)
    shaped = text.replace("burstiness: 0", "burstiness: 0, shape: azure-code-2024")
    path.write_text(shaped, encoding="utf-8")
    answer = study(path, volumes=(1e3, 1e5), worlds=2)
    at = 24 * 2.99 / API_USD
    assert verdict_of(answer, "pool").breaking.volume == pytest.approx([at] * 2, rel=1e-6)
    assert ("weighted to a mean week" in answer.month) == ("days: 7" not in horizon)


# -- what switching costs once


def test_what_switching_costs_once_is_paid_back_by_the_closed_form(tmp_path: Path) -> None:
    # 50,000 requests a day cost 225 USD at the API, a GPU at 2.99 USD 71.76 a day.
    path = write(tmp_path, CLOSED_FORM)
    own = ("workloads.chat.arrivals.requests_per_day=50k", "one_off={cost: 30k, life_months: 12}")
    answer = study(path, *own, volumes=(1e3, 1e5))
    pool, half, bought = answer.switches
    saved = (50e3 * API_USD - 24 * 2.99) * MONTH_DAYS
    assert pool.saved_usd == pytest.approx(np.full(3, saved), rel=1e-6)  # as without it
    assert pool.paid_usd == pytest.approx(np.full(3, 30e3))
    assert 12 * pool.payback_years == pytest.approx(np.full(3, 30e3 / saved), rel=1e-6)  # 6.4
    assert (pool.term_months, pool.too_late.count) == (12.0, 0)
    # Machines are paid beside it, from what is saved but for their staff.
    each = (50e3 * API_USD - 24.0) * MONTH_DAYS
    assert 12 * bought.payback_years == pytest.approx(np.full(3, 65_064 / each), rel=1e-6)
    # By volume a day bears its part: so many more requests have to be saved.
    once = 30e3 / (12 * MONTH_DAYS)
    at = (24 * 2.99 + once) / API_USD
    assert verdict_of(answer, "pool").breaking.volume == pytest.approx([at] * 3, rel=1e-9)
    costs = answer.costs_frame(np.array([at])).set_index("side")["p50_usd_per_month"]
    assert costs["pool"] == pytest.approx(costs["api"], abs=0.005)
    months = 30e3 / ((50e3 * API_USD - 24 * 1.495) * MONTH_DAYS)
    assert half.payback_months(0.5) == pytest.approx(months, rel=1e-6)
    assert (
        f"the 30,000 USD that are paid at once are saved in {months:.1f} months, within 12 months"
        " in all 3 worlds (at least 29 %)" in answer.sentence
    )
    text = tell(answer).text()
    assert "What switching costs once is spread over 12 months in break-evens" in text


def test_an_uncertain_cost_of_switching_is_drawn_in_each_world_and_may_never_be_saved(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, CLOSED_FORM)
    side, cost = switching_cost("pool=20k..60k")
    case = Case(path, ("workloads.chat.arrivals.requests_per_day=30k",))
    answer = breakeven(case, Bench(1), (1e3, 1e5), worlds=8, switching={side: cost}, term_months=18)
    pool, half, _ = answer.switches
    saved = (30e3 * API_USD - 24 * 2.99) * MONTH_DAYS  # 1,925 USD a month
    assert pool.payback_years * 12 == pytest.approx(pool.paid_usd / saved, rel=1e-6)
    # A Latin hypercube of 8: four lie above the median, 34,641 USD, which 18 months save.
    assert 18 * saved == pytest.approx(34_641, rel=1e-3)
    late = int((pool.paid_usd > 18 * saved).sum())
    assert late == 4
    assert (pool.paid_usd.min(), pool.paid_usd.max()) == pytest.approx((2e4, 6e4), rel=0.25)
    assert (pool.too_late.count, pool.pays_back.count) == (late, 8 - late)
    assert not half.paid_usd.any()
    row = answer.as_json()["switching"][0]
    assert row["payback_months_p50"] == pytest.approx(pool.payback_months(0.5))
    assert (row["term_months"], row["not_paid_back_share"]) == (18.0, late / 8)
    # The other side saves more, so that the sentence is about it.
    assert "half-price (1 replica, 1 GPU) saves" in answer.sentence
    assert "nothing is paid at once, as no cost of switching is stated" in answer.sentence


def test_savings_that_never_come_are_said_to_be_late_or_never(tmp_path: Path) -> None:
    own = ("one_off={cost: 30k, life_months: 12}",)
    answer = study(write(tmp_path, CLOSED_FORM), *own, volumes=(1e3, 1e5))
    assert (
        "the 30,000 USD that are paid at once are never saved in the median world, later than 12"
        " months or never in all 3 worlds (at least 29 %)" in answer.sentence
    )


@pytest.mark.parametrize("text", ["", "own=", "=40k", "60k..20k", "-5k", "a lot", "1..2..3"])
def test_a_cost_of_switching_that_cannot_be_read_is_refused_with_examples(text: str) -> None:
    with pytest.raises(PeakfleetError, match="an amount such as 40k, its p5 and p95"):
        switching_cost(text)


def test_a_cost_of_switching_to_nobody_names_the_sides(tmp_path: Path) -> None:
    path = write(tmp_path, CLOSED_FORM)
    side, cost = switching_cost("pol=20k")
    with pytest.raises(PeakfleetError, match=r"'pol' is no side .*\(one of pool, half-price, b"):
        breakeven(Case(path), Bench(1), (1e3, 1e5), worlds=2, switching={side: cost})
