"""Comparing designs: paired differences, what they allow to say, how variants are written."""

import json
import math

import click
import numpy as np
import pytest
from chart_worlds import check

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.montecarlo.shares import share_interval
from sim.report.charts.compare import charts
from sim.report.compare_text import tell
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.compare import compare, contenders
from sim.studies.compare.contenders import parse_variant
from sim.studies.compare.paired import order, paired
from sim.studies.compare.pairs import confidence_of_a_pair, pairs_shown

API = """\
name: Two ways to serve
horizon: {duration: 4h, warm_up: 0, bin: 1h}
workloads:
  chat:
    arrivals: {requests_per_day: {lognormal: {p50: 6000, p95: 12000}}}
    prompt_tokens: {lognormal: {mean: 1000, p95: 2500}}
    output_tokens: 100
    slo: {ttft_p95: 2s}
backends:
  api:
    kind: managed_api
    model: gpt-4o
    price: {input: 2, output: 0}
worlds: 24
seed: 5
"""
CHEAPER = "cheaper: backends.api.price.input=1"
SLOWER = "slower: backends.api.ttft={lognormal: {p50: 1.5s, p95: 3s}}"


# How a variant is written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label", "settings"),
    [
        ("two: a.b=2", "two", ("a.b=2",)),
        ("two:a.b=2,c.d=x", "two", ("a.b=2", "c.d=x")),
        ("backends.large.replicas=2", "large.replicas=2", ("backends.large.replicas=2",)),
        ("x: a={p5: 1, p95: 2}, b=[1, c=2]", "x", ("a={p5: 1, p95: 2}", "b=[1, c=2]")),
        ("x: a='one, b=2', c=3", "x", ("a='one, b=2'", "c=3")),
        ("x: a=one, two, b=3", "x", ("a=one, two", "b=3")),
        ("horizon.start=2026-11-23T10:00", None, ("horizon.start=2026-11-23T10:00",)),
        ("x: worlds=5", "x", ("worlds=5",)),
    ],
)
def test_a_variant_is_a_label_and_settings(text, label, settings):
    assert parse_variant(text) == (text if label is None else label, settings)


@pytest.mark.parametrize("text", ["two", "two: replicas", "two: =2", ": ,"])
def test_a_variant_without_a_setting_is_refused_with_an_example(text):
    with pytest.raises(PeakfleetError, match=r"must be PATH=VALUE; write LABEL: PATH=VALUE"):
        parse_variant(text)


def test_designs_of_one_name_get_labels_of_their_own(tmp_path):
    first, second = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (first, second):
        path.write_text(API, encoding="utf-8")
    found = contenders([Case(first), Case(second), Case(first)], [CHEAPER, CHEAPER])
    assert [each.label for each in found] == ["one", "two", "one (2)", "cheaper", "cheaper (2)"]


