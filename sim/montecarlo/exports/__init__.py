"""The first world in the formats of others: text files beside the results.

=========================  =====================================================================
``costs.csv``              its bill, in the columns of FOCUS 1.2
``benchmark_report.json``  what was measured, as an llm-d Benchmark Report v0.2.1
``metrics.prom``           counters, gauges and histograms under vLLM's names, for Prometheus
=========================  =====================================================================

They show one world: a sample of what a day would look like in other tools, not the answer of a run.
Their only times are those of the horizon, so the same world gives the same bytes.
"""

COSTS = "costs.csv"
BENCHMARK_REPORT = "benchmark_report.json"
METRICS = "metrics.prom"
FILES = (COSTS, BENCHMARK_REPORT, METRICS)
