"""The keys of clients and gateways: what they compile to, and what is refused."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import CLIENTS, MINIMAL, written

from sim.errors import ScenarioError
from sim.model.client import RETRIES, Client, Retry, RetryBudget
from sim.model.distributions import Constant, Exponential
from sim.model.gateway import Gateway
from sim.scenario import load_scenario
from sim.scenario.workload.client import WITHOUT_LIMIT

CLIENT = "workloads.chat.client"
GATEWAY = "backends.large.gateway"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def at_level(scenario, level):
    u = np.array([level])
    return {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}


def design_of(path, *overrides, level=0.5):
    scenario = load_scenario(path, overrides)
    return scenario.design(at_level(scenario, level))


def client_of(path, *overrides):
    return design_of(path, *(f"{CLIENT}.{one}" for one in overrides)).workloads[0].client


def problems(path, *overrides):
    """What is wrong, without the names of the overrides."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


def test_without_keys_clients_wait_for_ever_and_gateways_take_everything(minimal):
    design = design_of(minimal)
    assert design.workloads[0].client == Client()
    assert design.workloads[0].priority == 0
    assert design.pools[0].gateway == Gateway()


def test_every_key_of_clients_and_gateways_reaches_the_design(tmp_path):
    scenario = load_scenario(written(tmp_path, CLIENTS))
    values = at_level(scenario, 0.5)
    design = scenario.design(values)
    chat, nightly = design.workloads
    assert chat.client.timeout_s == pytest.approx(60)
    assert (chat.client.ttft_timeout_s, chat.client.server_stops) == (10, False)
    share = values[f"{CLIENT}.retries.budget.per_request"]
    assert share == pytest.approx(0.125)
    assert chat.client.retry == replace(
        RETRIES["openai-sdk"],
        max_retries=2,
        cap_s=10.0,
        after_failure=False,
        budget=RetryBudget(capacity=50.0, cost=1.0, timeout_cost=2.0, per_request=share),
    )
    assert chat.client.patience == Exponential(values[f"{CLIENT}.patience.exponential.mean"])
    assert chat.client.patience.mean() == pytest.approx(math.sqrt(20 * 40))
    assert nightly.client == Client(timeout_s=600.0, retry=RETRIES["aws-standard"])
    assert (chat.priority, nightly.priority) == (0, 1)
    gateway = design.pools[0].gateway
    assert gateway.max_queue == round(math.sqrt(100 * 300))
    assert gateway == Gateway(gateway.max_queue, retry_after_s=5.0, replica_limit=100.0)


def test_inputs_of_clients_are_named_by_their_paths(tmp_path):
    paths = {one.path for one in load_scenario(written(tmp_path, CLIENTS)).inputs}
    assert {path for path in paths if "service.error_" not in path} == {
        "backends.large.gateway.max_queue",
        "backends.large.throughput_factor",
        "workloads.chat.client.patience.exponential.mean",
        "workloads.chat.client.retries.budget.per_request",
        "workloads.chat.client.retries.max_retries",
        "workloads.chat.client.timeout",
    }


@pytest.mark.parametrize("level", [0.01, 0.5, 0.99])
def test_resolved_clients_and_gateways_give_the_same_designs(tmp_path, level):
    scenario = load_scenario(written(tmp_path, CLIENTS))
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.inputs == scenario.inputs
    values = at_level(scenario, level)
    one, other = again.design(values), pickle.loads(pickle.dumps(scenario)).design(values)
    assert [w.client for w in one.workloads] == [w.client for w in other.workloads]
    assert one.pools == other.pools


@pytest.mark.parametrize("preset", RETRIES)
def test_a_preset_is_the_same_by_its_name_in_a_mapping_and_written_out(tmp_path, minimal, preset):
    scenario = load_scenario(minimal, [f"{CLIENT}.retries={preset}"])
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    values = at_level(scenario, 0.5)
    assert scenario.design(values).workloads[0].client.retry == RETRIES[preset]
    assert again.design(values).workloads[0].client.retry == RETRIES[preset]
    assert client_of(minimal, f"retries={{preset: {preset}}}").retry == RETRIES[preset]
    assert "preset" not in scenario.document["workloads"]["chat"]["client"]["retries"]


