"""Studies of one small scenario, as asked from Python and as asked on the command line."""

SCENARIO = """\
name: Shop <b>&</b>
horizon: {start: 2026-11-23, duration: 5min, warm_up: 0, bin: 1min}
workloads:
  chat:
    arrivals: {requests_per_second: {uniform: {low: 1, high: 2}}}
    prompt_tokens: 300
    output_tokens: 50
    slo: {ttft_p95: 2s}
    route: own
backends:
  own:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {usd_per_gpu_hour: 3}
  api: {kind: managed_api, model: gpt-4.1}
worlds: 100
"""
# By name: options of the function, and of the command.
ASKED = {
    "run": ({"worlds": 3}, ["--worlds", "3"]),
    "size": (
        {"probability": "39%", "worlds": 4, "peak": True, "miss_cost": 0.01},
        ["--probability", "39%", "--worlds", "4", "--peak", "--miss-cost", "0.01"],
    ),
    "stress": (
        {"growth": [1, 2], "worlds": 2, "spike": 2, "steps_only": True,
         "budget": 99999},
        ["--growth", "1,2", "--worlds", "2", "--spike", "2", "--steps-only",
         "--budget", "99999"],
    ),
    "compare": (
        {"variants": {"one": {"backends.own.replicas": 1}}, "worlds": 3, "metrics": ["cost_usd"]},
        ["--variant", "one: backends.own.replicas=1", "--worlds", "3", "--metric", "cost_usd"],
    ),
    "sweep": (
        {"over": {"backends.own.replicas": [1, 2], "backends.own.router": "random,round_robin"},
         "worlds": 3, "metrics": ["cost_usd"], "per_world": True},
        ["--over", "backends.own.replicas=1,2", "--over", "backends.own.router=random,round_robin",
         "--worlds", "3", "--metric", "cost_usd", "--per-world"],
    ),
    "breakeven": (
        {"volumes": [1e3, "100k"], "worlds": 2, "switching_cost": {"own": "20k..60k"}, "term": 12},
        ["--volumes", "1k,100k", "--worlds", "2", "--switching-cost", "own=20k..60k",
         "--term", "12"],
    ),
    "plan": (
        {"months": 1, "worlds": 2, "growth": "2..3", "reserved": 0.6,
         "on_demand": 4, "peak": 2},
        ["--months", "1", "--worlds", "2", "--growth", "2..3", "--reserved", "60%",
         "--on-demand", "4", "--peak", "2"],
    ),
    "risk": (
        {"worlds": 128, "metric": "slo_met", "probability": "99%"},
        ["--worlds", "128", "--metric", "slo_met", "--probability", "99%"],
    ),
    "sensitivity": (
        {"worlds": 16, "metrics": ["cost_usd", "slo_met"]},
        ["--worlds", "16", "--metric", "cost_usd", "--metric", "slo_met"],
    ),
}  # fmt: skip
API_ONLY = ("workloads.chat.route=api", "backends.own=null")  # fewer inputs, no engine


def changes(name):
    """Of the scenario, for a study."""
    return API_ONLY if name == "sensitivity" else ()
