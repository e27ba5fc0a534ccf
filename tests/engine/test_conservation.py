"""Nothing is lost and nothing is made: requests, tokens, machine time, money; and relations between
runs that must hold whatever the numbers are.
"""

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import strategies as st
from drawn import drawn_anew
from fleets import Case, advance, cases, kernel_log, pool, profile
from given_requests import GivenRequests

from sim.engine.simulation import Outcome, simulate
from sim.engine.state import status
from sim.model.design import Design, GpuPool, Horizon
from sim.model.price import GpuPrice
from sim.model.scheduling import Order, Scheduling
from sim.model.streams import Streams
from sim.model.trace import Trace, TraceSource
from sim.model.workload import RequestBlock, Slo, Workload, Yielding
from sim.montecarlo.replication import Replication, replicate

STREAMS = Streams(seed=1, world=0)
FATES = ("completed", "timed_out", "rejected", "failed", "in_flight_end")


# Whole replications of given requests


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """A case with a warm-up, a horizon that cuts some requests off, bins, prices and SLOs.

    In some cases requests arrive at the very instants at which something else begins or ends: at 0,
    at the edges of bins, at the end of the horizon, and as the warm-up begins.
    """
    case = draw(cases(tight=draw(st.booleans())))
    last_s = float(case.arrival_s[-1])
    duration_s = draw(st.sampled_from([0.5, 1.0, 2.0])) * last_s
    horizon = Horizon(
        datetime(2026, 1, 1),
        duration_s,
        warm_up_s=draw(st.sampled_from([0.0, 0.3])) * last_s,
        bin_s=duration_s / draw(st.sampled_from([1, 3, 7.5])),
    )
    price = GpuPrice(draw(st.floats(0.5, 20)), draw(st.sampled_from([1.0, 60.0, 3600.0])))
    pools = tuple(
        replace(drawn, name=f"pool {index}", price=price) for index, drawn in enumerate(case.pools)
    )
    slo = Slo(ttft_s=draw(st.floats(0.1, 5)), e2e_s=draw(st.floats(0.1, 10)))
    arrival_s = case.arrival_s - horizon.warm_up_s
    if draw(st.booleans()):
        arrival_s = _on_edges(arrival_s, horizon)
    workloads = _workloads(case, pools, arrival_s, slo)
    if draw(st.booleans()):  # a batch that gives way
        yielding = Yielding(draw(st.sampled_from([1.0, 0.2])) * duration_s)
        workloads = (workloads[0], replace(workloads[1], priority=1, yielding=yielding))
    if draw(st.booleans()):  # lines in an order
        order = draw(st.sampled_from(get_args(Order)))
        rule = Scheduling(order, takes_places=draw(st.booleans()))
        pools = tuple(replace(each, scheduling=rule) for each in pools)
        workloads = (
            workloads[0],
            replace(workloads[1], priority=draw(st.sampled_from([-1, 1, 2]))),
        )
    return Design("drawn", horizon, workloads, pools)


def _on_edges(arrival_s: npt.NDArray[np.float64], horizon: Horizon) -> npt.NDArray[np.float64]:
    """The arrivals moved back to the last edge before each; those after the end stay there."""
    edges_s = np.array([-horizon.warm_up_s, *horizon.edges_s])
    return edges_s[np.maximum(np.searchsorted(edges_s, arrival_s, side="right") - 1, 0)]


def _workloads(
    case: Case,
    pools: tuple[GpuPool, ...],
    shifted_s: npt.NDArray[np.float64],
    slo: Slo,
) -> tuple[Workload, ...]:
    return tuple(
        Workload(
            f"workload {index}",
            GivenRequests(
                RequestBlock(
                    shifted_s[case.workload == index],
                    case.prompt[case.workload == index],
                    case.output[case.workload == index],
                )
            ),
            pools[pool_index].name,
            slo,
        )
        for index, pool_index in enumerate(case.workload_pool)
    )


def replication(design: Design) -> Replication:
    scenario: Any = SimpleNamespace(design=lambda draws: design, fidelity="exact")
    return replicate(scenario, seed=1, world=0, draws={}, record_requests=True)


def served(outcome: Outcome) -> Any:
    """Rows of the requests that completed within the horizon."""
    return outcome.requests[outcome.requests.status == status.COMPLETED]


# Requests, tokens


