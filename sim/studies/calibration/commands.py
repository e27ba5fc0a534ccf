"""Commands that measure one more run, for the tool whose files were read.

Options are those of vLLM 0.22 (``vllm bench serve``), SGLang 0.5 (``bench_serving``), GuideLLM 0.8,
AIPerf, LLMPerf 2.0; inference-perf is told by a file, whose lines are given. For files of other
tools, and engine logs, vLLM's own is named: it runs against any server of OpenAI's interface.
"""

from collections.abc import Callable

from sim.studies.calibration.telling import Wanted


def command(tool: str, wanted: Wanted, model: str) -> str:
    """What to run.

    >>> command("vllm", Wanted(1, 8192, 64), "m")  # doctest: +ELLIPSIS
    'vllm bench serve --model m --dataset-name random --random-input-len 8192 ...'
    """
    return COMMANDS.get(tool, _vllm)(wanted, model)


def _vllm(wanted: Wanted, model: str) -> str:
    return (
        f"vllm bench serve --model {model} --dataset-name random"
        f" --random-input-len {wanted.prompt_tokens} --random-output-len {wanted.output_tokens}"
        f" --max-concurrency {wanted.users} --num-prompts {wanted.requests} --ignore-eos"
        " --save-result --save-detailed"
    )


def _sglang(wanted: Wanted, model: str) -> str:
    return (
        f"python -m sglang.bench_serving --backend sglang --model {model} --dataset-name random"
        f" --random-input-len {wanted.prompt_tokens} --random-output-len {wanted.output_tokens}"
        f" --random-range-ratio 1 --max-concurrency {wanted.users}"
        f" --num-prompts {wanted.requests} --output-details --output-file more.jsonl"
    )


def _guidellm(wanted: Wanted, model: str) -> str:
    return (
        f"guidellm benchmark --target http://localhost:8000 --model {model}"
        f" --rate-type concurrent --rate {wanted.users} --max-requests {wanted.requests}"
        f" --data prompt_tokens={wanted.prompt_tokens},output_tokens={wanted.output_tokens}"
        " --output-path more.json"
    )


def _aiperf(wanted: Wanted, model: str) -> str:
    return (
        f"aiperf profile --model {model} --endpoint-type chat --streaming"
        f" --synthetic-input-tokens-mean {wanted.prompt_tokens} --synthetic-input-tokens-stddev 0"
        f" --output-tokens-mean {wanted.output_tokens} --output-tokens-stddev 0"
        f" --extra-inputs ignore_eos:true --concurrency {wanted.users}"
        f" --request-count {wanted.requests}"
    )


def _inference_perf(wanted: Wanted, model: str) -> str:
    return (
        "inference-perf --config_file more.yml, with load: {type: concurrent, stages:"
        f" [{{num_requests: {wanted.requests}, concurrency_level: {wanted.users}}}]}}, data:"
        f" {{type: random, input_distribution: {{min: {wanted.prompt_tokens}, max:"
        f" {wanted.prompt_tokens}}}, output_distribution: {{min: {wanted.output_tokens}, max:"
        f" {wanted.output_tokens}}}}}, report: {{request_lifecycle: {{per_request: true}}}}"
    )


def _llmperf(wanted: Wanted, model: str) -> str:
    return (
        f"python token_benchmark_ray.py --model {model} --llm-api openai"
        f" --mean-input-tokens {wanted.prompt_tokens} --stddev-input-tokens 0"
        f" --mean-output-tokens {wanted.output_tokens} --stddev-output-tokens 0"
        f" --num-concurrent-requests {wanted.users}"
        f" --max-num-completed-requests {wanted.requests} --results-dir more"
    )


COMMANDS: dict[str, Callable[[Wanted, str], str]] = {
    "vllm": _vllm,
    "sglang": _sglang,
    "guidellm": _guidellm,
    "aiperf": _aiperf,
    "genai-perf": _aiperf,
    "inference-perf": _inference_perf,
    "llmperf": _llmperf,
}
