"""One benchmark as every tool would write it: small files, made from the documented schemas.

A closed loop of four users with known times and tokens; the files say the same in their own words
and units. Writers give the content as text.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.model.measured import RequestLog

EPOCH_S = 1_795_251_087.25
USERS = 4
Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Requests of a run: (n,) each, in seconds and tokens."""

    sent_s: np.ndarray
    ttft_s: np.ndarray
    e2e_s: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray

    @property
    def tpot_s(self) -> np.ndarray:
        return (self.e2e_s - self.ttft_s) / (self.output_tokens - 1)

    @property
    def length_s(self) -> float:
        return float((self.sent_s + self.e2e_s).max())

    def __len__(self) -> int:
        return len(self.sent_s)


def closed_run(requests: int = 40, users: int = USERS, seed: int = 1) -> Run:
    """Users who send at once when they are answered."""
    draw = np.random.default_rng(seed)
    inputs, outputs = draw.integers(100, 200, requests), draw.integers(20, 60, requests)
    ttft = 0.02 + 1e-4 * inputs + draw.uniform(0, 0.01, requests)
    e2e = ttft + (outputs - 1) * draw.uniform(0.009, 0.011, requests)
    free, sent = np.zeros(users), np.zeros(requests)
    for index in range(requests):
        user = int(free.argmin())
        sent[index] = free[user]
        free[user] += e2e[index] + 2e-4
    return Run(sent, ttft, e2e, inputs, outputs)


def run_of(log: RequestLog) -> Run:
    """The completed requests of a log."""
    done = log.completed
    columns = (log.sent_s, log.ttft_s, log.e2e_s, log.input_tokens, log.output_tokens)
    return Run(*(each[done] for each in columns))


def _summary(values: np.ndarray, unit: float, names: dict[str, str]) -> Json:
    """Statistics under a tool's names."""
    found = {names["mean"]: values.mean() / unit, names["sd"]: values.std() / unit}
    for name, at in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        found[names.get(name, name)] = float(np.percentile(values, at)) / unit
    return {name: float(value) for name, value in found.items()}


PLAIN = {"mean": "mean", "sd": "std"}


def _flat(run: Run, words: dict[str, str]) -> Json:
    """``mean_ttft_ms`` and the like."""
    metrics = {"ttft": run.ttft_s, "tpot": run.tpot_s, "e2e": run.e2e_s}
    return {
        f"{which}_{words.get(word, word)}_ms": value
        for word, values in metrics.items()
        for which, value in {
            **_summary(values, 1e-3, PLAIN),
            "median": float(np.median(values)) * 1e3,
        }.items()
    }


def _gaps(run: Run) -> list[list[float]]:
    pairs = zip(run.tpot_s.tolist(), run.output_tokens.tolist(), strict=True)
    return [[gap] * (count - 1) for gap, count in pairs]


def _totals(run: Run) -> Json:
    return {
        "duration": run.length_s,
        "completed": len(run),
        "total_input_tokens": int(run.input_tokens.sum()),
        "total_output_tokens": int(run.output_tokens.sum()),
        "request_throughput": len(run) / run.length_s,
        "output_throughput": float(run.output_tokens.sum()) / run.length_s,
    }


def vllm_plain(run: Run, users: int = USERS) -> Json:
    return {
        "date": "20261121-090728",
        "endpoint_type": "openai",
        "backend": "vllm",
        "label": None,
        "model_id": "a/model",
        "tokenizer_id": "a/model",
        "num_prompts": len(run),
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": users,
        "failed": 0,
        "request_goodput": None,
        "total_token_throughput": 9.0,
        **_totals(run),
        **_flat(run, {"e2e": "e2el"}),
    }


def vllm_detailed(run: Run, users: int = USERS) -> Json:
    return {
        **vllm_plain(run, users),
        "input_lens": run.input_tokens.tolist(),
        "output_lens": run.output_tokens.tolist(),
        "ttfts": run.ttft_s.tolist(),
        "itls": _gaps(run),
        "latencies": run.e2e_s.tolist(),
        "start_times": (run.sent_s + 7191.5).tolist(),
        "queue_times": [1.5] * len(run),
        "generated_texts": ["text"] * len(run),
        "errors": [""] * len(run),
    }


def vllm_lines(run: Run) -> str:
    """Of ``--append-result``: without details, and with them."""
    return json.dumps(vllm_plain(run)) + "\n" + json.dumps(vllm_detailed(run))


