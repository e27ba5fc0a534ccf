"""Workloads that come after others: whose latencies count from when, and queues in tandem."""

from dataclasses import replace

import numpy as np
import pytest
from fleets import Case, kernel_run, pool, profile

from sim.engine.state.histogram import edges_s
from sim.engine.state.record import E2E, TASK_E2E, TTFT
from sim.model.workload import Chains

ONE = profile(step_base_s=(1.0,))  # a second each for the prompt and every further token


def chained(arrival_s, prompt, output, calls, pools) -> Case:
    """Requests of workload 0 at pool 0, each with the same calls (stage, think, prompt, output)."""
    n = len(arrival_s)
    stage, think_s, new, out = (list(column) for column in zip(*calls, strict=True))
    chains = Chains(
        np.full(n, len(calls), np.int32),
        np.array(stage * n, np.int32),
        np.array(think_s * n, np.float64),
        np.array(new * n, np.int32),
        np.array(out * n, np.int32),
        np.array(stage * n, np.int32),  # workload 1 in stage 1, and so on
    )
    return Case(
        pools,
        list(range(len(pools))),
        np.asarray(arrival_s, np.float64),
        prompt=np.asarray(prompt, np.int32),
        output=np.asarray(output, np.int32),
        workload=np.zeros(n, np.int32),
        key=1,
        chains=chains,
        carry=[0.0] * len(pools),
    )


def test_latencies_of_a_chain_count_from_its_first_arrival() -> None:
    """An embedding of 1 s, a search of 2.5 s, and an answer of two tokens: 3 + 1 + 1 s."""
    pools = [pool(ONE, 1), pool(ONE, 1)]
    plane = kernel_run(chained([3.0], [1], [1], [(1, 2.5, 1, 2)], pools))
    log = plane.requests()
    assert log.arrival_s.tolist() == [3.0, 3.0]
    assert log.dispatched_s.tolist() == [3.0, 6.5]
    assert log.first_token_s.tolist() == [4.0, 7.5]
    assert log.finish_s.tolist() == [4.0, 8.5]
    counts = plane.close_bin().workloads
    assert counts.requests.tolist() == [1, 1]
    assert counts.ttft_s.tolist() == [1.0, 4.5]
    assert counts.e2e_s.tolist() == [1.0, 5.5]
    assert counts.queue_wait_s.tolist() == [0.0, 0.0]  # nobody waited in a queue
    assert counts.tasks.tolist() == counts.tasks_completed.tolist() == [1, 0]
    assert counts.task_s.tolist() == [5.5, 0.0]
    # A scaler sees what its own pool does: from the moment at which it was asked.
    assert plane.close_bin().pools.ttft_s.tolist() == [1.0, 1.0]


def test_what_comes_after_the_warm_up_counts_by_the_first_arrival() -> None:
    pools = [pool(ONE, 1), pool(ONE, 1)]
    case = chained([-0.5, 3.0], [1, 1], [1, 1], [(1, 0.0, 1, 2)], pools)
    counts = kernel_run(case).close_bin().workloads
    assert counts.requests.tolist() == counts.completed.tolist() == [1, 1]


def test_who_has_lost_patience_asks_no_further() -> None:
    """Patience ends at 3.2 s, in the search between: the answer is given up when it is sent."""
    pools = [pool(ONE, 1), pool(ONE, 1)]
    case = chained([0.0], [1], [1], [(1, 2.5, 1, 2)], pools)
    plane = kernel_run(replace(case, patience_s=np.array([3.2])))
    counts = plane.close_bin().workloads
    assert counts.completed.tolist() == [1, 0]
    assert counts.gave_up.tolist() == [0, 1]
    assert plane.requests().finish_s[1] == 3.5
    assert counts.tasks_failed.tolist() == [1, 0]


def test_tandem_queues_have_the_wait_of_each_alone() -> None:
    """Poisson arrivals, one place and exponential work on each of three pools: M/M/1 in tandem.

    By Burke's theorem each sees Poisson arrivals (1956), so that the whole takes the sum of
    1/(mu - lambda). Work is prompts alone, of 1/1000 s a token, as of embeddings. The error of one
    run is 1.1 % over 20 other seeds; within four of them: false alarms in 6e-5.
    """
    rng = np.random.default_rng(5)
    n, load, means = 40_000, 0.5, (1000.0, 800.0, 1250.0)
    arrival_s = np.cumsum(rng.exponential(1 / load, n))
    work = [np.maximum(rng.exponential(mean, n).round(), 1).astype(np.int32) for mean in means]
    engine = profile(
        step_base_s=(0.0,),
        prefill_s_per_token=1e-3,
        max_num_seqs=1,
        max_model_len=1 << 18,
        kv_capacity_tokens=1 << 24,
        max_num_batched_tokens=1 << 19,
    )
    pools = [pool(engine, 1) for _ in means]
    case = chained(arrival_s, work[0], np.ones(n), [(1, 0.0, 1, 1), (2, 0.0, 1, 1)], pools)
    prompts = np.stack(work[1:], axis=1).ravel()
    case = replace(case, chains=case.chains._replace(prompt_tokens=prompts))
    state = kernel_run(case).close_bin()
    expected = [1 / (1000 / mean - load) for mean in means]
    mean_s = state.workloads.e2e_s / state.workloads.completed
    assert mean_s == pytest.approx(np.cumsum(expected), rel=0.045)
    assert state.workloads.task_s[0] / n == pytest.approx(float(mean_s[-1]), rel=1e-12)
    # And those of tasks are counted as those of the last of the chain.
    assert state.histograms[0, TASK_E2E].tolist() == state.histograms[2, E2E].tolist()
    assert state.histograms[2, TTFT].tolist() == state.histograms[2, E2E].tolist()  # one token
    assert len(edges_s()) == state.histograms.shape[-1] + 1