@drawn_anew(67, cases(tight=True), st.floats(0, 1))
def test_every_request_has_one_fate_at_any_moment(case: Case, share: float) -> None:
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    now_s = share * (case.arrival_s[-1] + 2)
    advance(plane, now_s)
    log = plane.requests()
    assert len(log) == (case.arrival_s <= now_s).sum()
    assert np.isin(log.status, [status.IN_FLIGHT, status.COMPLETED, status.REJECTED]).all()
    open_numbers = np.flatnonzero(log.status == status.IN_FLIGHT)
    assert sorted(plane.in_flight().number) == open_numbers.tolist()
    assert np.isnan(log.finish_s[open_numbers]).all()


@drawn_anew(100, cases(tight=True, verbs=True))
def test_what_happens_to_a_request_happens_in_order(case: Case) -> None:
    log = kernel_log(case)
    times = [log[name] for name in ("arrival_s", "ready_s", "admitted_s", "first_token_s")]
    completed = log.status == status.COMPLETED
    assert np.isin(log.status, [status.COMPLETED, status.REJECTED, status.FAILED]).all()
    for earlier, later in zip(times, [*times[1:], log.finish_s], strict=True):
        assert not (later < earlier).any()
        assert np.isfinite(later[completed]).all()
    assert (log.first_token_s > log.admitted_s)[completed].all()
    rejected = log[log.status == status.REJECTED]
    assert (rejected.finish_s == rejected.arrival_s).all()
    assert (rejected.replica == -1).all()
    assert np.isfinite(log.finish_s).all()
    assert (log.output_tokens[completed] >= 1).all()


@drawn_anew(34, cases(tight=True, verbs=True))
def test_a_replica_admits_in_the_order_of_arrival(case: Case) -> None:
    log = kernel_log(case)
    for replica in np.unique(log.replica[log.replica >= 0]):
        admitted_s = log.admitted_s[log.replica == replica]
        known = np.isfinite(admitted_s)
        assert not (known[1:] & ~known[:-1]).any()
        assert (np.diff(admitted_s[known]) >= 0).all()


@drawn_anew(50, designs())
def test_requests_are_conserved_per_workload_and_in_total(design: Design) -> None:
    figures = replication(design).metrics
    prefixes = ["", *(f"workloads.{workload.name}." for workload in design.workloads)]
    for prefix in prefixes:
        assert figures[f"{prefix}requests"] == sum(figures[prefix + fate] for fate in FATES)
    for name in ("requests", *FATES, "prompt_tokens", "output_tokens", "preemptions"):
        assert figures[name] == sum(figures[prefix + name] for prefix in prefixes[1:])
    arrived = sum(_within(w, design.horizon) for w in design.workloads)
    assert figures["requests"] == figures["attempts"] == arrived


@pytest.mark.parametrize("warm_up_s", [0.0, 60.0])
def test_what_arrives_at_time_zero_belongs_to_the_horizon(warm_up_s: float) -> None:
    """A crowd that has come by the first instant is counted, offered, and too much."""
    n = 20_000
    crowd = GivenRequests(RequestBlock(np.zeros(n), *np.ones((2, n), np.int32)), size=n)
    horizon = Horizon(datetime(2026, 1, 1), 60.0, warm_up_s, 20.0)
    design = Design("crowd", horizon, (Workload("all", crowd, "pool", Slo()),), (pool(),))
    outcome, figures = simulate(design, STREAMS), replication(design).metrics
    assert outcome.ledger.workloads["requests"].tolist() == [[n, 0, 0]]
    assert outcome.waiting_at_start == [0]
    assert figures["requests"] == figures["attempts"] == n
    assert figures["requests"] == sum(figures[fate] for fate in FATES)
    assert replication(design).verdict == "overloaded"


@drawn_anew(27, designs())
def test_a_percentile_is_what_all_come_to_or_is_marked_as_a_lower_bound(design: Design) -> None:
    """With requests cut off at the end, against the same requests answered to the last."""
    seen = replication(design).metrics
    whole = replication(replace(design, horizon=replace(design.horizon, end_limit_s=1e6))).metrics
    for name in ("ttft", "tpot", "e2e", "queue_wait", "task_e2e"):
        open_from = seen[f"{name}_at_least_from"]
        assert np.isnan(whole[f"{name}_at_least_from"])
        for level in (50, 95, 99):
            figure, true_s = f"{name}_p{level}_s", whole[f"{name}_p{level}_s"]
            assert not seen[figure] > true_s * (1 + 1e-12), figure
            if not open_from <= level / 100:
                assert not true_s > seen[figure] * 1.02 * (1 + 1e-12), figure
        if name != "tpot":  # there who has no first token yet has no time per token
            assert not seen[f"{name}_mean_s"] > whole[f"{name}_mean_s"] * (1 + 1e-9), name


