"""Stress finds what a scenario was built to lack, and draws no conclusion that worlds do not carry.

Worlds have fixed seeds. Claims on samples say their rate of false alarms, over seeds.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chart_worlds import check
from click.testing import CliRunner
from scipy.stats import binom
from stress_cases import API, POOL, case

from sim.cli import cli
from sim.errors import PeakfleetError
from sim.montecarlo.cause import EVIDENCE, MEANINGS, Cause, main_cause
from sim.report.charts.stress import charts
from sim.report.paragraph import WIDTH
from sim.report.stress_text import tell
from sim.studies.bench import bench
from sim.studies.stress import Growth, Judge, Spike, Stress, grow, path_of, stress
from sim.studies.stress.outcome import observe
from sim.studies.stress.runs import FIRST_LOOK

P, B = "workloads.chat", "backends.large"
SCALED = (
    f"{B}.cold_start=1s",
    f"{B}.replicas={{min: 1, max: 50}}",
    f"{B}.autoscaler={{preset: hpa, target_queue: 1}}",
)

LACKS = {
    "KV memory": (
        POOL,
        8.0,
        (f"{B}.engine={{max_num_seqs: 512, kv_capacity_tokens: 20000, max_model_len: 16000}}",),
    ),
    "decode": (POOL, 8.0, (f"{B}.engine.max_num_seqs=4",)),
    "prefill": (
        POOL,
        20.0,
        (f"{P}.prompt_tokens=4000", f"{P}.output_tokens=2", f"{B}.engine.max_num_seqs=256"),
    ),
    "context length": (
        POOL,
        1.0,
        (
            f"{P}.prompt_tokens={{lognormal: {{mean: 3000, p95: 9000}}}}",
            f"{B}.engine.max_model_len=4000",
        ),
    ),
    "max replicas": (
        POOL,
        20.0,
        (*SCALED, f"{B}.replicas.max=2"),
    ),
    "cold start": (POOL, 20.0, (*SCALED, f"{B}.cold_start=3h")),
    "autoscaler": (
        POOL,
        20.0,
        (*SCALED, f"{B}.autoscaler={{preset: hpa, target_requests_per_second: 1000}}"),
    ),
    "quota": (API, 10.0, ()),
    "provider": (API, 1.0, ("backends.api.error_share=20%",)),
    "pace": (API, 1.0, ("workloads.assistant.slo={e2e_p95: 100ms}",)),
}


@pytest.mark.parametrize("name", LACKS)
def test_what_a_scenario_lacks_is_found(tmp_path: Path, name: str) -> None:
    text, volume, overrides = LACKS[name]
    scenario = grow(case(tmp_path, text, *overrides).load(), Growth(volume))
    with bench(1) as place:
        result = place.run(scenario, 2)
    assert not Judge(0.75).held(result).any()
    found = [result.cause(world) for world in range(2)]
    assert [each.name for each in found] == [name, name], found
    signs = found[0].signs
    assert all(sign in signs and np.isfinite(signs[sign]) for sign in EVIDENCE[name])


def test_every_cause_has_a_meaning_and_evidence() -> None:
    assert set(EVIDENCE) == set(MEANINGS)
    assert set(LACKS) < set(MEANINGS)  # the others, in tests/montecarlo/test_diagnosis.py


def test_most_frequent_cause_is_the_main_one_with_its_own_signs() -> None:
    causes = [
        Cause("prefill", "a", {"queue": 1.0}),
        Cause("quota", "b", {"rejected": 0.2}),
        Cause("quota", "b", {"rejected": 0.4}),
    ]
    main = main_cause(causes)
    assert (main.name, main.backend, main.signs["rejected"]) == ("quota", "b", pytest.approx(0.3))


@pytest.mark.parametrize("probability", [0.5, 0.75, 0.95])
def test_more_worlds_decide_at_the_same_share_and_no_fewer_are_called_for(
    probability: float,
) -> None:
    judge = Judge(probability)
    held = round((probability + 1) / 2 * 10)
    worlds = 10
    if judge.word(held, worlds) == "cannot tell":
        more = judge.more(held, worlds)
        n = worlds + int(more)
        assert judge.word(round(held / worlds * n), n) != "cannot tell"
    allowed = judge.allowed(100)
    assert judge.word(100 - allowed, 100) == "holds"
    assert judge.word(100 - allowed - 1, 100) != "holds"


def test_verdicts_are_wrong_no_more_often_than_stated() -> None:
    """Where the true share is that asked for, either verdict comes in at most 5 % of studies.

    Exact over the binomial distribution of 12 worlds, the first four of which are looked at before.
    """
    judge, worlds = Judge(0.75), 12
    chance = {"holds": 0.0, "breaks": 0.0, "cannot tell": 0.0}
    for early in range(FIRST_LOOK + 1):
        first = binom.pmf(early, FIRST_LOOK, 0.75)
        if judge.hopeless(early, FIRST_LOOK):
            assert judge.word(early, FIRST_LOOK) == "breaks"
            chance["breaks"] += first
            continue
        for late in range(worlds - FIRST_LOOK + 1):
            chance[judge.word(early + late, worlds)] += first * binom.pmf(
                late, worlds - FIRST_LOOK, 0.75
            )
    assert sum(chance.values()) == pytest.approx(1.0)
    assert max(chance["holds"], chance["breaks"]) <= 0.05


@pytest.fixture(scope="module")
def pool_answer(tmp_path_factory: pytest.TempPathFactory) -> Stress:
    folder = tmp_path_factory.mktemp("pool")
    steps = path_of([1.0, 3.0, 8.0])
    with bench(1) as place:
        return stress(case(folder), place, steps, budget_usd=10_000.0, spike=Spike(4.0, 600.0))


@pytest.fixture(scope="module")
def api_answer(tmp_path_factory: pytest.TempPathFactory) -> Stress:
    folder = tmp_path_factory.mktemp("api")
    with bench(1) as place:
        return stress(case(folder, API), place, path_of([1.0, 10.0]))


def test_fixed_fleet_breaks_where_the_others_hold(pool_answer: Stress) -> None:
    assert pool_answer.fleets == ("fixed", "autoscaled", "re-sized")
    assert [each.word for each in pool_answer.of("fixed")][0::2] == ["holds", "breaks"]
    assert all(each.word == "holds" for each in pool_answer.of("re-sized"))
    sizes = [each.counts["large"] for each in pool_answer.of("re-sized") if each.counts]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_fleet_that_is_sized_anew_is_the_smallest_that_holds(
    pool_answer: Stress, tmp_path: Path
) -> None:
    last = pool_answer.of("re-sized")[-1]
    assert last.counts is not None
    count = last.counts["large"] - 1
    judge = Judge(pool_answer.probability)
    with bench(1) as place:
        result = place.run(
            grow(case(tmp_path).load([f"{B}.replicas={count}"]), last.growth), last.worlds
        )
    assert int((~judge.held(result)).sum()) > judge.allowed(last.worlds)


def test_worlds_are_common_to_fleets_and_costs_add_up(pool_answer: Stress) -> None:
    for step in range(3):
        own = [each for each in pool_answer.outcomes if each.step == step]
        common = min(each.worlds for each in own)
        offered = [each.result.sample.values("requests")[:common].tolist() for each in own]
        assert offered[0] == offered[1] == offered[2]
    fixed = pool_answer.of("fixed")[0]
    count = 1
    monthly = count * 4 * 3.0 * 730.5  # 4 GPUs at 3 USD an hour
    assert fixed.figures["cost_usd_per_month"].p50 == pytest.approx(monthly, rel=2e-3)


def test_elasticity_is_that_of_paired_costs(pool_answer: Stress, api_answer: Stress) -> None:
    assert all(e.value.mean == 0.0 for e in pool_answer.elasticities if e.fleet == "fixed")
    one, other = pool_answer.of("autoscaled")[::2]
    costs = [np.log(each.result.sample.values("cost_usd")) for each in (one, other)]
    slopes = (costs[1] - costs[0]) / np.log(8.0)
    overall = pool_answer.elasticity("autoscaled")
    assert overall is not None
    assert overall.value.mean == pytest.approx(slopes.mean(), rel=1e-12)
    raised = api_answer.elasticity("re-sized")
    assert raised is not None
    # Every request has the same tokens: cost is proportional to what was answered, to the cent.
    answered = [each.result.sample.values("completed") for each in api_answer.of("re-sized")]
    assert raised.value.mean == pytest.approx(np.log10(answered[1] / answered[0]).mean(), rel=1e-9)


def test_budget_breaks_from_the_step_that_costs_more(pool_answer: Stress) -> None:
    for each in pool_answer.outcomes:
        above = (each.result.sample.values("cost_usd_per_month") > 10_000.0).mean()
        assert each.over_budget_share == above
        assert ("budget" in each.breaks) == (above > 0.5)
    assert "over the budget of 10,000 USD a month" in tell(pool_answer).text()


def test_a_budget_is_never_passed_over(pool_answer: Stress) -> None:
    assert "The budget of" not in tell(pool_answer).text()  # it breaks
    first = pool_answer.of("fixed")[0]
    for over, words in ((0.0, "kept in every world by"), (0.25, "exceeded in at most 3 of 12")):
        once = replace(first, over_budget_share=over, worlds=12)
        told = replace(pool_answer, outcomes=(once,), breakings=(), budget_usd=5000.0)
        text = " ".join(tell(told).text().split())
        assert "The budget of 5,000 USD a month is kept in" in text and words in text


def test_the_sentence_says_who_holds_the_growth_that_was_asked_about(pool_answer: Stress) -> None:
    assert pool_answer.sentence == (
        "Small: at 8x it breaks as it is (1 replica) from about 2.9x on (decoding), autoscaled"
        " already at 1x (its budget) and sized anew at 3x (its budget)."
    )
    free = replace(
        pool_answer,
        outcomes=tuple(replace(each, over_budget_share=np.nan) for each in pool_answer.outcomes),
    )
    today, last = free.of("fixed")[0], free.of("re-sized")[-1]
    costs = [each.figures["cost_usd_per_month"].p50 for each in (today, last)]
    assert last.counts
    held = f"sized anew with {last.counts['large']} replicas, for {costs[1] / costs[0]:.3g} times"
    broken, _, holding = free.sentence.removesuffix(".").partition("; it holds ")
    assert broken == "Small: at 8x it breaks as it is (1 replica) from about 2.9x on (decoding)"
    assert holding.startswith("autoscaled, for ")
    assert holding.endswith(f" and {held} the cost")
    assert free.detail.startswith("As it is (1 replica), it ")


def test_without_an_slo_nothing_is_within_it(tmp_path: Path) -> None:
    with bench(1) as place:
        answer = stress(
            case(tmp_path, API, "workloads.assistant.slo=null"),
            place,
            [Growth()],
            worlds=2,
            spike=None,
        )
    head = tell(answer).text().split("\n\n")[2]
    assert "the SLO" not in head and "answered" in head


def test_of_several_workloads_the_share_of_the_worst_is_shown(tmp_path: Path) -> None:
    other = "workloads.batch"
    slow = (
        f"{other}.arrivals={{requests_per_second: 0.01}}",
        f"{other}.prompt_tokens=2000",
        f"{other}.output_tokens=50",
        f"{other}.slo={{ttft_p95: 1ms}}",
    )
    with bench(1) as place:
        answer = stress(case(tmp_path, API, *slow), place, [Growth()], worlds=2, spike=None)
    (first,) = answer.of("fixed")
    assert first.worst_attainment == 0.0 < first.figures["slo_attainment"].p50
    text = tell(answer).text()
    assert "the SLO, worst" in text and "0.0 %" in text


def test_spike_is_tried_today_and_as_far_as_a_fleet_does_not_break(pool_answer: Stress) -> None:
    for fleet in pool_answer.fleets:
        sound = [each for each in pool_answer.of(fleet) if each.word != "breaks"]
        tried = [each for each in pool_answer.of(fleet) if each.recovery is not None]
        assert {each.step for each in tried} <= {sound[0].step, sound[-1].step}
        assert tried[0] is sound[0]
        for each in tried:
            kept = Judge(pool_answer.probability).held(each.result)[:6]
            assert each.recovery is not None
            assert each.recovery.worlds == kept.sum()
            assert 0 <= each.recovery.recovered <= each.recovery.worlds


def test_fleet_that_stays_down_after_a_spike_is_named(pool_answer: Stress) -> None:
    first = pool_answer.of("fixed")[0]
    assert "does not recover" not in replace(pool_answer, outcomes=(first,)).detail
    assert first.recovery is not None
    stuck = replace(first, recovery=replace(first.recovery, recovered=0))
    answer = replace(pool_answer, outcomes=(stuck,))
    assert "does not recover from a spike at 1x" in answer.detail
    assert "never, 6 of 6" in tell(answer).text()


def test_api_breaks_by_its_quota_and_holds_with_a_higher_one(api_answer: Stress) -> None:
    broken = api_answer.first_break("fixed")
    assert broken is not None and broken.cause is not None and broken.cause.name == "quota"
    assert broken.cause.signs["rejected"] > 0.1
    assert [each.word for each in api_answer.of("re-sized")] == ["holds", "holds"]
    assert "autoscaled" not in api_answer.fleets


def test_study_is_the_same_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    texts = []
    for jobs in (1, 2):
        with bench(jobs) as place:
            answer = stress(case(tmp_path, API), place, path_of([1.0, 10.0]), worlds=3)
        texts.append(json.dumps(answer.as_json()))
    assert texts[0] == texts[1]


def test_two_worlds_cannot_tell_and_say_how_many_would(tmp_path: Path) -> None:
    with bench(1) as place:
        answer = stress(case(tmp_path, API), place, [Growth()], worlds=2, spike=None)
    assert answer.of("fixed")[0].word == "cannot tell"
    assert "9 more would decide" in answer.detail
    assert "--worlds 11 would" in tell(answer).text()


def test_slo_that_no_fleet_meets_is_a_plain_answer(tmp_path: Path) -> None:
    impossible = f"{P}.slo={{ttft_p95: 1ms}}"
    with bench(1) as place:
        answer = stress(case(tmp_path, POOL, impossible), place, [Growth()], spike=None)
    assert answer.fleets == ("fixed",)
    assert any("no number of replicas holds at 1x" in note for note in answer.notes)
    assert "breaks already at 1x, by prefill" in answer.detail


def test_own_autoscaler_is_kept_with_its_limits(tmp_path: Path) -> None:
    overrides = (
        f"{B}.replicas={{min: 1, max: 2}}",
        f"{B}.autoscaler={{preset: hpa, target_concurrency: 8}}",
        f"{B}.cold_start=30s",
        "horizon.duration=30min",
    )
    with bench(1) as place:
        answer = stress(
            case(tmp_path, POOL, *overrides), place, path_of([1.0, 12.0]), 3, spike=None
        )
    scaled = answer.of("autoscaled")[-1]
    assert scaled.cause is not None and scaled.cause.name == "max replicas"
    assert scaled.figures["ready_replicas_max"].p50 == 2
    assert answer.of("fixed")[0].counts is not None


def test_text_fits_and_says_what_json_says(pool_answer: Stress, api_answer: Stress) -> None:
    for answer in (pool_answer, api_answer):
        shown = tell(answer).text()
        plain = shown.replace("\x1b[1m", "").replace("\x1b[0m", "")
        assert max(map(len, plain.splitlines())) <= WIDTH
        assert " ".join(plain.split()).startswith(answer.sentence)
        document = json.loads(json.dumps(answer.as_json(), allow_nan=False))
        assert document["sentence"] == answer.sentence
        assert len(document["outcomes"]) == len(answer.outcomes)


def test_charts_hold_their_data_and_answer_a_question(pool_answer: Stress) -> None:
    drawn = charts(pool_answer)
    assert len(drawn) == 4
    probes = sum(len(each.probes) for each in pool_answer.breakings)
    for chart in drawn:
        check(chart, thoroughly=True)
        assert len(chart.frame) == len(pool_answer.outcomes) + probes


def test_steps_without_volume_are_drawn_by_name(tmp_path: Path) -> None:
    with bench(1) as place:
        answer = stress(
            case(tmp_path, API), place, path_of(prompt=[1.0, 2.0]), worlds=2, spike=None
        )
    chart = charts(answer)[0]
    assert "growth" in json.dumps(chart.spec["layer"][1]["encoding"]["x"])
    # Prompts of 2,000 tokens at 2.5 USD, answers of 500 at 10: from 1 to 1.5 cents.
    found = answer.elasticities[0].value.mean
    assert found == pytest.approx(np.log2(1.5), abs=0.01)


def test_command_writes_its_answer_and_prints_it(tmp_path: Path) -> None:
    path = case(tmp_path, API).path
    out = tmp_path / "out"
    arguments = ["stress", str(path), "--growth", "1,2x", "--worlds", "2", "--jobs", "1"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(out), "--no-spike", "--quiet"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "Pilot: at 2x these worlds cannot tell whether it holds as it is"
    )
    assert {each.name for each in out.iterdir()} >= {"answer.json", "steps.csv", "figures"}
    as_json = CliRunner().invoke(
        cli, [*arguments, "--out", str(out), "--no-spike", "--quiet", "--json"]
    )
    assert json.loads(as_json.stdout) == json.loads((out / "answer.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--growth", "many"], "no list of factors"),
        (["--growth", "0"], "must be a factor above 0"),
        (["--retry-growth", "2"], "clients that retry"),
        (["--probability", "1"], "not between 0 and 100 %"),
        (["--no-spike", "--spike", "2"], "--spike has no meaning beside --no-spike"),
        (["--no-spike", "--spike-minutes", "5"], "--spike-minutes has no meaning beside"),
    ],
)
def test_wrong_question_is_refused_with_a_remedy(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    path = case(tmp_path, API).path
    result = CliRunner().invoke(cli, ["stress", str(path), "--jobs", "1", "--quiet", *arguments])
    assert result.exit_code != 0
    shown = result.output + str(result.exception)
    assert message in shown
    assert isinstance(result.exception, SystemExit | PeakfleetError)


def test_loss_of_money_is_a_break_of_its_own(tmp_path: Path) -> None:
    poor = "workloads.assistant.value_per_user_month=1 USD"
    with bench(1) as place:
        scenario = case(tmp_path, API, poor).load()
        result = place.run(scenario, 12)
    outcome = observe("fixed", 0, Growth(), None, result, Judge(0.75), None)
    assert outcome.breaks == ("margin",)
    assert np.isnan(outcome.over_budget_share)


def test_pools_that_nothing_is_sent_to_stay_as_they_are(tmp_path: Path) -> None:
    text = API.replace(
        "worlds: 12",
        "  idle:\n"
        "    kind: gpu_pool\n"
        "    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm\n"
        "    replicas: {min: 1, max: 4}\n"
        "    autoscaler: {preset: hpa, target_concurrency: 8}\n"
        "    cold_start: 3min\n"
        "    price: {usd_per_gpu_hour: 3}\n"
        "worlds: 12",
    ).replace("    slo: {e2e_p95: 60s}", "    route: api\n    slo: {e2e_p95: 60s}")
    assert "idle:" in text and "route: api" in text
    with bench(1) as place:
        answer = stress(
            case(tmp_path, text), place, path_of([1.0, 2.0]), 3, spike=None, enclose=False
        )
    assert "autoscaled" not in answer.fleets
    assert "nothing is sent to idle, which is left as it is, and paid" in answer.notes
