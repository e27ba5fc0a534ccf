"""Files that people give by mistake: what they are, and which file to give, or flag to run with."""

from collections.abc import Callable, Mapping

from sim.catalog.benchmarks.document import Document

Known = Callable[[Document], bool]

SERVE = "run vllm bench serve --save-result --save-detailed"


def _begins(text: str) -> Known:
    """Whether a text, or the names of a table, begin with something."""
    return lambda document: (document.text or ",".join(document.columns)).lstrip().startswith(text)


def _holds(text: str) -> Known:
    return lambda document: text in document.text[:100_000]


def _has(*keys: str) -> Known:
    return lambda document: document.has(*keys)


HINTS: Mapping[str, Known] = {  # the first that knows a document says it
    f"is of vllm bench latency, which times no single tokens: {SERVE}": _has(
        "avg_latency", "latencies"
    ),
    f"is of vllm bench throughput, which times no single tokens: {SERVE}": _has(
        "elapsed_time", "tokens_per_second"
    ),
    "is what a benchmark printed: give the file that it writes (vllm bench serve --save-result"
    " --save-detailed; SGLang --output-file --output-details)": _holds("Serving Benchmark Result"),
    "is a summary of AIPerf as CSV: give profile_export_aiperf.json and profile_export.jsonl": (
        _begins("Metric,avg,")
    ),
    "holds the requests that AIPerf was to send: give profile_export_aiperf.json": (
        lambda document: (
            isinstance(document.first.get("data"), list)
            and "session_id" in str(document.first["data"][:1])[:1000]
        )
    ),
    "counts no tokens: give profile_export_genai_perf.json, which lies beside it": (
        lambda document: isinstance(document.first.get("experiments"), list)
    ),
    "is a table of GuideLLM: give benchmarks.json": _begins("Run Info,"),
    "is a log of an engine's metrics by AIPerf: give profile_export_aiperf.json": _has(
        "summary", "metrics", "endpoint_summaries"
    ),
    "is a configuration of inference-perf: give the reports (stage_0_lifecycle_metrics.json)": (
        lambda document: "\nload:" in f"\n{document.text}" and "\nserver:" in f"\n{document.text}"
    ),
}


def hint(document: Document) -> str | None:
    """What to say of a document that no importer reads; None where nothing is known of it."""
    return next((text for text, knows in HINTS.items() if knows(document)), None)