@drawn_anew(27, designs())
def test_a_drained_horizon_ends_with_the_last_answer_and_leaves_nobody(design: Design) -> None:
    waits = replace(design, horizon=replace(design.horizon, end_limit_s=1e6))
    outcome, found = simulate(waits, STREAMS, record_requests=True), replication(waits)
    log, figures, end_s = outcome.requests, found.metrics, outcome.end_s
    assert outcome.is_drained
    assert end_s == max(design.horizon.duration_s, log.finish_s.max(initial=0.0))
    assert figures["in_flight_end"] == 0
    assert figures["requests"] == sum(figures[fate] for fate in FATES)
    assert figures["requests"] == sum(_within(w, design.horizon) for w in design.workloads)
    for drawn in design.pools:
        hours = drawn.price.cost_usd(end_s, drawn.profile.gpus_per_replica)
        paid = figures[f"backends.{drawn.name}.cost_usd"]
        assert paid == pytest.approx(drawn.replicas * hours)
    assert figures["makespan_s"] == end_s
    lengths = {len(column) for column in found.timeline.values()}
    assert lengths == {len(waits.horizon.edges_s) - 1}


def test_a_drained_horizon_goes_no_further_than_its_limit() -> None:
    """A replica that takes one second a token has 100 tokens to make, and ten seconds for it."""
    one = TraceSource(Trace(np.zeros(1), np.ones(1, np.int32), np.full(1, 100, np.int32)))
    horizon = Horizon(datetime(2026, 1, 1), 1.0, 0.0, 1.0, end_limit_s=9.0)
    design = Design("long", horizon, (Workload("one", one, "pool", Slo()),), (pool(),))
    outcome, found = simulate(design, STREAMS), replication(design)
    assert (outcome.end_s, outcome.is_drained) == (10.0, False)
    assert found.metrics["in_flight_end"] == 1
    assert found.metrics["drained"] == 0
    enough = replace(design, horizon=replace(horizon, end_limit_s=99.0))
    assert simulate(enough, STREAMS).end_s == 100.0
    assert replication(enough).metrics["gpu_hours"] == pytest.approx(100 / 3600)


def test_a_trace_whose_answers_take_no_time_lasts_as_long_as_it_is_said_to() -> None:
    """Its only prompt is too long for the model, and rejected on arrival."""
    one = TraceSource(Trace(np.zeros(1), np.full(1, 999, np.int32), np.ones(1, np.int32)))
    horizon = Horizon(datetime(2026, 1, 1), 60.0, 0.0, 60.0, end_limit_s=9.0)
    engine = profile(max_model_len=100)
    design = Design("none", horizon, (Workload("one", one, "pool", Slo()),), (pool(engine),))
    figures = replication(design).metrics
    assert (figures["requests"], figures["rejected"], figures["makespan_s"]) == (1, 1, 60.0)


def test_the_work_of_all_bins_is_that_of_the_answers() -> None:
    """Whatever bins a leap lies in: long answers of few sequences are leaps over many of them."""
    rng = np.random.default_rng(3)
    prompt, output = rng.integers(1, 900, 30), rng.integers(1, 400, 30)
    block = RequestBlock(
        np.sort(rng.uniform(0, 60, 30)), prompt.astype(np.int32), output.astype(np.int32)
    )
    engine = profile(
        step_base_s=(0.05,),
        step_s_per_kv_token=(1e-6,),
        prefill_s_per_request=1e-3,
        prefill_s_per_token=1e-4,
        prefill_s_per_token_context=1e-8,
        frontend_s_per_token=1e-5,
        frontend_s_per_token_from_rest=1e-5,
        frontend_s_per_prompt_token_out=1e-6,
    )
    workload = Workload("chat", GivenRequests(block), "pool", Slo())
    horizon = Horizon(datetime(2026, 1, 1), 400.0, 0.0, 0.7)
    outcome = simulate(Design("work", horizon, (workload,), (pool(engine),)), STREAMS)
    booked = outcome.ledger.pools[0]
    made = output - 1.0
    expected = {
        "decoded": made.sum(),
        "context": (made * prompt + made * (made - 1) / 2).sum(),
        "prompts": 30,
        "prefilled": prompt.sum(),
        "prefill_s": (1e-3 + 1e-4 * prompt + 1e-8 * prompt**2.0 / 2).sum(),
        "frontend_s": 1e-6 * prompt.sum() + 1e-5 * output.sum(),
    }
    assert outcome.ledger.workloads["completed"].sum() == 30
    assert {name: booked[name].sum() for name in expected} == pytest.approx(expected)
    for name in expected:
        assert booked[name].min() >= -1e-9
    busy = booked["busy_s"] > 0.69  # steps are at least 0.05 s: at most 14 in a bin
    assert busy.sum() > 50
    assert (booked["decoded"][busy] >= 12).mean() > 0.9


