"""What travels to workers: little with each batch, a trace by itself."""

import sys
from pathlib import Path

import numpy as np
import pytest
from cluster_worlds import TinyScenario, replicate

from sim.engine.control import AUTOSCALERS
from sim.errors import ClusterError
from sim.model.trace import Trace
from sim.montecarlo.cluster.address import checked, local_workers
from sim.montecarlo.cluster.passport import misfit, passport
from sim.montecarlo.execution import Job

pytest.importorskip("cloudpickle")
from sim.montecarlo.cluster.freight import Packing, unpack, unpack_trace


def trace(requests: int = 50_000) -> Trace:
    tokens = np.full(requests, 100, np.int32)
    return Trace(np.arange(requests, dtype=np.float64), tokens, tokens)


def test_a_trace_is_left_out_of_the_job_and_named_by_its_content() -> None:
    packing, one = Packing(), trace()
    first = packing.pack(Job(TinyScenario(content=[one, one]), 0, replicate))
    again = packing.pack(Job(TinyScenario(content=trace(), seed=7), 1, replicate))
    assert len(first.traces) == 1
    assert again.traces == first.traces  # read from its file once more
    assert again.digest != first.digest
    content = packing.trace(again.traces[0])
    assert len(first.job) < 2_000
    assert len(content) > 500_000
    job = unpack(first.job, {first.traces[0]: unpack_trace(content)})
    found, same = job.scenario.content
    assert found is same
    assert np.array_equal(found.arrival_s, one.arrival_s)


def test_another_trace_has_another_name() -> None:
    packing = Packing()
    digests = {
        packing.pack(Job(TinyScenario(content=trace(n)), 0, replicate)).traces for n in (5, 6)
    }
    assert len(digests) == 2


def test_a_function_of_a_users_module_comes_as_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those of the modules beside it, where none of them can be imported."""
    (tmp_path / "mine_alone.py").write_text(
        "import mine_part\ndef f(fleet): return mine_part.g()\n"
    )
    (tmp_path / "mine_part.py").write_text("def g(): return 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import mine_alone  # noqa: PLC0415

    monkeypatch.setitem(AUTOSCALERS, "mine", mine_alone.f)
    scenario = TinyScenario(document={"autoscaler": {"process": "mine"}})
    freight = Packing().pack(Job(scenario, 0, replicate, {"mine": mine_alone.f}))
    for name in ("mine_alone", "mine_part"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
    assert unpack(freight.job, {}).autoscalers["mine"](None) == 42


# Who fits -------------------------------------------------------------------------------------


def test_a_worker_like_this_process_fits() -> None:
    assert misfit("w", dict(passport()), passport()) is None


@pytest.mark.parametrize("what", sorted(passport()))
def test_any_difference_is_one_line_with_both_values(what: str) -> None:
    said = misfit("tcp://w:1", {**passport(), what: "other"}, passport())
    assert said is not None and "\n" not in said
    assert "worker tcp://w:1" in said and "other" in said and passport()[what] in said


# Addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "good", ["tcp://10.0.0.7:8786", "host:8786", "tls://[::1]:1", "local:1", "there/s.json"]
)
def test_addresses_that_can_be_meant(good: str) -> None:
    assert checked(good) == good


@pytest.mark.parametrize(
    "bad",
    ["", "local", "local:", "local:0", "local:x", "local:-1", "local:2.5", "local:9999", "local:٣",
     "host", "tcp://host", "host:0", "host:70000", "host:x", "a b:1", "tcp://:8786", "x\n:1"],
)  # fmt: skip
def test_others_are_refused_with_an_example(bad: str) -> None:
    with pytest.raises(ClusterError, match=r"local:4"):
        checked(bad)


def test_a_scheduler_is_not_this_machine() -> None:
    assert local_workers("localhost:8786") is None
