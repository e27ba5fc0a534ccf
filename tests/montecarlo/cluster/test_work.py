"""What a worker does with a batch: one world at a time, and none where it does not fit."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from cluster_worlds import TinyReplication, TinyScenario, replicate

from sim.montecarlo.cluster.passport import passport
from sim.montecarlo.execution import Batch, Job, Task

pytest.importorskip("distributed")
from sim.montecarlo.cluster import work as working
from sim.montecarlo.cluster.freight import Packing
from sim.montecarlo.cluster.work import Order, Refusal, work

WORKER = SimpleNamespace(address="tcp://w:1", log_event=lambda topic, message: None)


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "get_worker", lambda: WORKER)


def order(what: Job, worlds: range, **changes: Any) -> Order:
    freight = Packing().pack(what)
    tasks = [Task(world, {}) for world in worlds]
    ours = {**passport(), **changes.pop("ours", {})}
    job = changes.get("content", freight.job)
    return Order("1", ours, job, freight.digest, freight.traces, tasks)


def test_a_batch_is_simulated() -> None:
    done = work(order(Job(TinyScenario(), 3, replicate), range(4)))
    assert isinstance(done, Batch)
    assert [each.world for each in done.replications] == [0, 1, 2, 3]


def test_a_worker_that_does_not_fit_simulates_nothing() -> None:
    """Also one that joins after the others were looked at."""
    found = work(order(Job(TinyScenario(kills=(0,)), 0, replicate), range(1), ours={"numba": "9"}))
    assert isinstance(found, Refusal)
    here = passport()["numba"]
    assert found.reason.startswith(f"worker tcp://w:1 has numba {here}, and this process 9")


def test_a_job_that_cannot_be_unpacked_is_one_line() -> None:
    job = Job(TinyScenario(seed=5), 0, replicate)
    found = work(order(job, range(1), content=b"damaged"))
    assert isinstance(found, Refusal)
    assert "worker tcp://w:1 cannot take up the scenario" in found.reason
    assert "\n" not in found.reason


inside = threading.Lock()


def replicate_alone(
    scenario: TinyScenario, seed: int, world: int, draws: Any, record_requests: bool = False
) -> TinyReplication:
    """Fails where another world is simulated meanwhile in the same process."""
    assert inside.acquire(blocking=False)
    time.sleep(0.002)
    inside.release()
    return replicate(scenario, seed, world, draws)


def test_threads_of_a_worker_simulate_one_world_at_a_time() -> None:
    batches = [
        order(Job(TinyScenario(seed=number), 0, replicate_alone), range(5)) for number in range(8)
    ]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(work, batches))
    assert [each.failure for each in found if isinstance(each, Batch)] == [None] * 8


def test_a_job_is_unpacked_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = []
    usual = working.unpack
    monkeypatch.setattr(working, "unpack", lambda *a: unpacked.append(1) or usual(*a))
    job = Job(TinyScenario(seed=1001), 0, replicate)
    for _ in range(3):
        work(order(job, range(1)))
    assert len(unpacked) == 1
    for seed in range(2 * working.MOST_JOBS):
        work(order(Job(TinyScenario(seed=2000 + seed), 0, replicate), range(1)))
    assert len(working._jobs) == working.MOST_JOBS
