"""Break-even studies of scenarios with chance, and the pieces that they are made of."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from chart_worlds import check
from click.testing import CliRunner
from places import SHIPPED
from test_breakeven_closed_form import write

from sim.cli.breakeven import breakeven as command
from sim.errors import PeakfleetError
from sim.montecarlo.shares import Share
from sim.report.breakeven_text import _costs, tell
from sim.report.charts.breakeven import breakeven_charts
from sim.studies.bench import Bench, bench
from sim.studies.breakeven import BreakEven, breakeven
from sim.studies.breakeven.costs import ByFleet, ByUse
from sim.studies.breakeven.crossing import Breaking, break_even
from sim.studies.breakeven.decision import _cannot_tell, _staff
from sim.studies.breakeven.idle import idle_usd_per_day
from sim.studies.breakeven.models import models_of
from sim.studies.breakeven.payback import payback_years
from sim.studies.breakeven.saving import short
from sim.studies.breakeven.sides import Fleet, contest
from sim.studies.breakeven.staff import without_staff
from sim.studies.case import Case
from sim.studies.sizing_for_volume import TOLERANCE, Capacity, Search

# An engine of 8 sequences and 0.4 s a step answers in 40 s, and 17,280 requests a day at most.
CHANCE = """\
name: chance
horizon: {{start: 2026-11-23, duration: 4h, warm_up: 10min}}
workloads:
  chat:
    arrivals: {{requests_per_day: 2000}}
    prompt_tokens: {{exponential: {{mean: 500}}}}
    output_tokens: 100
    client: {{timeout: 10min}}
    slo: {{e2e_p95: 60s}}
    route: api
backends:
  api:
    kind: managed_api
    price: {{input: 4, output: {{uniform: {{low: 16, high: 64}}}}}}
    ttft: 0.5s
    tokens_per_second: 100
  pool:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price: {{usd_per_gpu_hour: {{uniform: {{low: 1, high: 4}}}}}}
  mix:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: 1
    price:
      - {{purchase: reserved_1y, gpus: 1, usd_per_gpu_hour: 1}}
      - {{purchase: spot, usd_per_gpu_hour: 2}}
