"""Every tool's file says the same of one benchmark, once units and meanings are put right."""

import gzip
import hashlib
import json
from pathlib import Path

import benchmark_files as files
import numpy as np
import pytest
from places import REAL

from sim.catalog.benchmarks import read_benchmarks
from sim.catalog.benchmarks.loops import gap_s, observed_loop
from sim.catalog.benchmarks.requests import request_log
from sim.errors import MeasurementError
from sim.model.measured import ClosedLoop, Ended, MeasuredRun, OpenLoop, Parallelism, Tokens

RUN = files.closed_run()
MEASURED = Path(__file__).parent / "measured"
SUMMARIES = ("vllm", "sglang", "guidellm-bare", "aiperf", "genai-perf", "benchmark-report",
             "benchmark-report-yaml")  # fmt: skip
TABLES = ("vllm-detailed", "guidellm", "guidellm-v1", "aiperf-lines", "inference-perf-requests",
          "csv-requests")  # fmt: skip
WITHOUT_TIMES = ("sglang-detailed", "llmperf-responses")
CLOSED = ("vllm", "vllm-detailed", "sglang", "sglang-detailed", "guidellm", "guidellm-v1",
          "guidellm-bare", "aiperf", "aiperf-lines", "genai-perf", "inference-perf-requests",
          "llmperf", "inferencex", "inferencex-json", "benchmark-report", "csv-requests",
          "csv-runs")  # fmt: skip


@pytest.fixture
def read(tmp_path: Path):
    """Write texts to files with names that say nothing, and read them."""

    def reading(*texts: object, columns: dict[str, str] | None = None) -> tuple[MeasuredRun, ...]:
        paths = []
        for index, text in enumerate(texts):
            path = tmp_path / f"file{index}"
            path.write_text(text if isinstance(text, str) else json.dumps(text))
            paths.append(str(path))
        return read_benchmarks(paths, columns)

    return reading


def of(name: str) -> str:
    return files.FILES[name](RUN)


def kinds(run: MeasuredRun) -> list[str]:
    return [remark.kind for remark in run.remarks]


@pytest.mark.parametrize("name", SUMMARIES)
def test_summaries_are_in_seconds(read, name: str) -> None:
    (run,) = read(of(name))
    assert run.requests is None
    for metric, values in (("ttft_s", RUN.ttft_s), ("tpot_s", RUN.tpot_s), ("e2e_s", RUN.e2e_s)):
        assert run.statistic(metric, "mean") == pytest.approx(values.mean()), metric
        assert run.statistic(metric, 95) == pytest.approx(np.percentile(values, 95)), metric
    assert run.statistics["ttft_s"].sd == pytest.approx(RUN.ttft_s.std())


@pytest.mark.parametrize("name", SUMMARIES)
def test_summaries_say_how_much_was_answered(read, name: str) -> None:
    (run,) = read(of(name))
    assert run.completed == len(RUN)
    if name != "guidellm-bare":  # its rates are distributions over time, not made here
        assert run.requests_per_s == pytest.approx(len(RUN) / RUN.length_s)
        assert run.output_tokens_per_s == pytest.approx(RUN.output_tokens.sum() / RUN.length_s)


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_the_requests_in_the_order_of_sending(read, name: str) -> None:
    (run,) = read(of(name))
    log = run.requests
    assert log is not None
    order = np.argsort(RUN.sent_s, kind="stable")
    np.testing.assert_allclose(log.sent_s, RUN.sent_s[order], atol=1e-6)
    np.testing.assert_allclose(log.ttft_s, RUN.ttft_s[order], atol=1e-6)
    np.testing.assert_allclose(log.e2e_s, RUN.e2e_s[order], atol=1e-6)
    np.testing.assert_array_equal(log.input_tokens, RUN.input_tokens[order])
    np.testing.assert_array_equal(log.output_tokens, RUN.output_tokens[order])
    assert log.completed.all()


@pytest.mark.parametrize("name", WITHOUT_TIMES)
def test_tables_without_times_of_sending_hold_the_rest(read, name: str) -> None:
    (run,) = read(of(name))
    log = run.requests
    assert log is not None
    assert not log.has_times
    np.testing.assert_allclose(log.ttft_s, RUN.ttft_s)
    np.testing.assert_allclose(log.e2e_s, RUN.e2e_s)


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_loop_is_known_by_its_users(read, name: str) -> None:
    (run,) = read(of(name))
    assert isinstance(run.drive.loop, ClosedLoop)
    assert run.drive.loop.users == files.USERS


@pytest.mark.parametrize("name", TABLES)
def test_the_gap_that_the_client_left_is_measured(read, name: str) -> None:
    (run,) = read(of(name))
    assert run.drive.loop.think_s == pytest.approx(2e-4, abs=1e-6)