def test_a_budget_is_a_share_of_requests_or_a_mapping(minimal):
    ten = RetryBudget(capacity=100.0, per_request=0.1)
    assert client_of(minimal, "retries={preset: openai-sdk, budget: 10%}").retry == replace(
        RETRIES["openai-sdk"], budget=ten
    )
    # A budget replaces that of the preset as a whole: what is left of it would not be 10 %.
    assert client_of(minimal, "retries={preset: aws-standard, budget: 0.1}").retry.budget == ten
    full = "{per_success: 0.2, cost: 3, capacity: 30}"
    assert client_of(minimal, f"retries={{budget: {full}}}").retry.budget == RetryBudget(
        capacity=30.0, cost=3.0, timeout_cost=3.0, per_success=0.2
    )


def test_a_budget_can_be_given_to_a_preset_on_the_command_line(minimal):
    first, second = "retries={preset: openai-sdk}", "retries.budget=10%"
    assert client_of(minimal, first, second).retry.budget == RetryBudget(100.0, per_request=0.1)


def test_retries_without_preset_have_no_limit_unless_given(minimal):
    retry = client_of(minimal, "retries={base: 2s}").retry
    assert retry == Retry(max_retries=WITHOUT_LIMIT, base_s=2.0)
    assert client_of(minimal, "retries={base: 0, max_retries: 3}").retry == Retry(3, base_s=0.0)
    assert client_of(minimal, "timeout=9s").retry == Retry()


def test_patience_is_one_duration_or_a_distribution(minimal):
    assert client_of(minimal, "patience=30s").patience == Constant(30.0)
    drawn = client_of(minimal, "patience={exponential: {mean: 30s}}").patience
    assert drawn == Exponential(30.0)
    cut = client_of(minimal, "patience={normal: {mean: 40s, sd: 10s}}").patience
    assert cut.ppf(np.array([2.0**-53]))[0] == 0