def sglang_plain(run: Run, users: int = USERS) -> Json:
    return {
        "backend": "sglang-oai",
        "dataset_name": "random",
        "request_rate": float("inf"),
        "max_concurrency": users,
        "sharegpt_output_len": None,
        "random_input_len": 200,
        "random_output_len": 60,
        "random_range_ratio": 0.5,
        "total_output_tokens_retokenized": int(run.output_tokens.sum()) - 3,
        "input_throughput": 9.0,
        "concurrency": 3.9,
        "accept_length": None,
        **_totals(run),
        **_flat(run, {"e2e": "e2e_latency"}),
    }


def sglang_detailed(run: Run) -> Json:
    return {
        **sglang_plain(run),
        "input_lens": run.input_tokens.tolist(),
        "output_lens": run.output_tokens.tolist(),
        "ttfts": run.ttft_s.tolist(),
        "itls": _gaps(run),
        "generated_texts": ["text"] * len(run),
        "errors": [""] * len(run),
    }


def _guidellm_metric(values: np.ndarray) -> Json:
    names = {"mean": "mean", "sd": "std_dev"}
    found = _summary(values, 1.0, names)
    percentiles = {name: value for name, value in found.items() if name.startswith("p")}
    kept = {name: found[name] for name in names.values()}
    one = {
        **kept,
        "median": found["p50"],
        "count": len(values),
        "total_sum": float(values.sum()),
        "percentiles": {"p001": 0.0, **percentiles, "p999": float(values.max())},
    }
    nothing = {"mean": 0.0, "count": 0, "total_sum": 0.0, "percentiles": {}}
    return {"successful": one, "errored": nothing, "incomplete": nothing, "total": one}


def guidellm(run: Run, users: int = USERS, version: int = 2, requests: bool = True) -> Json:
    rows = []
    times = zip(
        (run.sent_s + EPOCH_S).tolist(),
        run.ttft_s.tolist(),
        run.e2e_s.tolist(),
        run.input_tokens.tolist(),
        run.output_tokens.tolist(),
        strict=True,
    )
    for sent, ttft, e2e, inputs, outputs in times:
        timings = {
            "request_start": sent,
            "first_token_iteration": sent + ttft,
            "last_token_iteration": sent + e2e,
            "token_iterations": outputs,
            "request_end": sent + e2e + 1e-4,
        }
        row = {
            "request_latency": e2e + 1e-4,
            "prompt_tokens": inputs,
            "output_tokens": outputs,
            "time_to_first_token_ms": ttft * 1e3,
            "time_per_output_token_ms": e2e / outputs * 1e3,
            "inter_token_latency_ms": (e2e - ttft) / (outputs - 1) * 1e3,
        }
        if version == 2:
            row |= {"cached_tokens": None, "info": {"timings": timings, "status": "completed"}}
        else:
            row |= {
                "start_time": sent,
                "first_token_time": sent + ttft,
                "last_token_time": sent + e2e,
            }
        rows.append(row)
    strategy = {"type_": "concurrent", "streams": users, "max_concurrency": users}
    benchmark = {
        "start_time": EPOCH_S,
        "duration": run.length_s,
        "warmup_duration": 0.0,
        "cooldown_duration": 0.0,
        "metrics": {
            "request_totals": {"successful": len(run), "errored": 0, "incomplete": 0},
            "request_latency": _guidellm_metric(run.e2e_s),
            "time_to_first_token_ms": _guidellm_metric(run.ttft_s * 1e3),
            "inter_token_latency_ms": _guidellm_metric(run.tpot_s * 1e3),
            "time_per_output_token_ms": _guidellm_metric(run.e2e_s / run.output_tokens * 1e3),
            "prompt_token_count": _guidellm_metric(run.input_tokens.astype(float)),
            "output_token_count": _guidellm_metric(run.output_tokens.astype(float)),
        },
        "requests": {
            "successful": rows if requests else [],
            "incomplete": [],
            "errored": None,
        },
    }
    number = {"max_number": {"type_": "max_number", "args": {"max_num": len(run)}}}
    if version == 2:
        data = {"kind": "synthetic_text", "prompt_tokens": 150, "prompt_tokens_stdev": 30,
                "output_tokens": 40}  # fmt: skip
        spec = {"backend": {"model": "a/model"}, "data": [data]}
        return {
            "metadata": {"version": 2, "guidellm_version": "0.8.1"},
            "config": {"spec": spec},
            "benchmarks": [{"config": {"strategy": strategy, "constraints": number}, **benchmark}],
        }
    return {
        "metadata": {"version": 1, "guidellm_version": "0.3.0"},
        "args": {"model": "a/model"},
        "benchmarks": [{"args": {"strategy": strategy, "max_number": len(run)}, **benchmark}],
    }