def _within(workload: Workload, horizon: Horizon) -> int:
    blocks = workload.source.blocks(workload.name, STREAMS, 0.0, horizon.duration_s)
    return sum(len(block.arrival_s) for block in blocks)


@drawn_anew(50, designs())
def test_the_figures_are_those_of_the_recorded_requests(design: Design) -> None:
    outcome, figures = simulate(design, STREAMS, record_requests=True), replication(design).metrics
    log, done = outcome.requests, served(outcome)
    ttft_s, e2e_s = done.first_token_s - done.arrival_s, done.finish_s - done.arrival_s
    assert (log.arrival_s >= 0).all()  # the warm-up leaves no trace
    assert figures["requests"] == len(log)
    assert figures["completed"] == len(done)
    assert figures["rejected"] == (log.status == status.REJECTED).sum()
    assert figures["in_flight_end"] == (log.status == status.IN_FLIGHT).sum()
    assert figures["prompt_tokens"] == done.prompt_tokens.sum()
    assert figures["output_tokens"] == done.output_tokens.sum()
    slo = design.workloads[0].slo
    kept = ((ttft_s <= slo.ttft_s) & (e2e_s <= slo.e2e_s)).sum()
    assert figures["goodput_rps"] == pytest.approx(kept / design.horizon.duration_s)
    if len(done):
        count = len(done) + figures["in_flight_end"]
        left = log[log.status == status.IN_FLIGHT]
        age_s = design.horizon.duration_s - left.arrival_s
        begun_s = left.first_token_s - left.arrival_s
        waited_s = np.where(np.isnan(begun_s), age_s, begun_s)
        assert figures["ttft_mean_s"] == pytest.approx((ttft_s.sum() + waited_s.sum()) / count)
        assert figures["e2e_mean_s"] == pytest.approx((e2e_s.sum() + age_s.sum()) / count)
    if len(done) and len(done) == count:
        assert _lies_within_a_bucket(figures["e2e_p95_s"], e2e_s, 0.95)
        assert _lies_within_a_bucket(figures["ttft_p50_s"], ttft_s, 0.50)


def _lies_within_a_bucket(
    figure: float, values: npt.NDArray[np.float64], probability: float
) -> bool:
    """Whether the figure is a quantile of so few values, by any convention between neighbours."""
    low, high = (np.quantile(values, probability, method=way) for way in ("lower", "higher"))
    rank = np.searchsorted(np.sort(values), low)
    low = np.sort(values)[max(rank - 1, 0)]
    return bool(low * (1 - 1 / 64) - 1e-6 <= figure <= high * (1 + 1 / 64) + 1e-6)


# Machine time, money


@drawn_anew(50, designs())
def test_replica_seconds_and_dollars_are_conserved(design: Design) -> None:
    figures, duration_s = replication(design).metrics, design.horizon.duration_s
    total_usd = gpu_hours = 0.0
    for drawn in design.pools:
        prefix = f"backends.{drawn.name}."
        gpus = drawn.profile.gpus_per_replica
        total_usd += drawn.replicas * drawn.price.cost_usd(duration_s, gpus)
        gpu_hours += drawn.replicas * gpus * duration_s / 3600
        assert figures[prefix + "ready_replicas_mean"] == pytest.approx(drawn.replicas)
        for share in ("utilisation", "batch_occupancy", "kv_utilisation"):
            value = figures[prefix + share]
            assert np.isnan(value) or -1e-9 <= value <= 1 + 1e-9, share
    assert figures["cost_usd"] == pytest.approx(total_usd)
    assert figures["gpu_hours"] == pytest.approx(gpu_hours)
    assert figures["cost_usd"] == pytest.approx(
        sum(figures[f"backends.{drawn.name}.cost_usd"] for drawn in design.pools)
    )


