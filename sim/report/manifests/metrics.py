"""What an autoscaler looks at, as the engines export it to Prometheus.

Names are those of vLLM's and SGLang's ``/metrics`` (docs.vllm.ai/en/stable/usage/metrics,
docs.sglang.io/references/production_metrics). TensorRT-LLM exports what is missing here in another
form; its queries are vLLM's, to be replaced, which the file says.

Two things a query cannot see and the simulation does: requests held at the gateway, and the delay
until Prometheus has scraped (15 s by default), which ``metric_delay`` stands for.
"""

from sim.model.autoscaler import SHARES, Metric, Reactive, Trigger
from sim.model.design import GpuPool

_VLLM: dict[Metric, str] = {
    "concurrency": "sum(vllm:num_requests_running{sel}) + sum(vllm:num_requests_waiting{sel})",
    "queue": "sum(vllm:num_requests_waiting{sel})",
    "running": "sum(vllm:num_requests_running{sel})",
    "saturation": "avg(llm_d_epp_flow_control_pool_saturation)",
    "kv_utilisation": "avg(vllm:kv_cache_usage_perc{sel})",
    "requests_per_s": "sum(rate(vllm:request_success_total{sel}[{window}]))",
    "output_tokens_per_s": "sum(rate(vllm:generation_tokens_total{sel}[{window}]))",
}
_SGLANG: dict[Metric, str] = {
    "concurrency": "sum(sglang:num_running_reqs{sel}) + sum(sglang:num_queue_reqs{sel})",
    "queue": "sum(sglang:num_queue_reqs{sel})",
    "running": "sum(sglang:num_running_reqs{sel})",
    "saturation": "avg(llm_d_epp_flow_control_pool_saturation)",
    "kv_utilisation": "avg(sglang:token_usage{sel})",
    "requests_per_s": "sum(rate(sglang:num_requests_total{sel}[{window}]))",
    "output_tokens_per_s": "sum(rate(sglang:generation_tokens_total{sel}[{window}]))",
}
POD_METRICS: dict[Metric, str] = {
    "concurrency": "requests_in_flight",
    "queue": "requests_waiting",
    "running": "requests_running",
    "saturation": "pool_saturation",
    "kv_utilisation": "kv_cache_used_share",
    "requests_per_s": "requests_per_second",
    "output_tokens_per_s": "output_tokens_per_second",
}
"""Names for a metric of pods, which Prometheus Adapter or the like makes of the query."""


def query(pool: GpuPool, name: str, policy: Reactive, trigger: Trigger) -> str:
    """The figure of the whole pool in PromQL; of a share its mean over the pods."""
    table = _SGLANG if "sglang" in pool.profile.engine.lower() else _VLLM
    text = table[trigger.metric].replace("{sel}", f'{{pod=~"{name}-.*"}}')
    return text.replace("{window}", f"{max(1, round(policy.rate_window_s))}s")


def sources(pool: GpuPool, name: str, policy: Reactive) -> list[str]:
    """Where each metric of pods comes from, in a sentence."""
    return [
        f"{POD_METRICS[each.metric]} is to be had from Prometheus Adapter or the like:"
        f" {query(pool, name, policy, each)}{'' if each.metric in SHARES else ', over the pods'}."
        for each in policy.triggers
    ]


def quantity(value: float) -> str:
    """A number as Kubernetes writes quantities.

    >>> quantity(32.0), quantity(0.8), quantity(2.5)
    ('32', '800m', '2500m')
    """
    return f"{value:.0f}" if value == round(value) else f"{value * 1000:.0f}m"