def test_every_file_says_where_it_is_from(read, tmp_path: Path) -> None:
    for name in files.FILES:
        for run in read(of(name)):
            content = (tmp_path / "file0").read_bytes()
            assert run.source.sha256 == hashlib.sha256(content).hexdigest(), name
            assert run.source.file.endswith("file0"), name
            assert run.source.tool, name


def test_gzip_files_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + of("vllm").encode()))
    (run,) = read_benchmarks([str(path)])
    assert run.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert run.statistic("ttft_s", "mean") == pytest.approx(RUN.ttft_s.mean())


# ---------------------------------------------------------------- vLLM and SGLang


def test_lines_of_vllm_are_a_run_each(read) -> None:
    plain, detailed = read(of("vllm-lines"))
    assert plain.requests is None
    assert detailed.requests is not None
    assert "assumed" in kinds(plain)
    assert "--save-detailed" in plain.remarks[0].text
    assert plain.drive.prompt_tokens == Tokens("unknown", RUN.input_tokens.mean())


def test_waiting_for_the_clients_own_limit_is_no_part_of_a_latency(read) -> None:
    found = files.vllm_detailed(RUN) | {"queue_times": [99.0] * len(RUN)}
    with_queue, without = read(found)[0], read(of("vllm-detailed"))[0]
    np.testing.assert_array_equal(with_queue.requests.sent_s, without.requests.sent_s)


def test_older_vllm_files_end_an_answer_with_the_gaps_after_its_first_token(read) -> None:
    found = files.vllm_detailed(RUN)
    for key in ("failed", "latencies", "start_times", "queue_times"):
        del found[key]
    (run,) = read(found)
    np.testing.assert_allclose(run.requests.e2e_s, RUN.e2e_s)
    assert not run.requests.has_times


def test_vllm_rates_are_open_loops_and_burstiness_is_a_shape(read) -> None:
    found = files.vllm_plain(RUN) | {"request_rate": 8.0, "burstiness": 0.25}
    loop = read(found)[0].drive.loop
    assert loop == OpenLoop(8.0, 2.0, files.USERS)
    found |= {"max_concurrency": None, "burstiness": 1.0}
    assert read(found)[0].drive.loop == OpenLoop(8.0, 1.0)


def test_all_requests_at_once_are_a_loop_of_as_many_users(read) -> None:
    (run,) = read(files.vllm_plain(RUN) | {"max_concurrency": None})
    assert run.drive.loop == ClosedLoop(len(RUN))
    assert run.drive.requests == len(RUN)


def test_failed_requests_are_told_from_completed_ones(read) -> None:
    found = files.vllm_detailed(RUN) | {"failed": 1, "completed": len(RUN) - 1}
    found["errors"][3] = "Traceback"
    for key in ("ttfts", "latencies", "output_lens"):
        found[key][3] = 0
    found["itls"][3] = []
    (run,) = read(found)
    assert (run.requests.ended == Ended.FAILED).sum() == 1
    assert "failed" in kinds(run)
    assert run.statistic("ttft_s", "mean") == pytest.approx(np.delete(RUN.ttft_s, 3).mean())


def test_vllm_without_times_names_the_flag(read) -> None:
    found = {k: v for k, v in files.vllm_plain(RUN).items() if "tpot" not in k}
    with pytest.raises(MeasurementError, match="--percentile-metrics ttft,tpot"):
        read(found)


def test_a_table_of_vllm_results_is_read_by_their_names(read) -> None:
    plain = {k: v for k, v in files.vllm_plain(RUN).items() if v is not None}
    text = ",".join(plain) + "\n" + ",".join(map(str, plain.values()))
    (run,) = read(text)
    assert run.source.tool == "vllm"
    assert run.statistic("tpot_s", "mean") == pytest.approx(RUN.tpot_s.mean())


def test_lengths_of_sglangs_random_data_are_uniform(read) -> None:
    (run,) = read(of("sglang"))
    assert run.drive.prompt_tokens == Tokens("uniform", 150.0, 100 / np.sqrt(12), 100, 200)
    (run,) = read(files.sglang_plain(RUN) | {"dataset_name": "sharegpt"})
    assert run.drive.prompt_tokens == Tokens("unknown", RUN.input_tokens.mean())
    assert "--output-details" in run.remarks[0].text


# ---------------------------------------------------------------- GuideLLM, AIPerf


def test_guidellms_time_per_output_token_counts_the_first_one(read) -> None:
    (run,) = read(of("guidellm-bare"))
    normalised = (RUN.e2e_s / RUN.output_tokens).mean()
    assert run.statistic("ntpot_s", "mean") == pytest.approx(normalised)
    assert run.statistic("tpot_s", "mean") == pytest.approx(RUN.tpot_s.mean())
    assert run.drive.prompt_tokens == Tokens("normal", 150, 30)
    assert run.drive.output_tokens == Tokens("fixed", 40)