def _measured(values: np.ndarray, unit: str = "ms", scale: float = 1e-3) -> Json:
    names = {"mean": "avg", "sd": "std"}
    ends = {"min": float(values.min()) / scale, "max": float(values.max()) / scale}
    return {"unit": unit, **_summary(values, scale, names), **ends}


def aiperf(run: Run, users: int = USERS, rate: float | None = None) -> Json:
    loadgen: Json = {"concurrency": users, "request_count": len(run)}
    if rate is not None:
        loadgen = {"request_rate": rate, "request_rate_mode": "poisson"}
    return {
        "schema_version": "1.3",
        "aiperf_version": "0.5.0",
        "request_latency": _measured(run.e2e_s),
        "time_to_first_token": _measured(run.ttft_s),
        "inter_token_latency": _measured(run.tpot_s),
        "input_sequence_length": _measured(run.input_tokens.astype(float), "tokens", 1.0),
        "output_sequence_length": _measured(run.output_tokens.astype(float), "tokens", 1.0),
        "request_count": {"unit": "requests", "avg": float(len(run))},
        "request_throughput": {"unit": "requests/sec", "avg": len(run) / run.length_s},
        "output_token_throughput": {
            "unit": "tokens/sec",
            "avg": float(run.output_tokens.sum()) / run.length_s,
        },
        "benchmark_duration": {"unit": "sec", "avg": run.length_s},
        "error_request_count": None,
        "start_time": "2026-11-21T20:22:08.939332",
        "input_config": {"endpoint": {"model_names": ["a/model"]}, "loadgen": loadgen},
    }


def genai_perf(run: Run, users: int = USERS) -> Json:
    whole = aiperf(run)
    kept = {key: value for key, value in whole.items() if isinstance(value, dict)}
    stimulus = {"perf_analyzer": {"stimulus": {"concurrency": str(users)}}, "model": ["a/model"]}
    return {**kept, "input_config": stimulus}


def aiperf_lines(run: Run, unit: str = "ms") -> str:
    scale = {"ms": 1e3, "s": 1.0}[unit]
    lines = []
    for index in range(len(run)):
        start = round((EPOCH_S + float(run.sent_s[index])) * 1e9)
        metrics = {
            "input_sequence_length": {"value": int(run.input_tokens[index]), "unit": "tokens"},
            "output_sequence_length": {"value": int(run.output_tokens[index]), "unit": "tokens"},
            "time_to_first_token": {"value": float(run.ttft_s[index]) * scale, "unit": unit},
            "request_latency": {"value": float(run.e2e_s[index]) * scale, "unit": unit},
        }
        metadata = {
            "session_num": index,
            "turn_index": 0,
            "request_start_ns": start,
            "request_end_ns": start + round(float(run.e2e_s[index]) * 1e9),
            "benchmark_phase": "profiling",
            "was_cancelled": False,
        }
        lines.append(json.dumps({"metadata": metadata, "metrics": metrics, "error": None}))
    return "\n".join(lines)


def _perf_summary(values: np.ndarray) -> Json:
    low, high = float(values.min()), float(values.max())
    found = {"mean": float(values.mean()), "median": float(np.median(values)), "min": low}
    tails = {f"p{at}": float(np.percentile(values, at)) for at in (25, 75, 90, 95, 99, 99.9)}
    return {**found, **tails, "max": high}


def inference_perf(run: Run, tokens_factor: float = 1.0, server_count: bool = False) -> Json:
    """A stage; the client's count of tokens may be off by a factor."""
    outputs = run.output_tokens * tokens_factor
    latency = {
        "request_latency": _perf_summary(run.e2e_s),
        "time_to_first_token": _perf_summary(run.ttft_s),
        "time_per_output_token": _perf_summary(run.tpot_s / 2),  # of old versions
        "normalized_time_per_output_token": _perf_summary(run.e2e_s / outputs),
    }
    successes = {
        "count": len(run),
        "latency": latency,
        "throughput": {
            "output_tokens_per_sec": float(outputs.sum()) / run.length_s,
            "requests_per_sec": len(run) / run.length_s,
        },
        "prompt_len": _perf_summary(run.input_tokens),
        "output_len": _perf_summary(outputs),
    }
    if server_count:
        successes["output_tokens"] = {"total": float(run.output_tokens.sum())}
    load = {"count": len(run), "requested_rate": 2.5, "achieved_rate": 2.4, "send_duration": 16.0}
    return {"load_summary": load, "successes": successes, "failures": {"count": 0}}