def test_overrides_change_every_design_and_a_variant_only_its_own(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(API, encoding="utf-8")
    found = contenders([Case(path, ("worlds=7",))], [CHEAPER])
    assert [each.scenario.worlds for each in found] == [7, 7]
    prices = [each.scenario.document["backends"]["api"]["price"]["input"] for each in found]
    assert prices == [2, 1]


def test_one_design_cannot_be_compared(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(API, encoding="utf-8")
    with pytest.raises(PeakfleetError, match="--variant 'four"):
        contenders([Case(path)])


# Paired differences ---------------------------------------------------------------------------


def noisy(n=40, shift=0.0, seed=0):
    """Two figures that share most of their chance."""
    rng = np.random.default_rng(seed)
    common = 10.0 * rng.standard_normal(n)
    return common + rng.standard_normal(n) + shift, common + rng.standard_normal(n)


def test_pairs_tell_apart_what_two_separate_intervals_do_not():
    one, other = noisy(80, shift=1.0)
    found = paired(one, other)
    assert found.sign == 1
    assert found.mean_ci[0] < 1.0 < found.mean_ci[1]
    assert np.diff(found.mean_ci)[0] < 2.0  # 4 sd / sqrt(80) is 0.6; unpaired it would be 6.3
    assert found.lower + found.higher == 80


def test_the_interval_of_a_difference_holds_the_true_one_in_95_of_100():
    # Of 400, 363 or fewer, or 395 or more, would come once in 1,000 each if it is 95 %.
    held = 0
    for seed in range(400):
        low, high = paired(*noisy(72, 0.5, seed)).mean_ci
        held += low <= 0.5 <= high
    assert 364 <= held <= 394


def test_few_worlds_tell_which_is_lower_and_the_interval_of_the_median_but_none_of_the_mean():
    one, other = noisy(71, shift=1.0)
    found = paired(one, other)
    assert found.sign == 1
    assert np.isnan(found.mean_ci).all()
    assert found.by_median
    assert found.median_ci[0] < found.median < found.median_ci[1]


def test_a_verdict_where_there_is_no_difference_is_rare():
    # At most 5 % of verdicts are wrong; 28 or more of 300 would come by chance once in 1,000.
    # Differences of mean 0 and median below it are not taken for lower on average.
    wrong = sum(paired(*noisy(40, 0.0, seed)).sign != 0 for seed in range(300))
    assert 0 < wrong < 28
    rng = np.random.default_rng(1)
    skewed = rng.exponential(size=(300, 40)) - 1.0
    assert sum(paired(each, np.zeros(40)).sign != 0 for each in skewed) < 28


@pytest.mark.parametrize("worlds", [10, 16, 24, 64, 200])
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_the_design_with_rare_disasters_is_not_named_the_cheaper_one(worlds, share):
    """The same mean: a little less in most worlds, much more in a few.

    Most samples of few worlds show no disaster. They say "in every world", never "on average".
    """
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(200):
        disaster = rng.random(worlds) < share
        one = 100.0 + np.where(disaster, 20.0 / share, 0.0) + rng.standard_normal(worlds)
        found = paired(one, np.full(worlds, 120.0))
        wrong += found.sign != 0
        assert found.differing.count <= worlds
    assert wrong <= 19  # of 200 with 5 % there would be 20 or more once in 300


def test_a_difference_of_every_single_world_is_said_to_be_that_and_not_one_of_the_mean():
    other = np.zeros(40)
    one = np.where(np.arange(40) == 7, -1000.0, -1.0)
    found = paired(one, other)
    assert (found.sign, found.most, found.throughout) == (0, -1, -1)
    one[3] = 0.5
    found = paired(one, other)
    assert (found.sign, found.most, found.throughout) == (0, -1, 0)


def test_what_no_world_denies_is_told_of_the_mean_once_worlds_would_show_one_of_a_hundred():
    rng = np.random.default_rng(0)
    one = -1.0 - rng.random(298)
    assert (paired(one, np.zeros(298)).sign, paired(one, np.zeros(298)).worlds_needed) == (0, 299)
    assert paired(-1.0 - rng.random(299), np.zeros(299)).sign == -1


def test_a_difference_that_is_the_same_in_every_world_has_no_interval_of_width_zero():
    found = paired(np.full(40, 3.0), np.full(40, 4.0))
    assert found.mean == -1.0
    assert np.isnan(found.mean_ci).all()
    assert found.throughout == -1


def test_no_verdict_from_too_few_worlds():
    one = np.arange(5.0)
    assert paired(one + 1.0 + 0.01 * one, one).sign == 0


def test_worlds_that_do_not_decide_ask_for_as_many_as_would():
    one, other = noisy(80, 0.1, seed=3)
    found = paired(one, other)
    assert found.sign == 0
    assert found.worlds_needed > 80
    half = np.diff(found.mean_ci)[0] / 2.0  # that of a verdict is a fifth wider
    assert found.worlds_needed == pytest.approx(80 * (1.2 * half / found.mean) ** 2, rel=0.2)


def test_the_same_figure_everywhere_is_alike_and_rounding_is_no_difference():
    one = np.linspace(1.0, 2.0, 20)
    found = paired(one * (1.0 + 1e-12), one)
    assert found.alike
    assert (found.sign, found.mean, found.lower, found.same) == (0, 0.0, 0, 20)
    assert math.isinf(found.worlds_needed)


def test_a_lower_bound_is_above_only_what_it_exceeds():
    one = np.array([5.0, 5.0, 5.0, 5.0, np.nan])
    other = np.array([4.0, 6.0, 4.0, 6.0, 1.0])
    bounded = np.array([True, True, False, False, False])
    none = np.zeros(5, np.bool_)
    above, unknown = order(one, other, (bounded, none))[:2]
    assert above == 1.0
    assert math.isnan(unknown)
    assert np.isnan(order(one, other, (bounded, bounded))[:2]).all()
    assert order(one, other, (none, none))[:4].tolist() == [1.0, -1.0, 1.0, -1.0]
    assert np.isnan(order(one, other)[4])


def test_an_overloaded_design_is_slower_whatever_its_bound_averages_to():
    rng = np.random.default_rng(0)
    other = 1.0 + 0.1 * rng.random(40)
    one, bounded = other - 0.01, np.zeros(40, np.bool_)
    one[:30], bounded[:30] = 50.0, True
    found = paired(one, other, (bounded, np.zeros(40, np.bool_)))
    assert found.n == 10  # the mean is over worlds in which neither overloads ...
    assert found.mean == pytest.approx(-0.01)
    assert (found.most, found.higher, found.lower) == (1, 30, 10)  # ... the verdict over all
    assert found.median == math.inf


def test_a_share_of_worlds_has_the_interval_of_clopper_and_pearson():
    low, high = share_interval(0, 20)
    assert low == 0.0
    assert high == pytest.approx(1.0 - 0.025 ** (1 / 20))
    assert np.isnan(share_interval(0, 0)).all()


# The study ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "api.yaml"
    path.write_text(API, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def answer(path):
    return compare(contenders([Case(path)], [CHEAPER, SLOWER]), Bench(1))


def rows(answer, design, against=0):
    frame = answer.differences
    chosen = frame[(frame["design"] == design) & (frame["against"] == answer.labels[against])]
    return {row["metric"]: row for row in chosen.to_dict("records")}


def test_half_the_price_costs_half_in_every_world(answer):
    cost = answer.by_world.pivot_table(index="world", columns="design", values="cost")
    assert np.allclose(cost["cheaper"], cost["Two ways to serve"] / 2.0, rtol=1e-12)
    assert answer.cost.best == "cheaper"
    assert answer.cost.told
    row = rows(answer, "cheaper")["cost_usd_per_month"]
    assert row["lower_in"] == answer.worlds == 24
    assert row["verdict"] == "lower in every world"


def test_what_a_price_does_not_touch_is_the_same_in_every_world(answer):
    latency = rows(answer, "cheaper")["e2e_p95_s"]
    assert latency["verdict"] == "the same"
    assert latency["same_in"] == 24
    # A slower answer costs as much; only what is under way at the end differs.
    cost = rows(answer, "slower")["cost_usd_per_month"]
    assert abs(cost["mean_difference"]) < 1.0
    assert cost["lower_in"] < 24
    assert not answer.latency.told  # two designs are equally fast
    assert "are the same in whole answer p95 in every world" in answer.sentence


def test_the_slower_start_is_found(answer):
    row = rows(answer, "slower")["e2e_p95_s"]
    assert row["verdict"] == "higher in every world"
    assert row["mean_low"] > 1.0
    slow = next(each for each in answer.overviews if each.label == "slower")
    assert slow.slo_met.value < 0.5


def test_probabilities_are_joint(answer):
    chances = answer.joint[answer.joint["against"] == answer.labels[0]].set_index("design")
    assert chances.loc["cheaper", ["cheaper", "faster", "both"]].tolist() == [1.0, 0.0, 0.0]
    assert chances.loc["slower", ["faster", "both"]].tolist() == [0.0, 0.0]
    assert (chances["unknown"] == 0.0).all()
    assert (chances["both"] <= chances[["cheaper", "faster"]].min(axis=1)).all()


def test_an_order_that_is_unknown_is_said_to_be(path):
    nobody = "nobody: backends.api.outages={planned: [{start: 0s, duration: 4h}]}"
    found = compare(contenders([Case(path)], [nobody]), Bench(1), worlds=4)
    assert found.joint["unknown"].tolist() == [1.0]  # nothing is answered, so nothing is fast
    assert "unknown in all 4 worlds (at least 40 %)" in " ".join(tell(found).text().split())
    assert found.latency.told is False


def test_a_design_that_is_both_is_to_be_taken(path):
    variant = "better: backends.api.price.input=1, backends.api.ttft=10ms"
    found = compare(contenders([Case(path)], [variant]), Bench(1), worlds=12)
    basis = "in all 12 worlds (at least 74 %)"
    assert found.sentence.startswith(f"take 'better': it is the cheapest {basis}, by ")
    assert f"and the fastest {basis}, by " in found.sentence
    assert found.joint["both"].tolist() == [1.0]
    assert "(" in found.sentence  # an interval


def test_a_design_against_itself_is_no_decision(path):
    found = compare(contenders([Case(path), Case(path)]), Bench(1), worlds=12)
    assert set(found.differences["verdict"]) == {"the same"}
    assert found.sentence.count("are the same in") == 2


def test_designs_see_the_same_arrivals_and_draws(path):
    bench = Bench(1)
    pair = contenders([Case(path)], [CHEAPER])
    compare(pair, bench, worlds=12)
    one, other = (bench.run(each.scenario, 12, 5).replications for each in pair)
    assert (one["requests"] == other["requests"]).all()
    assert (one["prompt_tokens"] == other["prompt_tokens"]).all()
    assert bench.worlds == 24  # nothing was simulated twice


def test_intervals_are_wider_the_more_pairs_there_are(path):
    wide = compare(contenders([Case(path)], [CHEAPER, SLOWER]), Bench(1), worlds=12)
    narrow = compare(contenders([Case(path)], [CHEAPER]), Bench(1), worlds=12)
    assert (wide.confidence, narrow.confidence) == (1 - 0.05 / 3, 0.95)
    spans = [
        rows(each, "cheaper")["cost_usd_per_month"]["mean_high"]
        - rows(each, "cheaper")["cost_usd_per_month"]["mean_low"]
        for each in (wide, narrow)
    ]
    assert spans[0] > spans[1]


def test_another_horizon_and_other_workloads_are_noted(path):
    longer = "longer: horizon.duration=5h"
    found = compare(contenders([Case(path)], [longer]), Bench(1), worlds=4)
    assert "simulated over another horizon" in found.notes[0]
    assert found.notes[0] in tell(found).text().replace("\n", " ")


def test_an_unknown_metric_is_refused(path):
    pair = contenders([Case(path)], [CHEAPER])
    with pytest.raises(PeakfleetError, match=r"did you mean 'e2e_p95_s'\?"):
        compare(pair, Bench(1), worlds=2, latency="e2e_p95")
    with pytest.raises(PeakfleetError, match="at least 2"):
        compare(pair[:1], Bench(1))


def test_the_text_fits_and_the_numbers_are_those_of_the_answer(answer):
    shown = tell(answer).text().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(map(len, shown.splitlines())) <= 96
    flat = " ".join(shown.split())
    assert flat.lower().startswith(answer.sentence.lower())
    assert "slower against Two ways to serve" in flat
    assert "cheaper in all 24 worlds (at least 86 %)" in flat
    plain = answer.as_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_charts_hold_what_the_answer_holds(answer):
    drawn = {chart.name: chart for chart in charts(answer)}
    assert set(drawn) == {"cost", "latency", "worlds"}
    assert drawn["cost"].frame["p50"].tolist() == [each.cost.p50 for each in answer.overviews]
    ratios = drawn["worlds"].frame.query("design == 'cheaper'")["cost_ratio"]
    assert np.allclose(ratios, 0.5)
    for chart in drawn.values():
        check(chart, thoroughly=True)


def test_the_command_prints_json_and_keeps_its_tables(path, tmp_path, capsys):
    shown = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        arguments = [str(path), "--variant", CHEAPER, "--worlds", "12", "--jobs", jobs]
        assert main(["compare", *arguments, "--out", str(out), "--json", "--quiet"]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert json.loads(shown[0])["cheapest"] == "cheaper"
    files = {each.name for each in out.iterdir()}
    assert {"answer.json", "differences.csv", "joint.csv", "by_world.csv", "figures"} <= files


def test_the_command_refuses_a_single_design(path, capsys):
    assert main(["compare", str(path), "--quiet"]) == 2
    assert "one design cannot be compared" in capsys.readouterr().err


def test_the_help_shows_an_example_on_a_line_of_its_own(capsys):
    assert main(["compare", "--help"]) == 0
    assert "sim compare chat.yaml --variant 'two: backends.large.replicas=2'" in map(
        str.strip, capsys.readouterr().out.splitlines()
    )


def test_what_differences_are_of_is_told_of_each_design(path):
    metrics = ("retries", "ttft_p95_s<=2")
    found = compare(contenders([Case(path)], [CHEAPER, SLOWER]), Bench(1), 24, metrics=metrics)
    own = found.figures.set_index(["metric", "design"])
    assert "cost_usd_per_month" not in own.index  # stands in the first table
    # A metric's own values, so that their difference is that of the table below.
    each = own.loc["cost_usd_per_request"]
    halved = each.loc["cheaper", "mean"] - each.loc["Two ways to serve", "mean"]
    row = rows(found, "cheaper")["cost_usd_per_request"]
    assert halved == pytest.approx(row["mean_difference"], rel=1e-9)
    assert each.loc["cheaper", "p5"] <= each.loc["cheaper", "p50"] <= each.loc["cheaper", "p95"]
    assert each.loc["cheaper", "p50_low"] <= each.loc["cheaper", "p50"]
    # Of a decision, the share of worlds in which it holds, with its interval.
    met = own.loc["ttft_p95_s<=2"]
    slow = met.loc["slower"]
    holds = round(slow["p50"] * 24)
    assert slow["p50"] == holds / 24 < 0.5
    assert (slow["p50_low"], slow["p50_high"]) == share_interval(holds, 24)
    screen = click.unstyle(tell(found).screen())
    assert "first token p95 at most 2 s, share of worlds" in screen  # what was asked for by name
    assert screen.count("  retries") == 1 + len(found.joint)  # the designs', and the differences
    text = click.unstyle(tell(found).text())
    block = text[text.index("Figures") : text.index("cheaper against")].splitlines()
    assert all(len(line) <= 80 for line in block)
    assert "  first token p95 at most 2 s, share of worlds" in block
    at = block.index("  cost per request")
    assert [line.split()[0] for line in block[at + 1 : at + 4]] == ["Two", "cheaper", "slower"]
    assert [row["metric"] for row in found.as_json()["figures"][::3]][:2] == [
        "cost_usd",
        "cost_usd_per_request",
    ]


# Pairs, and what is of no use -----------------------------------------------------------------


def test_few_designs_are_all_set_against_one_another(answer):
    first, *_ = answer.labels
    pairs = [("cheaper", first), ("slower", first), ("slower", "cheaper")]
    assert [*answer.joint[["design", "against"]].itertuples(index=False, name=None)] == pairs
    # A pair is the difference of what both have against the first.
    for metric in ("cost_usd_per_month", "cost_usd_per_request"):
        between = rows(answer, "slower", 1)[metric]["mean_difference"]
        both = [rows(answer, label)[metric]["mean_difference"] for label in ("slower", "cheaper")]
        assert between == pytest.approx(both[0] - both[1], rel=1e-3)  # controls differ
    text = click.unstyle(tell(answer).text())
    assert all(f"\n{one} against {other}\n" in text for one, other in pairs)
    assert "for all pairs together" in text


@pytest.mark.parametrize("cheapest", range(6))
def test_of_many_designs_each_is_set_against_the_cheapest_and_the_first(cheapest):
    pairs = pairs_shown(6, cheapest)
    assert len(set(map(frozenset, pairs))) == len(pairs)  # none twice
    for needed in (cheapest, 0):
        met = {one for pair in pairs if needed in pair for one in pair}
        assert met == set(range(6))
    assert confidence_of_a_pair(6) == pytest.approx(1 - 0.05 / 15)


def test_the_intervals_of_all_pairs_hold_together_in_95_of_100():
    rng = np.random.default_rng(7)
    confidence, missed = confidence_of_a_pair(4), 0
    for _ in range(200):
        designs = rng.normal(10.0, 1.0, (4, 100))
        pairs = [
            paired(designs[one], designs[other], confidence=confidence)
            for one, other in pairs_shown(4, 0)
        ]
        missed += any(not low <= 0.0 <= high for low, high in (pair.mean_ci for pair in pairs))
    # At 5 % (fewer, for pairs go together), 20 or more of 200 come by chance in 1 of 1,000 tests.
    assert missed < 20


def test_a_difference_as_large_as_the_margin_is_seldom_said_to_be_none():
    rng = np.random.default_rng(8)
    said = 0
    for _ in range(200):
        common = rng.normal(100.0, 10.0, 100)
        other = common + 1.0 + rng.normal(0.0, 1.0, 100)  # 1 % apart in truth
        said += paired(other, common).within(1.0)
    assert said <= 15  # 2.5 % of 200 are 5; more than 15 come in 1 of 10,000 tests
    assert paired(common + rng.normal(0.1, 1.0, 100), common).within(1.0)
    assert not paired(common[:9] + 0.1, common[:9]).within(1.0)  # too few to tell


def test_what_differs_by_less_than_the_margin_is_practically_equal(path):
    near = "near: backends.api.price.input=2.01"
    pair = contenders([Case(path)], [near])
    found = compare(pair, bench := Bench(1), worlds=24, equal_within=0.01)
    assert rows(found, "near")["cost_usd_per_month"]["equal"]
    assert "practically equal (within 1 %)" in found.sentence
    text = click.unstyle(tell(found).text())
    (line,) = [line for line in text.splitlines() if line.startswith("  cost per month  ")]
    assert line.rstrip().endswith("≈")
    assert "≈ practically equal: the whole interval lies within 1 % of" in " ".join(text.split())
    strict = compare(pair, bench, worlds=24, equal_within=0.001)
    assert not strict.differences["equal"].any()
    assert "practically equal" not in strict.sentence


def test_missed_slos_are_said_before_what_is_the_cheapest(path):
    slow = "slow: backends.api.ttft={lognormal: {p50: 1.5s, p95: 3s}}, backends.api.price.input=1"
    found = compare(contenders([Case(path)], [slow]), Bench(1), worlds=12)
    assert found.sentence.startswith("the SLO is met in ")
    assert "'slow' is the cheapest" in found.sentence
    assert "though it serves fewer worlds well" in found.sentence
    text = click.unstyle(tell(found).text())
    assert text.index("Worlds  ") < text.index("Designs  ")


FLEET = """\
name: HPA
horizon: {start: 2026-11-23, duration: 1h, warm_up: 0}
workloads:
  chat:
    arrivals: {requests_per_second: 0.5}
    prompt_tokens: 1000
    output_tokens: 100
    route: large
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: {min: 2, max: 4}
    price: {usd_per_gpu_hour: 3}
    cold_start: 3min
    autoscaler: {preset: hpa, target_concurrency: 16}
  unused:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 4}
worlds: 2
"""


def test_what_autoscalers_held_and_what_served_nothing_is_said(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET, encoding="utf-8")
    three = "three: backends.large.autoscaler=null, backends.large.replicas=3"
    found = compare(contenders([Case(path)], [three]), Bench(1), worlds=2)
    (row,) = found.held.to_dict("records")
    assert row == {"design": "HPA", "backend": "large", "ready": 2.0, "paid": 2.0, "most": 2.0}
    text = " ".join(click.unstyle(tell(found).text()).split())
    assert "Held by autoscalers replicas ready paid ready at most HPA 2 2 2" in text
    # 4 GPUs at 4 USD, 730.5 hours a month.
    assert "Of what every design costs, 11,688 USD a month are for unused, which served" in text
    # What an hour costs, and a month of 730.5 of them: 8 GPUs at 3 USD and those at 4.
    assert "cost of the 1 hour simulated HPA 40 USD three 52 USD" in text
    assert [each.cost.p50 for each in found.overviews] == pytest.approx([29_220.0, 37_986.0])
