"""What is deployed with a stack of its own, and not beside a Deployment: a remark in its place."""

from sim.model.energy import Energy
from sim.model.gateway import FlowControl
from sim.model.planner import Planner


def remark(policy: Planner) -> str:
    """Its settings, in a sentence."""
    targets = {"ttft": policy.ttft_s, "itl": policy.itl_s}
    given = [f"{name}: {1000 * to:g} (ms)" for name, to in targets.items() if to is not None]
    correction = "" if policy.corrects else ", no correction"
    return (
        "Replicas were planned as NVIDIA Dynamo's planner does, which needs a deployment of Dynamo"
        f" (a DynamoGraphDeployment) in the place of this one: {', '.join(given)},"
        f" throughput_adjustment_interval: {policy.adjustment_interval_s:g} s, load_predictor:"
        f" {policy.predictor}{correction}, between {policy.min_replicas} and"
        f" {policy.max_replicas} replicas."
    )


def flow_control(rules: FlowControl) -> str:
    """Settings of llm-d's endpoint picker, in a sentence."""
    return (
        "Requests were simulated to wait at the gateway while the pool is saturated: the endpoint"
        " picker of llm-d or of the Gateway API Inference Extension does so with its flowControl"
        f" feature gate and saturationDetector: queueDepthThreshold: {rules.full_queue:g},"
        f" kvCacheUtilThreshold: {rules.full_kv:g}, --refresh-metrics-interval"
        f" {1000 * rules.refresh_s:g}ms."
    )


def power_cap(energy: Energy) -> str:
    """What has to be set on the nodes, in a sentence."""
    assert energy.law is not None
    watts = f"{energy.law.cap_w:.0f}"
    return (
        f"Simulated with a power cap of {watts} W a GPU, which no manifest sets: on its nodes run"
        f" nvidia-smi -pl {watts}."
    )