def inference_perf_requests(run: Run, tokens_factor: int = 1) -> list[Json]:
    rows = []
    for index in range(len(run)):
        sent, count = 100.0 + float(run.sent_s[index]), int(run.output_tokens[index])
        first, last = sent + float(run.ttft_s[index]), sent + float(run.e2e_s[index])
        chunks = np.linspace(first, last, count).tolist()
        response = {
            "output_tokens": tokens_factor * count,
            "chunk_times": chunks,
            "output_token_times": sorted(chunks * tokens_factor),
            "server_usage": {"completion_tokens": count},
        }
        inputs = {"text": {"input_tokens": int(run.input_tokens[index])}}
        info = {"request_metrics": inputs, "response_metrics": response}
        rows.append({"start_time": sent, "end_time": last, "request": "", "response": "",
                     "info": info, "error": None})  # fmt: skip
    return rows


def _llmperf_metric(values: np.ndarray) -> Json:
    found = {"mean": float(values.mean()), "stddev": float(values.std())}
    tails = {f"quantiles_p{at}": float(np.percentile(values, at)) for at in (25, 50, 75, 90, 95)}
    return {**found, **tails, "min": str(values.min()), "max": str(values.max())}


def llmperf(run: Run, users: int = USERS) -> Json:
    metrics = {
        "inter_token_latency_s": run.e2e_s / run.output_tokens,  # LLMPerf's own meaning
        "ttft_s": run.ttft_s,
        "end_to_end_latency_s": run.e2e_s,
        "number_input_tokens": run.input_tokens,
        "number_output_tokens": run.output_tokens,
    }
    flat = {
        f"results_{name}_{which}": value
        for name, values in metrics.items()
        for which, value in _llmperf_metric(values).items()
    }
    return {
        "version": "2023-08-31",
        "name": "a",
        "model": "a/model",
        "mean_input_tokens": 150,
        "num_concurrent_requests": users,
        **flat,
        "results_num_requests_started": len(run),
        "results_number_errors": 0,
        "results_error_code_frequency": "{}",
        "results_mean_output_throughput_token_per_s": 100.0,
        "results_num_completed_requests": len(run),
        "results_num_completed_requests_per_min": 60 * len(run) / run.length_s,
        "timestamp": 1795251087,
    }


def llmperf_responses(run: Run) -> list[Json]:
    return [
        {
            "error_code": None,
            "error_msg": "",
            "inter_token_latency_s": float(run.e2e_s[i] / run.output_tokens[i]),
            "ttft_s": float(run.ttft_s[i]),
            "end_to_end_latency_s": float(run.e2e_s[i]),
            "number_input_tokens": int(run.input_tokens[i]),
            "number_output_tokens": int(run.output_tokens[i]),
        }
        for i in range(len(run))
    ]


INFERENCEX_COLUMNS = (
    "id", "silicon_data_source", "backend", "backend_version", "model_path", "system", "precision",
    "mode", "isl", "osl", "batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size",
    "moe_ep_size", "silicon_ttft_ms", "silicon_tpot_ms",
)  # fmt: skip


def inferencex(run: Run, users: int = USERS, **changed: object) -> str:
    """A table of one row; others are given by what is changed in it."""
    row = {
        "id": "a_row",
        "silicon_data_source": f"db-dump/2026-04-27; config_id=1; silicon_concurrency={users}; "
        "measured=2026-04-17T00:00:00.000Z",
        "backend": "vllm",
        "backend_version": "0.19.0",
        "model_path": "a/model",
        "system": "h200_sxm",
        "precision": "fp8",
        "mode": "agg",
        "isl": 200,
        "osl": 60,
        "batch_size": users,
        "tp_size": 4,
        "pp_size": 1,
        "attention_dp_size": 1,
        "moe_tp_size": 4,
        "moe_ep_size": 1,
        "silicon_ttft_ms": run.ttft_s.mean() * 1e3,
        "silicon_tpot_ms": run.tpot_s.mean() * 1e3,
    } | changed
    return _csv([row], INFERENCEX_COLUMNS)