def test_a_replica_is_given_as_much_as_it_runs_at_once_unless_told_otherwise(minimal):
    profile = design_of(minimal).pools[0].profile
    central = design_of(minimal, f"{GATEWAY}.queue=central").pools[0].gateway
    assert central == Gateway(replica_limit=float(profile.max_num_seqs))
    limits = [f"{GATEWAY}={{queue: central, replica_limit: 7}}", f"{GATEWAY}.max_queue=0"]
    assert design_of(minimal, *limits).pools[0].gateway == Gateway(0.0, replica_limit=7.0)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            f"{CLIENT}.retries=openai",
            f"{CLIENT}.retries: 'openai' must be one of none, openai-sdk, anthropic-sdk, "
            "aws-standard (did you mean 'openai-sdk'?)",
        ),
        (
            f"{CLIENT}.retries=[none]",
            f"{CLIENT}.retries: a list of 1 must be one of none, openai-sdk, anthropic-sdk, "
            "aws-standard",
        ),
        (
            f"{CLIENT}.retries={{}}",
            f"{CLIENT}.retries: is an empty mapping (one of none, openai-sdk, anthropic-sdk, "
            "aws-standard)",
        ),
        (
            f"{CLIENT}.retries={{max_retry: 3}}",
            f"{CLIENT}.retries.max_retry: unknown key (did you mean 'max_retries'?)",
        ),
        (
            f"{CLIENT}.retries={{preset: openai-sdk, budget: ten}}",
            f"{CLIENT}.retries.budget: 'ten' must be a share such as 0.08 or 8%",
        ),
        (
            f"{CLIENT}.retries={{base: 0}}",
            f"{CLIENT}.retries: has neither a delay nor a limit, and would retry for ever at the "
            "same instant (add base, max_retries or budget)",
        ),
        (
            f"{CLIENT}.retries={{base: {{choice: [0, 1]}}}}",
            f"{CLIENT}.retries: has neither a delay nor a limit, and would retry for ever at the "
            "same instant (add base, max_retries or budget)",
        ),
        (
            f"{CLIENT}.retries={{base: 10s}}",
            f"{CLIENT}.retries.cap: 8s must be at least base (10s)",
        ),
        (
            f"{CLIENT}.retries={{budget: {{capacity: 5}}}}",
            f"{CLIENT}.retries.budget: is never refilled "
            "(add per_request, such as per_request: 10%)",
        ),
        (
            f"{CLIENT}.retries={{budget: {{per_request: 10%, capacity: 5, timeout_cost: 10}}}}",
            f"{CLIENT}.retries.budget.capacity: 5 must be at least timeout_cost (10), or no "
            "retry is ever made",
        ),
        (
            f"{CLIENT}.retries={{after: timeout}}",
            f"{CLIENT}.retries.after: 'timeout' must be a list of timeout, rejection, failure",
        ),
        (
            f"{CLIENT}.retries={{after: [timeout, rejected]}}",
            f"{CLIENT}.retries.after.1: 'rejected' must be one of timeout, rejection, failure "
            "(did you mean 'rejection'?)",
        ),
        (
            f"{CLIENT}.retries={{after: [timeout, timeout]}}",
            f"{CLIENT}.retries.after.1: 'timeout' is given twice (remove one)",
        ),
        (
            f"{CLIENT}={{on_timeout: server_stops}}",
            f"{CLIENT}.on_timeout: has no meaning for a client that waits for ever "
            "(add timeout, such as timeout: 60s)",
        ),
        (
            f"{CLIENT}={{timeout: 10s, first_token_timeout: 20s}}",
            f"{CLIENT}.first_token_timeout: 20s must be at most timeout (10s)",
        ),
        (
            f"{CLIENT}={{timeout: 4ms}}",
            f"{CLIENT}.timeout: 0.004s must be longer than the 0.005024s that the front end of "
            "backend 'large' takes (see overhead_s of its profile)",
        ),
        (
            f"{CLIENT}={{patience: {{uniform: {{low: 0, high: 1ms}}}}}}",
            f"{CLIENT}.patience: 0.000999s must be longer than the 0.005024s that the front end of "
            "backend 'large' takes (see overhead_s of its profile)",
        ),
        (
            f"{CLIENT}={{patience: {{normal: {{mean: 10s, sd: 10s}}}}}}",
            f"{CLIENT}.patience: its p0.1 (-20.9) must be at least 0 "
            "(use lognormal, whose values are always above 0)",
        ),
        (
            "workloads.chat.priority=high",
            "workloads.chat.priority: 'high' must be one of critical, standard, interactive, "
            "batch, sheddable",
        ),
        (
            f"{GATEWAY}={{replica_limit: 20}}",
            f"{GATEWAY}.replica_limit: has no meaning where requests are pushed to replicas at "
            "once (add queue: central)",
        ),
        (
            f"{GATEWAY}={{queue: central, replica_limit: 0}}",
            f"{GATEWAY}.replica_limit: 0 must be at least 1",
        ),
        (
            f"{GATEWAY}={{max_queue: 1.5}}",
            f"{GATEWAY}.max_queue: 1.5 must be a whole number",
        ),
        (
            f"{GATEWAY}=central",
            f"{GATEWAY}: 'central' must be a mapping "
            "(keys: max_queue, retry_after, queue, replica_limit, flow_control, shed_queue, "
            "on_replica_loss)",
        ),
    ],
)
def test_what_a_client_or_gateway_cannot_mean_is_told(minimal, override, expected):
    assert problems(minimal, override) == [expected]


@pytest.mark.parametrize(
    ("overrides", "warning"),
    [
        (
            ["workloads.chat.priority=batch"],
            "workloads.chat.priority: makes no difference, as no requests wait before backend "
            "'large'; add gateway: {queue: central} to it",
        ),
        (
            [f"{GATEWAY}.retry_after=5s"],
            f"{GATEWAY}.retry_after: makes no difference, as nothing is rejected; add max_queue",
        ),
        (
            [f"{GATEWAY}={{max_queue: 10, retry_after: 5min}}", f"{CLIENT}.retries=openai-sdk"],
            f"{CLIENT}.retries: a rejection by backend 'large' is never retried, as its "
            "retry_after is longer than 2min",
        ),
    ],
)
def test_what_makes_no_difference_is_warned_of(minimal, overrides, warning):
    assert list(load_scenario(minimal, overrides).warnings) == [warning]