worlds: 8
"""
PLAYED = """{trace: {file: log.csv, format: columns,
      columns: {timestamp: at, prompt_tokens: in, output_tokens: out}}}"""
STEP_MS = 400.0
FULL = 17_280.0
VOLUMES = (1e3, 1e4, 4e4)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("chance"), CHANCE, STEP_MS, seqs=8)


@pytest.fixture(scope="module")
def answer(path: Path) -> BreakEven:
    return breakeven(Case(path), Bench(1), VOLUMES)


def verdict_of(answer: BreakEven, side: str):
    return next(verdict for verdict in answer.verdicts if verdict.side == side)


# -- the study


def test_each_world_breaks_even_where_its_own_prices_cross(path: Path, answer: BreakEven) -> None:
    contested = contest(Case(path))
    inputs = [each.path for each in contested.scenario.inputs]
    assert sorted(inputs) == ["backends.api.price.output", "backends.pool.price.usd_per_gpu_hour"]
    breaking = verdict_of(answer, "pool").breaking
    finite = np.isfinite(breaking.volume) & (breaking.volume > breaking.least)
    assert finite.any()
    for world in np.flatnonzero(finite):
        at = np.array([breaking.volume[world]])
        side, other = (
            answer.runs[name].curve.usd(at * (1 + 1e-6))[world, 0] for name in ("pool", "api")
        )
        assert side <= other


def test_a_break_even_is_for_good(answer: BreakEven) -> None:
    grid = np.geomspace(VOLUMES[0], VOLUMES[-1], 500)
    side, other = (answer.runs[name].curve.usd(grid) for name in ("pool", "api"))
    for world, volume in enumerate(verdict_of(answer, "pool").breaking.volume):
        beyond = grid > volume * (1 + 1e-6)
        assert np.all(side[world, beyond] <= other[world, beyond])


def test_ways_to_buy_share_one_simulation(path: Path, answer: BreakEven) -> None:
    assert contest(Case(path)).groups == (("api",), ("pool", "mix"))
    pool, mix = answer.runs["pool"].curve, answer.runs["mix"].curve
    assert isinstance(pool, ByFleet) and isinstance(mix, ByFleet)
    assert pool.capacity is mix.capacity
    # The first GPU is reserved at 1 USD, whatever the world; the others are rented at 2.
    needed = mix.capacity.needed(np.array(VOLUMES))
    expected = 24 * (1.0 + 2.0 * (needed - 1))
    assert mix.usd(np.array(VOLUMES)) == pytest.approx(np.tile(expected, (8, 1)), rel=1e-9)


def test_fleets_are_priced_as_the_simulation_bills_them(path: Path) -> None:
    # Replicas that were there all the time cost the same to the bill and to the curve.
    scenario = contest(Case(path)).at("mix", 3000.0, Fleet(3))
    draws = {each.path: 2.0 for each in scenario.inputs}
    assert idle_usd_per_day(scenario, draws, 3) == pytest.approx(24 * (1 + 2 + 2))


def test_a_candidate_is_a_side_as_if_it_were_none(path: Path) -> None:
    """Its uncertain inputs are drawn, although no route names it (a price, here)."""
    asked = [f"backends.{name}.candidate=true" for name in ("pool", "mix")]
    plain, found = (
        breakeven(Case(path, tuple(more)), Bench(1), VOLUMES, worlds=4) for more in ([], asked)
    )
    assert found.as_json() == plain.as_json()
    assert tell(found).text() == tell(plain).text()


def test_same_bits_whatever_the_number_of_jobs(path: Path, answer: BreakEven) -> None:
    with bench(2) as staff:
        again = breakeven(Case(path), staff, VOLUMES)
    assert json.dumps(again.as_json()) == json.dumps(answer.as_json())


def test_fleets_hold_the_slo_where_the_study_says_so(path: Path, answer: BreakEven) -> None:
    curve = answer.runs["pool"].curve
    assert isinstance(curve, ByFleet)
    capacity = curve.capacity
    # The fluid bound is never passed, and the SLO leaves more than a third of it.
    assert 1 / answer.runs["pool"].work == pytest.approx(np.full(8, FULL), rel=1e-3)
    assert np.all(capacity.volume <= FULL * capacity.replicas)
    assert np.all(capacity.volume > FULL * capacity.replicas / 3)
    assert all(trial.kept_share == 1.0 for trial in answer.runs["pool"].trials)


def test_a_stricter_slo_needs_more_volume(path: Path, answer: BreakEven) -> None:
    strict = breakeven(Case(path, ("workloads.chat.slo={e2e_p95: 45s}",)), Bench(1), VOLUMES)
    capacities = [run.runs["pool"].curve.capacity.volume[0] for run in (strict, answer)]
    assert capacities[0] < capacities[1]
    assert np.all(
        verdict_of(strict, "pool").breaking.volume
        >= verdict_of(answer, "pool").breaking.volume * (1 - 1e-9)
    )


def test_an_api_with_a_quota_is_out_where_it_rejects(path: Path) -> None:
    quota = ("backends.api.quota={requests_per_minute: 10}", "backends.mix=null")
    limited = breakeven(Case(path, quota), Bench(1), VOLUMES, worlds=4)
    curve = limited.runs["api"].curve
    assert isinstance(curve, ByUse)
    assert curve.able.tolist() == [True, True, False]  # 10 a minute are 14,400 a day
    assert np.all(np.isfinite(verdict_of(limited, "pool").breaking.volume))
    assert np.all(verdict_of(limited, "pool").breaking.volume <= 1e4)
    assert "api keeps the SLO in too few worlds at 40k" in tell(limited).text().replace("\n", " ")


def test_volume_counts_tasks_and_is_certain(path: Path) -> None:
    arrivals = "workloads.chat.arrivals"
    users = (
        "workloads.chat.follow_ups={calls_per_task: 3, think_time: 1s}",
        f"{arrivals}.requests_per_day=null",
        f"{arrivals}.users=200",
        f"{arrivals}.requests_per_user_per_day={{uniform: {{low: 5, high: 15}}}}",
    )
    contested = contest(Case(path, users), against="pool")
    assert contested.volume == pytest.approx(200 * 10)
    assert contested.requests_per_volume == pytest.approx(3 / 6)  # calls in four hours of a day
    served = contested.at("api", 500.0).design({"backends.api.price.output": 20.0})
    count = served.workloads[0].source.curve.cumulative(served.horizon.duration_s)
    assert count == pytest.approx(500 / 6)


def test_a_trace_is_grown_at_its_time_of_day(tmp_path: Path) -> None:
    rows = "".join(f"{30 * t},500,100\n" for t in range(480))
    (tmp_path / "log.csv").write_text("at,in,out\n" + rows, encoding="utf-8")
    path = write(tmp_path, CHANCE, STEP_MS, seqs=8)
    text = path.read_text("utf-8").replace("{requests_per_day: 2000}", PLAYED)
    text = text.replace(
        "    prompt_tokens: {exponential: {mean: 500}}\n    output_tokens: 100\n", ""
    )
    path.write_text(text, encoding="utf-8")
    contested = contest(Case(path))
    assert contested.volume == pytest.approx(480 * 6)  # four hours of a day
    assert contested.requests_per_volume == pytest.approx(1 / 6)
    values = {each.path: 20.0 for each in contested.scenario.inputs}
    source = contested.at("api", 14_400.0).design(values).workloads[0].source
    assert (source.rate_scale, source.speed) == (pytest.approx(5.0), 1.0)
    answer = breakeven(Case(path), Bench(1), (1e3, 1e4), worlds=2)
    assert answer.month == "a month like these 4 hours without a pause"
    usd = answer.costs_frame(np.array([1e3, 1e4])).set_index("side").loc["api"]
    each = usd["p50_usd_per_arrival"].to_numpy()
    assert each[1] == pytest.approx(each[0], rel=1e-3)


def test_devices_cost_the_same_for_each_request_at_any_volume(path: Path) -> None:
    edge = (
        "backends.mix=null",
        "backends.pool=null",
        "backends.phones={kind: edge, ttft: 1s, tokens_per_second: 30, capable_share: 75%,"
        " usd_per_device_month: 0.5, active_devices: 200}",
    )
    found = breakeven(Case(path, edge), Bench(1), VOLUMES, worlds=4)
    frame = found.costs_frame(np.array(VOLUMES)).set_index("side")
    month = 365.25 / 12
    # A quarter of the requests goes to the API; 200 devices bring 2,000 requests a day.
    quarter = frame.loc["api", "p50_usd_per_arrival"].to_numpy() / 4
    expected = quarter + 200 * 0.5 / month / 2000
    assert frame.loc["phones", "p50_usd_per_arrival"].to_numpy() == pytest.approx(
        expected, rel=0.05
    )


def test_an_autoscaled_fleet_costs_less_than_a_fixed_one_where_days_have_nights(
    path: Path,
) -> None:
    day = (
        "horizon.duration=24h",
        "workloads.chat.arrivals.shape=azure-code-2024",
        "workloads.chat.slo={e2e_p95: 120s}",
        "backends.mix=null",
        "backends.pool.price={usd_per_gpu_hour: 2}",
        "backends.scaled={kind: gpu_pool, service: engine.yaml, replicas: {min: 1, max: 2},"
        " autoscaler: {preset: keda, target_concurrency: 6}, cold_start: 3min,"
        " throughput_factor: 1, price: {usd_per_gpu_hour: 2}}",
    )
    found = breakeven(Case(path, day), Bench(1), (1e4, 1e5), worlds=2)
    usd = {side: found.runs[side].curve.usd(np.array([1e5]))[0, 0] for side in ("pool", "scaled")}
    assert found.runs["scaled"].able
    assert usd["scaled"] < 0.85 * usd["pool"]


def test_a_pool_that_cannot_keep_the_slo_is_said_to(path: Path) -> None:
    # A hundred tokens take 40 s in a batch of any size.
    hasty = breakeven(
        Case(path, ("workloads.chat.slo={e2e_p95: 30s}",)), Bench(1), VOLUMES, worlds=4
    )
    assert not verdict_of(hasty, "pool").able
    assert verdict_of(hasty, "pool").breaking.none == 4
    assert hasty.sentence.endswith("no side but api keeps the SLO.")
    assert "pool keeps the SLO at no volume" in tell(hasty).text()


# -- text, pictures, command


def test_text_begins_with_the_decision_and_fits(answer: BreakEven) -> None:
    text = tell(answer).text()
    assert text.replace("\n", " ").startswith(answer.sentence)
    assert max(map(len, text.splitlines())) <= 96


def test_models_that_differ_are_told_beside_their_costs(answer: BreakEven) -> None:
    assert answer.models == {"pool": "any", "mix": "any"}  # the API's has no name
    assert "Not the same model" not in tell(answer).text()
    other = " ".join(
        tell(replace(answer, models={"api": "gpt-4.1", **answer.models})).text().split()
    )
    assert (
        "Not the same model answers: gpt-4.1 on api; any on pool, mix. The costs are of equal"
        " volumes, not of equal answers; quality of a backend tells both."
    ) in other
    rated = {"api": "gpt-4.1 (quality 80)", "pool": "test (quality 70)"}
    assert "not of equal answers." in " ".join(tell(replace(answer, models=rated)).text().split())


def test_models_are_the_catalogues_however_they_are_written(path: Path) -> None:
    api = ["backends.api.model=openai/gpt4.1", "backends.api.quality=80"]
    found = models_of(Case(path).load(api))
    assert found["api"] == "gpt-4.1 (quality 80)"


def test_a_break_even_where_the_range_begins_is_said_to_be_one(path: Path) -> None:
    cheap = ["backends.pool.price.usd_per_gpu_hour=0.06", "backends.mix=null"]
    text = " ".join(
        tell(breakeven(Case(path, cheap), Bench(1), (2e3, 1e4), worlds=2)).text().split()
    )
    assert (
        "≤2k: the cheaper one from the least volume of the range on, and maybe below it (smaller"
        " --volumes tell)"
    ) in text


def test_pictures_have_units_and_their_data(answer: BreakEven) -> None:
    charts = breakeven_charts(answer)
    assert [chart.name for chart in charts] == ["break_even_costs", "break_even_share"]
    for chart in charts:
        check(chart, thoroughly=True)
        assert "a day" in json.dumps(chart.spec)
        assert len(chart.frame)
    costs = json.dumps(charts[0].spec)
    medians = {v.side: v.breaking.level(0.5) for v in answer.verdicts}  # as the table has them
    told = [f"{side}: {short(at)} a day" for side, at in medians.items() if math.isfinite(at)]
    assert told
    assert any(each in costs for each in told)


def test_command_prints_json_and_leaves_tables(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--volumes", "1k,4k", "--worlds", "2", "--jobs", "1", "--out", str(out), "--json"]
    result = CliRunner().invoke(command, [str(path), *options, "--set", "backends.mix=null"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["reference"] == "api"
    assert {row["side"] for row in printed["break_even"]} == {"pool"}
    written = {file.name for file in out.rglob("*.csv")}
    assert {"break_even.csv", "costs.csv", "flips.csv", "break_even_costs.csv"} <= written


@pytest.mark.parametrize(
    ("overrides", "volumes", "against", "words"),
    [
        (("backends.pool=null", "backends.mix=null"), VOLUMES, None, "the only one"),
        (("workloads.chat.route=pool", "backends.api=null"), VOLUMES, None, "none is a managed"),
        ((), VOLUMES, "poool", "no such backend"),
        ((), (1e4,), None, "two or more"),
        ((), (0.0, 1e4), None, "must be from 1"),
    ],
)
def test_wrong_questions_are_refused_with_a_remedy(
    path: Path, overrides: tuple[str, ...], volumes: tuple[float, ...], against: str, words: str
) -> None:
    with pytest.raises(PeakfleetError, match=words):
        breakeven(Case(path, overrides), Bench(1), volumes, against, worlds=2)


def test_a_pool_that_hands_its_prompts_on_cannot_serve_alone() -> None:
    case = Case(
        SHIPPED / "prefill_decode.yaml", ("backends.api={kind: managed_api, model: gpt-4.1}",)
    )
    with pytest.raises(PeakfleetError, match=r"prefill\.handoff: .* cannot without 'decode'"):
        breakeven(case, Bench(1), VOLUMES, worlds=2)


@pytest.mark.parametrize(
    ("shipped", "words"),
    [
        ("rag", r"workloads\.answer\.arrivals\.after: a break-even has each backend serve all"),
        ("regions", "regions: a break-even has each backend serve all alone"),
        ("variants", "variants: a break-even has each backend serve all alone"),
    ],
)
def test_backends_that_answer_together_are_no_sides(shipped: str, words: str) -> None:
    with pytest.raises(PeakfleetError, match=words):
        breakeven(Case(SHIPPED / f"{shipped}.yaml", ()), Bench(1), VOLUMES, worlds=2)


# -- the pieces


def test_search_finds_a_capacity_within_its_tolerance() -> None:
    asked: list[tuple[int, float, int]] = []

    def kept(replicas: int, volume: float, worlds: int) -> np.ndarray:
        asked.append((replicas, volume, worlds))
        return np.full(worlds, volume <= 70.0 * replicas**1.1)

    found = Search(kept, 10, 1.0, budget=1e5).capacity(100.0, 1.0, 1e4)
    true = 70.0 * found.replicas**1.1
    assert found.replicas.tolist()[:3] == [1, 2, 4]
    assert np.all((found.volume <= true) & (found.volume > true / TOLERANCE))
    # Where the SLO fails, two worlds are enough to see it.
    assert all(worlds == 2 for n, volume, worlds in asked if volume > 70.0 * n**1.1)


def test_one_world_in_twenty_may_miss_the_slo_and_no_more() -> None:
    for missing, holds in ((1, True), (2, False)):
        search = Search(lambda n, v, w, k=missing: np.arange(w) >= k, 20, 1.0, budget=1.0)
        assert search.holds(1, 5.0) is holds


def test_fleets_between_those_tried_never_carry_less_each() -> None:
    pool = Capacity(np.array([1, 2, 4]), np.array([10.0, 24.0, 60.0]))
    carried = pool.carried(np.arange(1, 30))
    assert np.all(np.diff(carried / np.arange(1, 30)) >= -1e-12)
    assert pool.needed(carried).tolist() == list(range(1, 30))


def by_use(usd: float, worlds: int = 1) -> ByUse:
    return ByUse(np.array([1.0, 1000.0]), np.full((worlds, 2), usd), np.array([True, True]))


def stairs(usd: float, each: float) -> ByFleet:
    capacity = Capacity(np.array([1]), np.array([each]))
    replicas = np.array([1, 200])
    idle = usd * replicas[None, :].astype(np.float64)
    return ByFleet(capacity, replicas, idle, np.array([1.0]), np.zeros((1, 1)))


def test_break_even_of_stairs_is_the_last_crossing() -> None:
    # 10 USD carry 15 requests of 1 USD: cheaper above 10, dearer again from 15 to 20, and so on
    # until the third replica, which comes when two thirds are worth its price.
    assert break_even(stairs(10.0, 15.0), by_use(1.0), 1.0, 1000.0)[0] == pytest.approx(20.0)
    assert break_even(stairs(10.0, 9.0), by_use(1.0), 1.0, 1000.0)[0] == math.inf
    assert break_even(stairs(10.0, 15.0), by_use(20.0), 1.0, 1000.0)[0] == 1.0


def test_few_worlds_cannot_tell_and_say_how_many_would() -> None:
    divided = Breaking(np.array([10.0] * 6 + [math.inf] * 4), 1.0, 100.0)
    assert divided.exists is None
    assert divided.worlds_needed == 97  # (1.96 / (2 · 0.1))², as of a share of 60 %
    assert Breaking(np.array([10.0] * 40 + [math.inf]), 1.0, 100.0).exists is True
    assert Breaking(np.array([10.0] + [math.inf] * 40), 1.0, 100.0).exists is False


def test_interval_of_the_median_covers_it_as_often_as_it_says() -> None:
    # 400 studies of 40 independent worlds whose break-even is infinite in three of ten; the median
    # is known. Coverage of the order statistics is 96.2 % exactly; outside of 92 to 99 % in one run
    # of ten thousand.
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        volume = rng.lognormal(math.log(1e4), 1.0, 40)
        volume[volume > 1e4 * math.exp(0.5244)] = math.inf  # the 70 % quantile
        low, high = Breaking(volume, 1.0, 1e9).median_interval
        hits += low <= 1e4 <= high
    assert 0.92 <= hits / 400 <= 0.99


def test_payback_solves_its_equation() -> None:
    # Independent of the bisection: what is saved until then, in small steps, is the price.
    years = payback_years(100.0, 90.0, 30.0, yearly_factor=0.8)
    steps = np.linspace(0.0, years, 200_001)
    saved = np.trapezoid(90.0 * 0.8**steps - 30.0, steps)
    assert saved == pytest.approx(100.0, rel=1e-6)


def test_where_half_of_the_worlds_break_even_the_sentence_says_that_it_cannot_tell():
    """Just a half is told by no number of worlds; it is no reason to fail."""
    volume = np.array([2e3, 5e3, np.inf, np.inf])
    halved = Breaking(volume, 1e3, 1e5)
    assert (halved.exists, halved.worlds_needed) == (None, None)
    answer = SimpleNamespace(reference="api", arrivals="requests")
    said = _cannot_tell(answer, SimpleNamespace(side="own", breaking=halved))
    assert said == (
        "cannot tell at 4 worlds whether own usually breaks even with api below 100k requests a"
        f" day: it does in {Share(2, 4).words()}, and more worlds may tell"
    )


def test_volumes_at_which_sides_tie_are_marked_at_each():
    """The mark is at every side that is the cheapest in as many worlds as any; at none in none."""
    shares = {  # by volume: of api, own, rented
        1e3: (0.75, 0.25, 0.0),
        1e4: (0.5, 0.5, 0.0),
        1e5: (1.0, 1.0, 1.0),
        1e6: (0.0, 0.0, 0.0),
    }
    frame = pd.DataFrame(
        {"side": side, "volume": volume, "p50_usd_per_month": 10.0 * (place + 1),
         "cheapest_share": share, "keeps_slo": True}
        for volume, row in shares.items()
        for place, (side, share) in enumerate(zip(("api", "own", "rented"), row, strict=True))
    )  # fmt: skip
    answer = SimpleNamespace(
        costs_frame=lambda volumes: frame, runs=dict.fromkeys(("api", "own", "rented")),
        volumes=np.array(list(shares)), arrivals="requests",
    )  # fmt: skip
    grid = _costs(answer)
    rows = [row for _, block in grid.blocks for row in block]
    marked = [[cell.endswith("*") for cell in row[1:-1]] for row in rows]
    assert marked == [
        [True, False, False], [True, True, False], [True, True, True], [False, False, False]
    ]  # fmt: skip
    assert [row[-1].split()[0] for row in rows] == ["75", "50", "100", "0"]
    assert "or in as many, where several are marked" in grid.notes[0]


def test_pools_of_which_nobody_is_paid_are_told_with_the_key_that_pays_them():
    """The machines of the shipped scenario that are owned have staff; those rented have none."""
    case = Case(SHIPPED / "breakeven.yaml")
    sides = contest(case, None)
    found = without_staff(sides.scenario.typical_design())
    assert found == ("on-demand", "reserved", "spot-mix")
    some = contest(case.but("backends.reserved.fixed_usd_per_month=5000"), None)
    assert without_staff(some.scenario.typical_design()) == ("on-demand", "spot-mix")
    every = SimpleNamespace(runs=dict.fromkeys(("api", "owned", *found)), unstaffed=found)
    (said,) = _staff(every)
    assert said.startswith("No staff cost is counted for on-demand, reserved, spot-mix, while")
    assert "set backends.NAME.fixed_usd_per_month" in said
    (said,) = _staff(SimpleNamespace(runs={"api": None, "fleet": None}, unstaffed=("fleet",)))
    assert "set backends.fleet.fixed_usd_per_month" in said
    assert not [*_staff(SimpleNamespace(runs={"api": None, "fleet": None}, unstaffed=()))]
