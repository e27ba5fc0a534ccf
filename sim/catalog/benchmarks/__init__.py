"""Benchmark files that people have, as measured runs: one importer for each tool.

=========================  ======================================================================
tool                       files
=========================  ======================================================================
``vllm bench serve``       ``--save-result`` JSON, with ``--save-detailed`` or without; lines of
                           ``--append-result``
SGLang ``bench_serving``   lines of ``--output-file``, with ``--output-details`` or without
GuideLLM                   ``benchmarks.json`` of versions 1 and 2
AIPerf, GenAI-Perf         ``profile_export_*.json``, and ``profile_export.jsonl`` beside it
inference-perf             ``stage_N_…`` and ``per_request_lifecycle_metrics.json``
LLMPerf                    summary and individual responses
InferenceX                 the table of rows, or the benchmark's JSON rows
MLPerf                     tables of results: throughput alone
llm-d Benchmark Report     v0.2 and v0.2.1, JSON or YAML
Prometheus                 ``/metrics`` of vLLM, SGLang or TensorRT-LLM: one text, or several
engine logs                ``NAME.requests.csv``, ``NAME.steps.csv``, ``NAME.json``; iterations
CSV                        a row a request or a row a run, with the units in the names
=========================  ======================================================================

Files are known by their content. All are plain or gzip.
"""

from sim.catalog.benchmarks.reading import read_benchmarks

__all__ = ["read_benchmarks"]
