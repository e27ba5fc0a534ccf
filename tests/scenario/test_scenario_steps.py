"""Services of a fixed number of steps: what they compile to, how long a request takes, errors."""

import numpy as np
import pytest
from fleets import Case, kernel_log, pool
from scenario_documents import written

from sim.errors import ScenarioError
from sim.scenario import load_scenario

IMAGES = """\
name: images
horizon: {days: 1}
workloads:
  pictures:
    arrivals: {requests_per_day: 10k}
    prompt_tokens: 1
    output_tokens: 28
backends:
  painter:
    kind: gpu_pool
    service: {step: {4: 350ms, 1: 100ms, 2: 180ms}, gpu: l40s, gpus: 2, start: 200ms}
    replicas: 1
"""
SERVICE = "backends.painter.service"


@pytest.fixture
def images(tmp_path):
    return written(tmp_path, IMAGES)


def requests(*arrival_s, profile):
    n = len(arrival_s)
    return Case(
        [pool(profile, 1)],
        [0],
        np.array(arrival_s),
        prompt=np.ones(n, np.int32),
        output=np.full(n, 28, np.int32),
        workload=np.zeros(n, np.int32),
        key=1,
    )


def test_a_request_takes_its_start_and_its_steps(images):
    """Alone 0.2 + 28 · 0.1 s; four at once 0.2 · 4 + 0.1 s for the first and 27 · 0.35 s."""
    profile = load_scenario(images).typical_design().pools[0].profile
    assert kernel_log(requests(0.0, profile=profile)).finish_s.tolist() == pytest.approx([3.0])
    four = kernel_log(requests(0.0, 0.0, 0.0, 0.0, profile=profile))
    assert four.finish_s.tolist() == pytest.approx([0.8 + 0.1 + 27 * 0.35] * 4)
    five = kernel_log(requests(0.0, 0.0, 0.0, 0.0, 0.0, profile=profile))
    assert five.admitted_s[4] == pytest.approx(four.finish_s[0])  # no more than four at once


def test_between_the_times_that_are_given_lies_a_line(images):
    profile = load_scenario(images).typical_design().pools[0].profile
    assert [profile.step_s(n, 1e6) for n in (0, 1, 2, 3, 4)] == pytest.approx(
        [0.1, 0.1, 0.18, 0.265, 0.35]
    )
    assert (profile.gpus_per_replica, profile.max_num_seqs, profile.gpu) == (2, 4, "l40s")


def test_a_resolved_scenario_has_the_same_service(images, tmp_path):
    scenario = load_scenario(images)
    again = tmp_path / "resolved.yaml"
    again.write_text(scenario.to_yaml())
    assert load_scenario(again).typical_design().pools == scenario.typical_design().pools


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("{step: {1: 2s, 2: 1s}, gpu: l4}", "is shorter than a step of 1"),
        ("{step: 95ms, gpu: l4}", "must give the time of a step"),
        ("{step: {}, gpu: l4}", "must give the time of a step"),
        ("{step: {0: 1s}, gpu: l4}", "must be a whole number from 1"),
        ("{step: {one: 1s}, gpu: l4}", "must be a whole number from 1"),
        ("{step: {1: 0s}, gpu: l4}", "must be greater than 0"),
        ("{step: {1: 1s}}", "has no gpu"),
        ("{step: {1: 1s}, gpu: l5}", "is not in the catalogue"),
        ("{step: {1: 1s}, gpu: l4, gpus: 0}", "must be a whole number"),
        ("{step: {1: 1s}, gpu: l4, start: -1s}", "must be at least 0"),
        ("{step: {1: 1s}, gpu: l4, model: qwen3-8b}", "unknown key"),
    ],
)
def test_what_is_wrong_is_told(images, service, says):
    with pytest.raises(ScenarioError) as error:
        load_scenario(images, [f"{SERVICE}={service}"])
    (problem,) = map(str, error.value.problems)
    assert says in problem