@drawn_anew(50, designs())
def test_busy_time_is_the_time_with_somebody_in_the_batch(design: Design) -> None:
    """Integrated by the kernel as moments; here as a union of intervals, replica by replica."""
    whole = streamed_at_once(replace(design, horizon=replace(design.horizon, warm_up_s=0.0)))
    outcome = simulate(whole, STREAMS, record_requests=True)
    log, end_s = outcome.requests, design.horizon.duration_s
    log = log[np.isfinite(log.admitted_s)]
    busy_s = sum(_union_s(log[log.replica == replica], end_s) for replica in np.unique(log.replica))
    assert outcome.ledger.pools["busy_s"].sum() == pytest.approx(busy_s, rel=1e-9, abs=1e-9)


def streamed_at_once(design: Design) -> Design:
    """The same with clients who have each token when it is made, and see when the batch is left."""
    return replace(design, pools=tuple(_streaming_at_once(drawn) for drawn in design.pools))


def _streaming_at_once(drawn: GpuPool) -> GpuPool:
    engine = replace(
        drawn.profile,
        frontend_s_per_token=0.0,
        frontend_s_per_token_from_rest=0.0,
        frontend_s_per_prompt_token_out=0.0,
        output_delay_s=0.0,
    )
    return replace(drawn, profile=engine)


def _union_s(log: Any, end_s: float) -> float:
    """Length of the union of [admitted, finished): a preempted request waits for others to run."""
    finish_s = np.where(np.isnan(log.finish_s), end_s, log.finish_s)
    covered_s, total_s = 0.0, 0.0
    for begin_s, until_s in sorted(zip(log.admitted_s.tolist(), finish_s.tolist(), strict=True)):
        total_s += max(0.0, until_s - max(begin_s, covered_s))
        covered_s = max(covered_s, until_s)
    return total_s


@drawn_anew(50, designs())
def test_littles_law_holds_as_an_identity(design: Design) -> None:
    """The integral of the number waiting, or running, is the sum of the times spent so.

    Nobody is streamed here, who would be neither.

    Where somebody was preempted part of the time in the batch was spent waiting again: then the
    two together.
    """
    whole = streamed_at_once(replace(design, horizon=replace(design.horizon, warm_up_s=0.0)))
    outcome = simulate(whole, STREAMS, record_requests=True)
    log, booked, end_s = outcome.requests, outcome.ledger.pools, design.horizon.duration_s
    log = log[log.replica >= 0]
    admitted_s = np.where(np.isnan(log.admitted_s), end_s, log.admitted_s)
    finish_s = np.where(np.isnan(log.finish_s), end_s, log.finish_s)
    waiting_s, running_s = booked["waiting_s"].sum(), booked["running_s"].sum()
    present_s = (finish_s - log.arrival_s).sum()
    assert waiting_s + running_s == pytest.approx(present_s, rel=1e-9, abs=1e-9)
    if log.preemptions.sum() == 0:
        first_wait_s = (admitted_s - log.arrival_s).sum()
        assert waiting_s == pytest.approx(first_wait_s, rel=1e-9, abs=1e-9)


def test_each_replica_is_billed_by_its_started_granule() -> None:
    horizon = Horizon(datetime(2026, 1, 1), 5_400.0, 0.0, 900.0)
    nobody = GivenRequests(RequestBlock(np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32)))
    fleet = replace(pool(replicas=3), price=GpuPrice(2.0, billing_granularity_s=3_600.0))
    design = Design("idle", horizon, (Workload("none", nobody, "pool", Slo()),), (fleet,))
    figures = replication(design).metrics
    assert figures["cost_usd"] == 3 * 2 * 2.0  # three replicas, an hour and a half each
    assert figures["utilisation"] == 0.0


# Relations between runs