def _csv(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def inferencex_json(run: Run, users: int = USERS) -> list[Json]:
    times = {"ttft": run.ttft_s, "tpot": run.tpot_s, "e2el": run.e2e_s}
    flat = {
        f"{which}_{name}": value
        for name, values in times.items()
        for which, value in _summary(values, 1.0, PLAIN).items()
    }
    return [{"hw": "h200", "tp": 8, "ep": 8, "dp_attention": "true", "conc": users, "isl": 200,
             "osl": 60, "model": "a/model", "framework": "trt", "precision": "fp8",
             "tput_per_gpu": 20.0, "output_tput_per_gpu": 10.0, **flat}]  # fmt: skip


def mlperf() -> str:
    return (
        "submitter,availability,system,gpu,gpus,model,scenario,result,unit,weights,stack\n"
        "A,available,Box,H200,8,llama2-70b,Offline,30000.5,Tokens/s,fp8,vLLM\n"
        "A,available,Box,H200,8,llama2-70b,Server,28000,Tokens/s,fp8,vLLM\n"
        "A,available,Box,H200,8,resnet,Server,28000,Samples/s,fp8,vLLM\n"
    )


def _report_metric(values: np.ndarray, units: str, scale: float) -> Json:
    names = {"mean": "mean", "sd": "stddev"}
    tail = {"p99p9": float(np.percentile(values, 99.9)) / scale}
    return {"units": units, **_summary(values, scale, names), **tail}


def benchmark_report(run: Run, users: int | None = USERS, rate: float | None = None) -> Json:
    load: Json = {
        "tool": "vllm-benchmark",
        "tool_version": "0.19",
        "source": "random",
        "input_seq_len": {"distribution": "uniform", "value": 150, "min": 100, "max": 199},
        "output_seq_len": {"distribution": "fixed", "value": 40},
    }
    load |= {"concurrency": users} if users else {}
    load |= {"rate_qps": rate} if rate else {}
    engine = {
        "kind": "inference_engine",
        "tool": "vllm",
        "tool_version": "0.19.0",
        "role": "replica",
        "replicas": 1,
        "model": {"name": "a/model"},
        "accelerator": {"model": "H200", "count": 4, "parallelism": {"tp": 4, "pp": 1}},
    }
    latency = {
        "time_to_first_token": _report_metric(run.ttft_s, "ms", 1e-3),
        "time_per_output_token": _report_metric(run.tpot_s, "ms/token", 1e-3),
        "request_latency": _report_metric(run.e2e_s, "s", 1.0),
    }
    throughput = {
        "output_token_rate": {
            "units": "tokens/s",
            "mean": float(run.output_tokens.sum()) / run.length_s,
        },
        "request_rate": {"units": "queries/s", "mean": len(run) / run.length_s},
    }
    aggregate = {
        "requests": {"total": len(run), "failures": 0, "incomplete": 0},
        "latency": latency,
        "throughput": throughput,
    }
    return {
        "version": "0.2.1",
        "run": {"uid": "u", "time": {"start": "2026-11-21T09:00:00Z", "duration": "PT30S"}},
        "scenario": {
            "stack": [{"metadata": {}, "standardized": engine}],
            "load": {"metadata": {}, "standardized": load},
        },
        "results": {"request_performance": {"aggregate": aggregate}},
    }


def report_yaml(run: Run) -> str:
    """The same report in block style."""
    return _yaml(benchmark_report(run), 0)


def _yaml(value: Json, depth: int) -> str:
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{'  ' * depth}{key}:{' {}' if not item else ''}")
            lines += [_yaml(item, depth + 1)] if item else []
        elif isinstance(item, list):
            lines.append(f"{'  ' * depth}{key}:")
            lines += [f"{'  ' * depth}-\n{_yaml(each, depth + 1)}" for each in item]
        else:
            lines.append(f"{'  ' * depth}{key}: {json.dumps(item)}")
    return "\n".join(lines)


def csv_requests(run: Run, unit: str = "ms") -> str:
    scale = {"ms": 1e3, "s": 1.0}[unit]
    names = (
        f"sent_{unit}",
        f"ttft_{unit}",
        f"e2e_{unit}",
        "input_tokens",
        "output_tokens",
        "status",
    )
    rows = [
        dict(zip(names, (float(run.sent_s[i] * scale), float(run.ttft_s[i] * scale),
                         float(run.e2e_s[i] * scale), run.input_tokens[i], run.output_tokens[i],
                         "ok"), strict=True))
        for i in range(len(run))
    ]  # fmt: skip
    return _csv(rows, names)


def csv_runs(run: Run, users: int = USERS) -> str:
    names = (
        "concurrency",
        "Mean TTFT (ms)",
        "p95_tpot_s",
        "mean_tpot_s",
        "input_len",
        "output_len",
    )
    cells = (users, run.ttft_s.mean() * 1e3, np.percentile(run.tpot_s, 95), run.tpot_s.mean(),
             150, 40)  # fmt: skip
    return _csv([dict(zip(names, cells, strict=True))], names)


def _histogram(name: str, values: np.ndarray, bounds: tuple[float, ...], labels: str) -> list[str]:
    counts = [(bound, int((values <= bound).sum())) for bound in (*bounds, float("inf"))]
    lines = [f"# HELP {name} A histogram.", f"# TYPE {name} histogram"]
    for bound, count in counts:
        le = "+Inf" if bound == float("inf") else str(bound)
        lines.append(f'{name}_bucket{{le="{le}",{labels}}} {count}.0')
    lines.append(f"{name}_count{{{labels}}} {len(values)}.0")
    lines.append(f"{name}_sum{{{labels}}} {float(values.sum())}")
    return lines


SHORT = tuple(np.linspace(0.002, 0.2, 100).round(4).tolist())
LONG = tuple(np.linspace(0.02, 2.0, 100).round(3).tolist())
COUNTS = (1.0, 10.0, 100.0, 1000.0)


def prometheus(run: Run, engine: str = "vllm", hits: int = 0) -> str:
    labels = 'engine="0",model_name="a/model"'
    lines = ["# HELP python_info Of Python.", 'python_info{version="3.12"} 1.0']
    families = (
        ("time_to_first_token_seconds", run.ttft_s, SHORT),
        ("request_time_per_output_token_seconds", run.tpot_s, SHORT),
        ("inter_token_latency_seconds", np.repeat(run.tpot_s, run.output_tokens - 1), SHORT),
        ("e2e_request_latency_seconds", run.e2e_s, LONG),
        ("request_prompt_tokens", run.input_tokens, COUNTS),
        ("request_generation_tokens", run.output_tokens, COUNTS),
    )
    for name, values, bounds in families:
        lines += _histogram(f"{engine}:{name}", values, bounds, labels)
    lines.append(f"{engine}:prompt_tokens_total{{{labels}}} {int(run.input_tokens.sum())}.0")
    lines.append(f"{engine}:prefix_cache_queries_total{{{labels}}} {int(run.input_tokens.sum())}.0")
    lines.append(f"{engine}:prefix_cache_hits_total{{{labels}}} {hits}.0")
    return "\n".join(lines) + "\n"


def iterations() -> str:
    return (
        "# iter,ctx_req,ctx_tok,gen_req,gen_tok,ms,kv_pct\n"
        "0,2,300,0,0,42.44,0.8\n1,0,0,2,2,10.95,0.8\n2,1,78,2,2,20.5,\n"
    )


def _as_text(value: str | Json | list[Json]) -> str:
    return value if isinstance(value, str) else json.dumps(value)


FILES: dict[str, Callable[[Run], str]] = {
    name: (lambda run, write=write: _as_text(write(run)))  # type: ignore[misc]
    for name, write in {
        "vllm": vllm_plain,
        "vllm-detailed": vllm_detailed,
        "vllm-lines": vllm_lines,
        "sglang": sglang_plain,
        "sglang-detailed": sglang_detailed,
        "guidellm": guidellm,
        "guidellm-v1": lambda run: guidellm(run, version=1),
        "guidellm-bare": lambda run: guidellm(run, requests=False),
        "aiperf": aiperf,
        "aiperf-lines": aiperf_lines,
        "genai-perf": genai_perf,
        "inference-perf": inference_perf,
        "inference-perf-requests": inference_perf_requests,
        "llmperf": llmperf,
        "llmperf-responses": llmperf_responses,
        "inferencex": inferencex,
        "inferencex-json": inferencex_json,
        "mlperf": lambda run: mlperf(),
        "benchmark-report": benchmark_report,
        "benchmark-report-yaml": report_yaml,
        "csv-requests": csv_requests,
        "csv-runs": csv_runs,
        "prometheus": prometheus,
        "iterations": lambda run: iterations(),
    }.items()
}  # every kind of file that is read, by a name of it