def test_guidellms_percentiles_are_named_in_tenths_of_a_percent(read) -> None:
    (run,) = read(of("guidellm-bare"))
    assert run.statistics["e2e_s"].percentile(99.9) == pytest.approx(RUN.e2e_s.max())
    assert run.statistics["e2e_s"].percentile(0.1) == 0.0
    assert np.isnan(run.statistics["e2e_s"].percentile(1.0))


@pytest.mark.parametrize(
    ("strategy", "loop"),
    [
        ({"type_": "synchronous"}, ClosedLoop(1)),
        ({"type_": "throughput", "max_concurrency": 64}, ClosedLoop(64)),
        ({"type_": "constant", "rate": 3.0}, OpenLoop(3.0, 0.0)),
        ({"type_": "poisson", "rate": 3.0, "max_concurrency": 9}, OpenLoop(3.0, 1.0, 9)),
    ],
)
def test_guidellms_strategies(read, strategy: dict[str, object], loop: object) -> None:
    found = files.guidellm(RUN, requests=False)
    found["benchmarks"][0]["config"]["strategy"] = strategy
    assert read(found)[0].drive.loop == loop


def test_guidellms_limits_of_a_run(read) -> None:
    found = files.guidellm(RUN, requests=False)
    config = found["benchmarks"][0]["config"]
    drive = read(found)[0].drive
    assert (drive.requests, drive.duration_s, drive.ending) == (len(RUN), None, "drained")
    config["constraints"] = {"max_duration": {"args": {"kind": "max_duration", "seconds": 30.5}}}
    drive = read(found)[0].drive
    assert (drive.requests, drive.duration_s, drive.ending) == (None, 30.5, "cut")
    older = files.guidellm(RUN, version=1, requests=False)
    assert read(older)[0].drive.requests == len(RUN)


def test_guidellms_cut_requests_and_cached_tokens(read) -> None:
    found = files.guidellm(RUN)
    requests = found["benchmarks"][0]["requests"]
    cut = requests["successful"].pop()
    cut["info"]["timings"]["last_token_iteration"] = None
    cut["request_latency"] = None
    requests["incomplete"] = [cut, {"info": {"timings": {"request_start": None}}}]
    for row in requests["successful"]:
        row["cached_tokens"] = row["prompt_tokens"] // 2
    (run,) = read(found)
    assert (run.requests.ended == Ended.CUT).sum() == 1
    assert run.drive.ending == "cut"
    assert "prefix_cache" in kinds(run)


def test_aiperfs_summary_and_lines_of_one_folder_are_one_run(read) -> None:
    (run,) = read(of("aiperf"), of("aiperf-lines"))
    assert run.requests is not None
    assert run.drive.loop.users == files.USERS
    assert run.setup.model == "a/model"
    assert "assumed" not in kinds(run)


def test_aiperfs_units_are_those_in_the_file(read) -> None:
    (run,) = read(files.aiperf_lines(RUN, unit="s"))
    np.testing.assert_allclose(run.requests.ttft_s, RUN.ttft_s)
    found = files.aiperf(RUN)
    found["time_to_first_token"]["unit"] = "furlong"
    with pytest.raises(MeasurementError, match=r"unit \('furlong'\) must be a unit of time"):
        read(found)


def test_aiperfs_rates_warm_up_and_failures(read) -> None:
    assert read(files.aiperf(RUN, rate=3.0))[0].drive.loop == OpenLoop(3.0, 1.0)
    lines = [json.loads(line) for line in of("aiperf-lines").split("\n")]
    lines[0]["metadata"]["benchmark_phase"] = "warmup"
    lines[5]["error"], lines[5]["metrics"] = {"code": 500}, {"error_isl": {"value": 5}}
    (run,) = read("\n".join(map(json.dumps, lines)))
    assert run.drive.warmup_requests == 1
    assert (run.completed, run.failed) == (len(RUN) - 2, 1)