def slowed(drawn: GpuPool, factor: float) -> GpuPool:
    """Every time of the engine and its front end multiplied."""
    engine = drawn.profile.sped_up(1 / factor)
    return replace(
        drawn,
        profile=replace(
            engine,
            overhead_s=engine.overhead_s * factor,
            frontend_s_per_request=engine.frontend_s_per_request * factor,
            frontend_s_per_prompt_token=engine.frontend_s_per_prompt_token * factor,
            frontend_s_per_token=engine.frontend_s_per_token * factor,
            frontend_s_per_token_from_rest=engine.frontend_s_per_token_from_rest * factor,
            frontend_s_per_prompt_token_out=engine.frontend_s_per_prompt_token_out * factor,
            output_delay_s=engine.output_delay_s * factor,
        ),
    )


@drawn_anew(67, cases(tight=True, verbs=True))
def test_doubling_every_time_and_halving_the_rate_doubles_every_latency(case: Case) -> None:
    """To the last bit: a factor of two is exact in binary."""
    twice = replace(
        case,
        pools=[slowed(drawn, 2.0) for drawn in case.pools],
        arrival_s=2 * case.arrival_s,
        verbs=tuple(replace(verb, at_s=2 * verb.at_s) for verb in case.verbs),
    )
    log, log_twice = kernel_log(case), kernel_log(twice)
    for name in ("arrival_s", "ready_s", "admitted_s", "first_token_s", "finish_s"):
        np.testing.assert_array_equal(log_twice[name], 2 * log[name], name)
    for name in ("status", "replica", "preemptions", "output_tokens"):
        np.testing.assert_array_equal(log_twice[name], log[name], name)


@drawn_anew(34, cases(tight=True, verbs=True))
def test_numbering_workloads_otherwise_changes_nothing(case: Case) -> None:
    swapped = replace(
        case, workload=1 - case.workload, workload_pool=list(reversed(case.workload_pool))
    )
    log, log_swapped = kernel_log(case), kernel_log(swapped)
    np.testing.assert_array_equal(log_swapped.workload, 1 - log.workload)
    log_swapped.workload = log.workload
    assert log_swapped.tobytes() == log.tobytes()


@drawn_anew(17, designs())
def test_the_names_of_workloads_change_nothing(design: Design) -> None:
    names = {"workload 0": "zebra", "workload 1": "ant"}
    renamed = replace(
        design, workloads=tuple(replace(w, name=names[w.name]) for w in design.workloads)
    )
    figures, others = replication(design).metrics, replication(renamed).metrics
    for key, value in figures.items():
        for name, other in names.items():
            key = key.replace(f"workloads.{name}.", f"workloads.{other}.")  # noqa: PLW2901
        np.testing.assert_equal(others[key], value, key)


@drawn_anew(67, cases(), st.floats(1.01, 4))
def test_a_faster_engine_makes_no_request_later_where_one_is_served_at_a_time(
    case: Case, factor: float
) -> None:
    one = _one_at_a_time(case)
    faster = replace(one, pools=[replace(p, profile=p.profile.sped_up(factor)) for p in one.pools])
    log, sooner = kernel_log(one), kernel_log(faster)
    for name in ("admitted_s", "first_token_s", "finish_s"):
        assert not (sooner[name] > log[name] * (1 + 1e-12)).any(), name


@drawn_anew(67, cases(), st.integers(0, 59))
def test_a_request_less_makes_no_other_later_where_one_is_served_at_a_time(
    case: Case, which: int
) -> None:
    one = _one_at_a_time(case)
    without = np.arange(len(one.arrival_s)) != which % len(one.arrival_s)
    fewer = replace(
        one,
        arrival_s=one.arrival_s[without],
        prompt=one.prompt[without],
        output=one.output[without],
        workload=one.workload[without],
    )
    log, sooner = kernel_log(one)[without], kernel_log(fewer)
    for name in ("admitted_s", "first_token_s", "finish_s"):
        assert not (sooner[name] > log[name] * (1 + 1e-12)).any(), name


def _one_at_a_time(case: Case) -> Case:
    """The same requests on one replica per pool that serves them one by one.

    Its front end has one process, which does not stream: else who comes finds it streaming what a
    slower engine would have had it stream later.
    """
    pools = [
        replace(
            drawn,
            replicas=1,
            profile=replace(drawn.profile, max_num_seqs=1, frontend_processes=1),
        )
        for drawn in map(_streaming_at_once, case.pools)
    ]
    return replace(case, pools=pools)