@pytest.mark.parametrize(
    "config",
    [
        {"cli_command": "aiperf profile -m 'a b' --concurrency=8 --isl 5"},
        {"cli_command": "aiperf profile --concurrency 8 --url x'"},
        {"loadgen": {"concurrency": 8, "warmup": {"concurrency": 2}}},
        {"phases": [{"name": "warmup", "concurrency": 2}, {"name": "profiling", "concurrency": 8}]},
        {"load": {"phases": {"profiling": {"concurrency": 8}, "warmup": {"concurrency": 2}}}},
    ],
)
def test_aiperfs_users_are_found_in_every_layout(read, config: dict[str, object]) -> None:
    (run,) = read(files.aiperf(RUN) | {"input_config": config})
    assert run.drive.loop == ClosedLoop(8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"experiments": [{"experiment": {}, "requests": []}]}, "give profile_export_genai_perf"),
        ({"avg_latency": 1.0, "latencies": [1.0], "percentiles": {}}, "vllm bench serve"),
        ({"elapsed_time": 9.0, "num_requests": 5, "tokens_per_second": 7.0}, "vllm bench serve"),
        ("====== Serving Benchmark Result ======\nSuccessful requests: 5\n", "--save-detailed"),
        ("Metric,avg,min,max\nRequest Latency (ms),5,5,5\n", "profile_export_aiperf"),
        ({"data": [{"session_id": "x", "payloads": []}]}, "profile_export_aiperf"),
        ("Run Info,Run Info\na,b\n", "two columns|benchmarks.json"),
        ("load:\n  type: constant\nserver:\n  type: vllm\n", "stage_0_lifecycle"),
    ],
)
def test_files_that_are_given_by_mistake_name_the_one_to_give(read, content, message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        read(content)


# ---------------------------------------------------------------- inference-perf, LLMPerf


def test_inference_perfs_own_time_per_output_token_is_not_believed(read) -> None:
    (run,) = read(of("inference-perf"))
    ratio = (RUN.e2e_s.mean() - RUN.ttft_s.mean()) / (RUN.output_tokens.mean() - 1)
    assert run.statistic("tpot_s", "mean") == pytest.approx(ratio)
    assert run.statistic("tpot_s", "mean") == pytest.approx(RUN.tpot_s.mean(), rel=0.03)
    assert any("0.5" in remark.text for remark in run.remarks)


def test_inference_perfs_constant_load_has_exponential_gaps(read) -> None:
    assert read(of("inference-perf"))[0].drive.loop == OpenLoop(2.5, 1.0)


def test_tokens_that_inference_perf_counted_twice_are_counted_once(read) -> None:
    (run,) = read(files.inference_perf(RUN, tokens_factor=2.0, server_count=True))
    assert run.drive.output_tokens.mean == pytest.approx(RUN.output_tokens.mean())
    assert run.statistic("tpot_s", "mean") == pytest.approx(RUN.tpot_s.mean(), rel=0.03)
    assert run.output_tokens_per_s == pytest.approx(RUN.output_tokens.sum() / RUN.length_s)
    (run,) = read(files.inference_perf_requests(RUN, tokens_factor=2))
    np.testing.assert_array_equal(np.sort(run.requests.output_tokens), np.sort(RUN.output_tokens))
    assert any("more tokens than the server" in remark.text for remark in run.remarks)


def test_a_stage_without_the_servers_count_says_so(read) -> None:
    assert any("before June 2026 double" in r.text for r in read(of("inference-perf"))[0].remarks)
    server = read(files.inference_perf(RUN, server_count=True))[0]
    assert not any("before June 2026 double" in r.text for r in server.remarks)


def test_llmperfs_inter_token_latency_holds_the_first_token(read) -> None:
    (run,) = read(of("llmperf"))
    normalised = (RUN.e2e_s / RUN.output_tokens).mean()
    assert run.statistic("ntpot_s", "mean") == pytest.approx(normalised)
    assert run.statistic("tpot_s", "mean") == pytest.approx(RUN.tpot_s.mean(), rel=0.03)
    assert run.statistic("ttft_s", 95) == pytest.approx(np.percentile(RUN.ttft_s, 95))


# ---------------------------------------------------------------- InferenceX, MLPerf, reports


def test_inferencex_lengths_are_drawn_between_four_fifths_and_all(read) -> None:
    (run,) = read(of("inferencex"))
    assert (run.drive.prompt_tokens.low, run.drive.prompt_tokens.high) == (160, 200)
    assert run.drive.prompt_tokens.mean == 180
    assert run.drive.requests == 10 * files.USERS
    assert run.setup.gpu == "h200-sxm"
    source = "source_file=/a/h200_sxm/vllm/x.csv; silicon_concurrency=4"
    (run,) = read(files.inferencex(RUN, silicon_data_source=source))
    assert run.drive.prompt_tokens == Tokens("fixed", 200)


APRIL = "source_file=2026-04-06.csv; silicon_concurrency=16"
MARCH = "source_file=2026-03-25.csv; silicon_concurrency=16"
OWN = "source_file=/a/b/qwen.csv; silicon_concurrency=16"


@pytest.mark.parametrize(
    ("source", "columns", "parallelism"),
    [
        (MARCH, (8, 1, 1, 8), Parallelism(tensor=8, expert=8)),
        (APRIL, (64, 1, 8, 8), Parallelism(tensor=8, expert=8)),
        (APRIL, (1, 64, 8, 8), Parallelism(tensor=1, data=8, expert=8)),
        (APRIL, (4, 4, 1, 16), Parallelism(tensor=1, data=4, expert=4)),
        (APRIL, (4, 1, 4, 1), Parallelism(tensor=4)),
        (APRIL, (1, 4, 4, 1), Parallelism(tensor=1, data=4)),
        (OWN, (4, "", 2, 2), Parallelism(tensor=4, expert=2)),
        (OWN, (1, "", 4, 1), Parallelism(tensor=1, data=4)),
        (OWN, (2, 0, 0, 0), Parallelism(tensor=2)),
    ],
)
def test_inferencex_parallelism(read, source: str, columns: tuple[object, ...],
                                parallelism: Parallelism) -> None:  # fmt: skip
    names = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    changed = dict(zip(names, columns, strict=True))
    (run,) = read(files.inferencex(RUN, silicon_data_source=source, **changed))
    assert run.setup.parallelism == parallelism
    assert run.drive.loop == ClosedLoop(16)  # and not batch_size, which is per rank


def test_inferencex_rows_of_several_engines_are_left_out(read) -> None:
    head, row = of("inferencex").strip().split("\n")
    other = row.replace(",agg,", ",disagg,")
    summed = files.inferencex(RUN, silicon_data_source=APRIL, tp_size=72, moe_tp_size=72)
    (run,) = read("\n".join([head, row, other, summed.strip().split("\n")[1]]))
    assert [r.text for r in run.remarks if r.kind == "left_out"] == [
        "1 of 3 rows are of disaggregated deployments",
        "1 of 3 rows are of deployments whose GPUs are summed up",
    ]


def test_inferencex_json_rows_are_in_seconds(read) -> None:
    (run,) = read(of("inferencex-json"))
    assert run.setup.parallelism == Parallelism(tensor=1, data=8, expert=8)
    assert run.statistic("ttft_s", 99) == pytest.approx(np.percentile(RUN.ttft_s, 99))
    assert run.output_tokens_per_s == 80.0


def test_mlperf_holds_throughput_alone(read) -> None:
    offline, server = read(of("mlperf"))
    assert (offline.output_tokens_per_s, server.output_tokens_per_s) == (30000.5, 28000.0)
    assert offline.drive.loop is None


def test_benchmark_reports_say_load_lengths_and_stack(read) -> None:
    (run,) = read(files.benchmark_report(RUN, users=None, rate=4.0))
    assert run.drive.loop == OpenLoop(4.0)
    assert run.drive.prompt_tokens == Tokens("uniform", 149.5, 99 / np.sqrt(12), 100, 199)
    assert run.setup.engine == "vllm"
    assert run.setup.parallelism == Parallelism(tensor=4)
    assert run.statistics["e2e_s"].percentile(99.9) == pytest.approx(np.percentile(RUN.e2e_s, 99.9))


def test_a_report_without_units_is_refused(read) -> None:
    found = files.benchmark_report(RUN)
    del found["results"]["request_performance"]["aggregate"]["latency"]["time_to_first_token"][
        "units"
    ]
    with pytest.raises(MeasurementError, match="must be s, ms"):
        read(found)


@pytest.mark.parametrize("name", ["guidellm-bare", "aiperf", "inference-perf", "benchmark-report"])
def test_limits_of_lengths_the_wrong_way_round_are_refused(read, name: str) -> None:
    found = json.loads(of(name))
    places = {
        "aiperf": (found, "input_sequence_length"),
        "inference-perf": (found.get("successes"), "prompt_len"),
        "benchmark-report": (
            found.get("scenario", {}).get("load", {}).get("standardized"),
            "input_seq_len",
        ),
    }
    if name in places:
        parent, key = places[name]
        parent[key] |= {"min": 500, "max": 5}
    else:
        data = found["config"]["spec"]["data"][0]
        data |= {"prompt_tokens_min": 500, "prompt_tokens_max": 5}
    with pytest.raises(MeasurementError, match="must be at most"):
        read(found)


# ---------------------------------------------------------------- tables, metrics, logs


def test_plain_tables_have_units_in_their_names(read) -> None:
    np.testing.assert_allclose(
        read(files.csv_requests(RUN, "s"))[0].requests.ttft_s[0], RUN.ttft_s[0]
    )
    (run,) = read(of("csv-runs"))
    assert run.statistic("ttft_s", "mean") == pytest.approx(RUN.ttft_s.mean())
    assert run.statistic("tpot_s", 95) == pytest.approx(np.percentile(RUN.tpot_s, 95))
    with pytest.raises(MeasurementError, match="column 'ttft' has no unit"):
        read(of("csv-requests").replace("ttft_ms", "ttft"))


def test_columns_of_another_name_are_given_by_hand(read) -> None:
    text = "Batch Size,Length,Latency\n4,128,0.5\n8,128,0.75\n"
    with pytest.raises(MeasurementError, match="e2e_s=Latency"):
        read(text)
    by_hand = {"e2e_s": "Latency", "input_tokens": "Length", "output_tokens": "Length"}
    first, second = read(text, columns=by_hand)
    assert (first.drive.loop, second.drive.loop) == (ClosedLoop(4), ClosedLoop(8))
    assert second.statistic("e2e_s", "mean") == 0.75
    assert first.drive.output_tokens == Tokens("fixed", 128)
    with pytest.raises(MeasurementError, match="has no column 'Nothing'"):
        read(text, columns={"e2e_s": "Nothing"})
    with pytest.raises(MeasurementError, match="colour: is no column of a run"):
        read(text, columns={"colour": "Length"})


def test_a_table_without_a_load_says_what_it_needs(read) -> None:
    text = "Mean TTFT (ms),Mean TPOT (ms),Total input tokens,Successful requests\n5,5,90,3\n"
    with pytest.raises(MeasurementError, match="needs the column concurrency, or request_rate"):
        read(text)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm", "kserve_vllm"])
def test_metrics_of_a_live_engine(read, engine: str) -> None:
    (run,) = read(files.prometheus(RUN, engine, hits=1000))
    assert run.clock == "engine"
    assert run.setup.engine == engine.removeprefix("kserve_")
    assert run.completed == len(RUN)
    assert run.statistic("ttft_s", "mean") == pytest.approx(RUN.ttft_s.mean())
    assert run.statistic("ttft_s", 50) == pytest.approx(np.median(RUN.ttft_s), rel=0.05)
    assert run.statistic("e2e_s", 95) == pytest.approx(np.percentile(RUN.e2e_s, 95), rel=0.05)
    assert run.drive.prompt_tokens.mean == pytest.approx(RUN.input_tokens.mean())
    assert "prefix_cache" in kinds(run)


def test_no_percentile_is_read_off_a_wide_bucket(read) -> None:
    lines = files.prometheus(RUN).split("\n")
    wide = [line for line in lines if "ttft" in line or "first_token" not in line
            or "_bucket" not in line or 'le="0.02"' in line or 'le="0.2"' in line
            or "+Inf" in line]  # fmt: skip
    (run,) = read("\n".join(wide))
    assert run.statistic("ttft_s", "mean") == pytest.approx(RUN.ttft_s.mean())
    assert np.isnan(run.statistic("ttft_s", 50))


def test_two_scrapes_are_what_happened_between_them(read) -> None:
    more = files.closed_run(100)
    early = files.Run(*(each[:30] for each in vars(more).values()))
    later = files.Run(*(each[30:] for each in vars(more).values()))
    for order in ((early, more), (more, early)):
        (run,) = read(*(files.prometheus(each) for each in order))
        assert run.completed == 70
        assert run.statistic("ttft_s", "mean") == pytest.approx(later.ttft_s.mean())


def test_metrics_of_an_idle_engine_are_refused(read) -> None:
    nothing = files.Run(*(each[:0] for each in vars(RUN).values()))
    with pytest.raises(MeasurementError, match="counts no request"):
        read(files.prometheus(nothing))


def test_a_plain_log_of_iterations(read) -> None:
    (run,) = read(of("iterations"))
    np.testing.assert_allclose(run.steps.step_s, [0.04244, 0.01095, 0.0205])
    np.testing.assert_array_equal(run.steps.decoding, [0, 2, 2])
    np.testing.assert_array_equal(run.steps.chunk_step, [0, 0, 2])
    np.testing.assert_allclose(run.steps.chunk_tokens, [150, 150, 78])


@pytest.mark.parametrize(
    "given",
    [["c4.json"], ["c4.steps.csv.gz"], ["c4.requests.csv.gz", "c4.steps.csv.gz", "c4.json"]],
)
def test_each_file_of_an_engine_log_leads_to_the_others(given: list[str]) -> None:
    (run,) = read_benchmarks([str(MEASURED / name) for name in given])
    assert run.name == "c4"
    assert run.drive.loop.users == 4
    assert (run.drive.duration_s, run.drive.ending) == (8.0, "cut")
    assert (len(run.requests), int(run.requests.completed.sum())) == (30, 26)
    assert len(run.steps) == 1570
    chunks = run.steps.chunk_step == 0
    np.testing.assert_array_equal(run.steps.chunk_tokens[chunks], [745, 685, 685])
    assert run.statistic("tpot_s", 50) == pytest.approx(0.00503, rel=0.01)
    assert run.drive.loop.think_s < 1e-3


def test_a_real_file_of_guidellm() -> None:
    (run,) = read_benchmarks([str(MEASURED / "guidellm_c1.json.gz")])
    assert run.source.tool_version == "0.8.1"
    assert run.source.as_of == "2026-11-21"
    assert run.drive.loop.users == 1
    assert 0.002 < run.drive.loop.think_s < 0.005  # GuideLLM's own work between requests
    given = run.statistics["ttft_s"].mean
    assert run.statistic("ttft_s", "mean") == pytest.approx(given, rel=0.01)
    assert run.statistic("tpot_s", "mean") == pytest.approx(run.statistics["tpot_s"].mean, rel=0.01)


# ---------------------------------------------------------------- findings


def changed(**columns: np.ndarray) -> files.Run:
    return files.Run(**{**vars(RUN), **columns})


def test_merged_stream_events_are_seen(read) -> None:
    found = files.vllm_detailed(RUN)
    found["itls"] = [gaps[: len(gaps) // 2] for gaps in found["itls"]]
    assert "merged_events" in kinds(read(found)[0])
    assert "merged_events" not in kinds(read(of("vllm-detailed"))[0])


def test_a_stall_at_the_beginning_is_seen(read) -> None:
    slow = RUN.ttft_s + np.where(np.arange(len(RUN)) < 6, 0.3, 0.0)
    run = changed(ttft_s=slow, e2e_s=RUN.e2e_s + (slow - RUN.ttft_s))
    assert "stall" in kinds(read(files.csv_requests(run))[0])
    assert "stall" not in kinds(read(of("csv-requests"))[0])


def test_saturation_of_open_and_closed_loops_is_seen(read) -> None:
    lagging = files.vllm_plain(RUN) | {"request_rate": 90.0}
    assert "saturated" not in kinds(read(lagging)[0])  # drained: its rate says nothing
    growing = changed(sent_s=np.arange(40) * 0.1, ttft_s=RUN.ttft_s + np.arange(40) * 0.2,
                      e2e_s=RUN.e2e_s + np.arange(40) * 0.2)  # fmt: skip
    found = files.vllm_detailed(growing) | {"request_rate": 10.0, "max_concurrency": None}
    assert "saturated" in kinds(read(found)[0])
    waiting = changed(ttft_s=RUN.ttft_s + 9, e2e_s=RUN.e2e_s + 9)
    assert "saturated" in kinds(read(files.vllm_plain(waiting))[0])
    assert "saturated" not in kinds(read(of("vllm"))[0])


def test_an_open_loop_is_seen_from_its_times(read) -> None:
    sent = np.cumsum(np.random.default_rng(2).exponential(0.2, 400))
    rows = files.closed_run(400)
    run = files.Run(sent, rows.ttft_s, rows.e2e_s, rows.input_tokens, rows.output_tokens)
    loop = read(files.csv_requests(run))[0].drive.loop
    assert isinstance(loop, OpenLoop)
    assert loop.rate == pytest.approx(399 / (sent[-1] - sent[0]))
    assert loop.gap_cv == pytest.approx(1.0, abs=0.15)


def test_speculation_is_seen(read) -> None:
    counts = {"spec_decode_num_drafts": 10, "spec_decode_num_accepted_tokens": 15}
    found = files.vllm_plain(RUN) | counts
    assert any("2.5 tokens a step" in remark.text for remark in read(found)[0].remarks)
    assert "speculation" in kinds(read(files.sglang_plain(RUN) | {"accept_length": 3.1})[0])
    assert "speculation" not in kinds(read(of("sglang"))[0])


def test_later_turns_of_conversations_are_seen(read) -> None:
    found = files.guidellm(RUN)
    found["benchmarks"][0]["requests"]["successful"][7]["info"]["turn_index"] = 1
    assert "conversation" in kinds(read(found)[0])
    lines = of("aiperf-lines").replace('"turn_index": 0', '"turn_index": 2', 3)
    assert any(remark.text.startswith("3 requests are later") for remark in read(lines)[0].remarks)


def test_a_sample_of_requests_says_nothing_of_when_others_were_sent(read) -> None:
    found = files.guidellm(RUN)
    del found["benchmarks"][0]["requests"]["successful"][10:]
    (run,) = read(found)
    assert len(run.requests) == 10
    assert not run.requests.has_times
    assert (run.completed, run.drive.loop) == (len(RUN), ClosedLoop(files.USERS))
    assert any("holds 10 of 40 completed" in remark.text for remark in run.remarks)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("hello", "is no benchmark's file that is known"),
        ('{"a": 1}', "is no benchmark's file that is known"),
        ('{"a": ', "is not whole, or not JSON"),
        ("a,b\n1,2\n", "a plain one needs a time with its unit"),
        ("a,b\n1\n", "1 cells, the header has 2"),
        ("a,a\n1,2\n", "two columns of one name"),
        ("[" * 100_000, "is not whole, or not JSON"),
    ],
)
def test_what_is_no_benchmark_is_refused_in_one_line(read, text: str, message: str) -> None:
    with pytest.raises(MeasurementError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [True, -1, "x", [], float("inf"), 1e300, 10**400])
def test_a_wrong_number_is_refused_with_its_place(read, value: object) -> None:
    found = json.dumps(files.vllm_plain(RUN) | {"mean_ttft_ms": value})
    with pytest.raises(MeasurementError, match=r"mean_ttft_ms .* must be a number|is not whole"):
        read(found)


@pytest.mark.parametrize("rate", [float("inf"), 0, -1, "fast"])
def test_a_rate_that_is_none_is_refused(read, rate: object) -> None:
    stage = files.inference_perf(RUN)
    stage["load_summary"]["requested_rate"] = rate
    poisson = files.guidellm(RUN, requests=False)
    poisson["benchmarks"][0]["config"]["strategy"] = {"type_": "poisson", "rate": rate}
    for found in (stage, poisson, files.benchmark_report(RUN) | {}):
        if found.get("version"):
            found["scenario"]["load"]["standardized"]["rate_qps"] = rate
        with pytest.raises(MeasurementError, match="must be a number above 0"):
            read(found)


def test_lists_of_unequal_length_are_refused(read) -> None:
    found = files.vllm_detailed(RUN)
    found["ttfts"].pop()
    with pytest.raises(MeasurementError, match="ttfts has 39 entries where others have 40"):
        read(found)


def test_a_file_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(of("vllm"))
    with pytest.raises(MeasurementError, match="named twice"):
        read_benchmarks([str(path), str(path)])


# ---------------------------------------------------------------- real data


def real(name: str) -> str:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{name}")
    return str(path)


def test_the_whole_inferencex_table() -> None:
    runs = read_benchmarks([real("inferencex_silicon/silicon_sample.csv.gz")])
    assert len(runs) == 3564
    sizes = {run.setup.parallelism.gpus for run in runs}
    assert sizes == {1, 2, 4, 8}
    assert max(run.setup.parallelism.expert for run in runs) == 8


def test_the_real_sweep_of_a_cpu_engine() -> None:
    names = [f"vllm_cpu_live/guidellm_c{n}.json.gz" for n in (1, 2, 4, 8, 16, 32)]
    runs = read_benchmarks([real(name) for name in names])
    assert [run.drive.loop.users for run in runs] == [1, 2, 4, 8, 16, 32]
    tpots = [run.statistic("tpot_s", 50) for run in runs]
    assert tpots == sorted(tpots)
    for run in runs:
        assert run.statistic("e2e_s", "mean") == pytest.approx(
            run.statistics["e2e_s"].mean, rel=0.01
        )


def test_real_results_of_vllm() -> None:
    for name in ("vllm-bench-long-c12", "vllm-bench-short-c24"):
        (run,) = read_benchmarks([real(f"vllm_cpu_live/{name}.json.gz")])
        for metric in ("ttft_s", "tpot_s", "e2e_s"):
            given = run.statistics[metric]
            assert run.statistic(metric, 95) == pytest.approx(given.percentile(95)), metric
            assert run.statistic(metric, "mean") == pytest.approx(given.mean), metric


def test_all_real_engine_logs() -> None:
    folder = Path(real("vllm_h200_live"))
    paths = sorted(folder.glob("*/*.json"))
    runs = read_benchmarks([str(path) for path in paths])
    assert len(runs) == len(paths) > 10
    open_loops = [run for run in runs if isinstance(run.drive.loop, OpenLoop)]
    assert [run.name for run in open_loops] == ["p50", "p75"]
    assert not any("saturated" in kinds(run) for run in open_loops)
    cut = next(run for run in runs if run.name == "c256r2")
    assert cut.requests.sent_s[0] == pytest.approx(-0.000426)  # by the clock of its steps


def test_real_tables_of_the_same_engine() -> None:
    (run,) = read_benchmarks(
        [
            real(
                "dstack_benchmarks/raw/nvidia-vllm-16.0qps-Llama-3.1-405B-FP8-20241109-150547.csv.gz"
            )
        ]
    )
    runs = read_benchmarks(
        [real("dstack_benchmarks/comparison__h100sxm5_vs_mi300x__csv_data__qps_comparison.csv.gz")]
    )
    assert runs[0].drive.loop == OpenLoop(16.0, 1.0)
    assert run.statistic("tpot_s", "mean") == pytest.approx(0.105, rel=0.05)


def test_a_closed_loop_is_seen_in_times_that_were_rounded():
    """Rounding puts an answer after the request that it let go, by less than a millisecond."""
    late = timed(RUN.sent_s, RUN.e2e_s + 5e-4)
    assert observed_loop(late) == ClosedLoop(files.USERS)


def test_times_that_are_blurred_show_no_gap_that_may_be_theirs():
    blur = np.random.default_rng(5).normal(0.0, 0.05, len(RUN))
    assert gap_s(timed(RUN.sent_s, RUN.e2e_s + blur), files.USERS) == 0.0
    assert gap_s(timed(RUN.sent_s), files.USERS) == pytest.approx(2e-4)


def timed(sent_s, e2e_s=RUN.e2e_s):
    """The run with other times of sending."""
    return request_log(
        "run",
        sent_s=sent_s,
        ttft_s=RUN.ttft_s,
        e2e_s=e2e_s,
        input_tokens=RUN.input_tokens.astype(float),
        output_tokens=RUN.output_tokens.astype(float),
    )
