"""What a user reads when a scenario is wrong: every message word for word."""

import json
import time

import pytest
from scenario_documents import EVERYTHING, MINIMAL, SERVICE, written

from sim.errors import ScenarioError
from sim.scenario import load_scenario


def problems(path, overrides=()):
    """The lines of the error, with the file by its name alone."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    assert len(caught.value.problems) == len(str(caught.value).splitlines())
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def of_text(folder, text):
    return problems(written(folder, text, "chat.yaml"))


def test_all_problems_of_a_file_come_at_once_with_their_lines(tmp_path):
    text = """\
name: wrong
horizon: {days: 1, duration: 3h, start: 1969-12-31, bin: .nan}
workloads:
  chat:
    arrivals:
      requests_per_day: -3
      shape: azure-chat-2042
      burstness: 3
      events: [{start: 34 parsecs, factor: {normal: {mean: 1, sd: 3}}}]
    prompt_tokens: {lognormal: {mean: {p5: 3000, p95: 5000}, p94: 9}}
    output_tokens: {mixture: [{weight: 1, gamma: {mean: 3}}, {exponential: {mean: 9}}]}
    slo: {ttft_p95: 2s, ttft_p50: 1s, e2e_95: 3s}
    route: larg
backends:
  large:
    kind: gpu_pol
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vlm
    router: least loaded
    replicas: 0
    engine: {max_num_seqs: 1.5}
    price: {usd_per_gpu_hour: 2.99 EUR, provider: aws, billing: hourly}
worlds: 0
seed: .inf
worlds: 3
"""
    assert of_text(tmp_path, text) == [
        "chat.yaml:2: horizon.duration: goes beside days, must be the only one (remove one)",
        "chat.yaml:2: horizon.start: '1969-12-31' must be from 1970 to 2199",
        "chat.yaml:2: horizon.bin: nan must be a finite number",
        "chat.yaml:6: workloads.chat.arrivals.requests_per_day: -3 must be greater than 0",
        "chat.yaml:7: workloads.chat.arrivals.shape: 'azure-chat-2042' is not a built-in shape "
        "(did you mean 'azure-chat-2024'?)",
        "chat.yaml:8: workloads.chat.arrivals.burstness: unknown key (did you mean 'burstiness'?)",
        "chat.yaml:9: workloads.chat.arrivals.events.0.start: '34 parsecs' must be a duration such "
        "as 90s, 15min, 2h or 7d; 'parsecs' is none of us, µs, ms, s, min, h, d, w",
        "chat.yaml:9: workloads.chat.arrivals.events.0.duration: is missing",
        "chat.yaml:9: workloads.chat.arrivals.events.0.factor: its p0.1 (-8.271) must be at least "
        "0 (use lognormal, whose values are always above 0)",
        "chat.yaml:10: workloads.chat.prompt_tokens.lognormal.p94: unknown key "
        "(did you mean 'p99'?)",
        "chat.yaml:11: workloads.chat.output_tokens.mixture.0.gamma: must be given by two of "
        "mean, p5, p50, p90, p95, p99, sd, cv; found mean",
        "chat.yaml:11: workloads.chat.output_tokens.mixture.1: a mapping must be a distribution "
        "with its weight",
        "chat.yaml:12: workloads.chat.slo.ttft_p50: goes beside ttft_p95, must be the only one "
        "of ttft",
        "chat.yaml:12: workloads.chat.slo.e2e_95: unknown key (did you mean 'e2e_p95'?)",
        "chat.yaml:13: workloads.chat.route: 'larg' is not the name of a backend "
        "(did you mean 'large'?)",
        "chat.yaml:16: backends.large.kind: 'gpu_pol' must be one of gpu_pool, managed_api, edge "
        "(did you mean 'gpu_pool'?)",
        "chat.yaml:17: backends.large.service: profile 'llama-3.3-70b/h100-sxm/tp4/fp8/vlm' is not "
        "in the catalogue (did you mean 'llama-3.3-70b/h100-sxm/tp4/fp8/vllm'? 'sim catalog "
        "profiles' lists all)",
        "chat.yaml:18: backends.large.router: 'least loaded' must be one of round_robin, random, "
        "least_loaded, power_of_two, session, prefix, scored (did you mean 'least_loaded'?)",
        "chat.yaml:19: backends.large.replicas: 0 must be at least 1",
        "chat.yaml:20: backends.large.engine.max_num_seqs: 1.5 must be a whole number",
        "chat.yaml:21: backends.large.price.provider: goes beside usd_per_gpu_hour, must be the "
        "only one",
        "chat.yaml:21: backends.large.price.usd_per_gpu_hour: '2.99 EUR' must be an amount such "
        "as 2.99 or 2.99 USD; 'EUR' is none of USD, kUSD, MUSD, k, M "
        "(all money is in USD: convert it)",
        "chat.yaml:21: backends.large.price.billing: 'hourly' must be one of per_second, "
        "per_minute, per_hour, per_day",
        "chat.yaml:23: seed: inf must be a whole number",
        "chat.yaml:24: worlds: is given twice, first on line 22 (remove one)",
    ]


REQUESTS = "requests_per_day: 100k"
PROMPT = "prompt_tokens: 1000"
POOL = f"    kind: gpu_pool\n    service: {SERVICE}\n    replicas: 2\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "arrivals: {requests_per_day: 100k}",
            "arrivals: {shape: flat}",
            "5: workloads.chat.arrivals: has no rate "
            "(add requests_per_day, such as requests_per_day: 100k)",
        ),
        (
            REQUESTS,
            "users: 5k",
            "5: workloads.chat.arrivals.users: has no requests_per_user_per_day beside it, nor "
            "think_time (add one, such as think_time: 30s)",
        ),
        (
            REQUESTS,
            "requests_per_day: 100k, requests_per_second: 2",
            "5: workloads.chat.arrivals.requests_per_second: goes beside requests_per_day, must be "
            "the only one (remove one)",
        ),
        (
            REQUESTS,
            "requests_per_day: {normal: {mean: 100k, sd: 50k}}",
            "5: workloads.chat.arrivals.requests_per_day: its p0.1 (-5.451e+04) must be greater "
            "than 0 (use lognormal, whose values are always above 0)",
        ),
        (
            REQUESTS,
            "requests_per_day: {lognormal: {p50: 180k, p95: 100k}}",
            "5: workloads.chat.arrivals.requests_per_day.lognormal: p95 (100000) must be above "
            "p50 (180000)",
        ),
        (
            REQUESTS,
            "requests_per_day: 1,000",
            "5: workloads.chat.arrivals.000: follows a comma, and is no key (write numbers "
            "without commas)",
        ),
        (
            REQUESTS,
            f"{REQUESTS}, shape: []",
            "5: workloads.chat.arrivals.shape: has 0 numbers, must have 24 (a day) or 168 (a week)",
        ),
        (
            REQUESTS,
            f"{REQUESTS}, shape: {[0] * 24}",
            "5: workloads.chat.arrivals.shape: is 0 throughout, must be above 0 somewhere",
        ),
        (
            REQUESTS,
            f"{REQUESTS}, shape: {[1] * 23 + [-1]}",
            "5: workloads.chat.arrivals.shape.23: -1 must be at least 0",
        ),
        (
            REQUESTS,
            f"{REQUESTS}, burstiness: {{family: gamma}}",
            "5: workloads.chat.arrivals.burstiness: has no cv (add cv, such as cv: 1.5)",
        ),
        (
            REQUESTS,
            f"{REQUESTS}, dispersion: {{cv: 0.3, timescale: 5m}}",
            "5: workloads.chat.arrivals.dispersion.timescale: '5m' must be a duration such as 90s, "
            "15min, 2h or 7d; 'm' is none of us, µs, ms, s, min, h, d, w (minutes are written min)",
        ),
        (
            PROMPT,
            "prompt_tokens: 200k",
            "6: workloads.chat.prompt_tokens: even the shortest (200000 tokens) are longer than "
            "the 131071 tokens that backend 'large' takes "
            "(see max_model_len and kv_capacity_tokens of its profile)",
        ),
        (
            PROMPT,
            "prompt_tokens: {lognormal: {mean: 1000, cv: 1}, min: 150k}",
            "6: workloads.chat.prompt_tokens: even the shortest (150000 tokens) are longer than "
            "the 131071 tokens that backend 'large' takes "
            "(see max_model_len and kv_capacity_tokens of its profile)",
        ),
        (
            PROMPT,
            "prompt_tokens: {lognormal: {mean: 1000, cv: 1}, min: 200, max: 100}",
            "6: workloads.chat.prompt_tokens.max: 100 must be at least min (200)",
        ),
        (
            PROMPT,
            "prompt_tokens: {normal: {mean: 1000, sd: 500}}",
            "6: workloads.chat.prompt_tokens: its p0.1 (-545.1) must be greater than 0 "
            "(use lognormal, whose values are always above 0, or give min)",
        ),
        (
            PROMPT,
            "prompt_tokens: {lognormal: {mean: {choice: [300, 5k]}, p95: 9k}}",
            "6: workloads.chat.prompt_tokens.lognormal: where its uncertain parameters are "
            "extreme: mean (300.0) must be at least 1/3.868 of the percentile (9000.0) for a "
            "lognormal",
        ),
        (
            PROMPT,
            "prompt_tokens: {p5: 100, p95: {p5: 1, p95: 2}, mean: 3}",
            "6: workloads.chat.prompt_tokens.mean: unknown key (name a distribution, such as "
            "{lognormal: {mean: 1000, p95: 2600}})",
        ),
        (
            PROMPT,
            "prompt_tokens: {empirical: {csv: lengths.csv}}",
            "6: workloads.chat.prompt_tokens.empirical.csv: lengths.csv: cannot be read: "
            "no such file or directory",
        ),
        (
            "    output_tokens: 200\n",
            "",
            "4: workloads.chat.output_tokens: is missing "
            "(such as output_tokens: {lognormal: {mean: 1000, p95: 2600}})",
        ),
        (
            "{days: 1}",
            "{start: 2026-11-23T00:00+01:00, days: 1}",
            "2: horizon.start: '2026-11-23T00:00+01:00' must be a date such as 2026-11-23 or "
            "2026-11-23T08:00 (leave out the time zone)",
        ),
        ("{days: 1}", "{days: {p5: 1, p95: 2}}",
         "2: horizon.days: a mapping must be a number such as 250, 100k or 1.5M, not a "
         "distribution"),
        ("{days: 1}", "{start: 2026-11-23}",
         "2: horizon: has no length (add days, such as days: 1)"),
        ("{days: 1}", "{days: 1, bin: 2d}",
         "2: horizon.bin: 2d must be at most the length of the horizon (1d)"),
        ("replicas: 2", "replicas: 2.5",
         "12: backends.large.replicas: 2.5 must be a whole number"),
        ("replicas: 2", "replicas: {mx: 2}",
         "12: backends.large.replicas.mx: unknown key (did you mean 'max'?)"),
        ("replicas: 2", "replicas: {poisson: 2}",
         "12: backends.large.replicas.poisson: unknown distribution (one of lognormal, normal, "
         "gamma, beta, triangular, uniform, exponential, pareto, choice, empirical, mixture, p5, "
         "p95)"),
        ("replicas: 2", "replicas: {choice: [1, 2, 20k]}",
         "12: backends.large.replicas.choice.values.2: '20k' must be at most 10000"),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {kv_capacity_tokens: 1000}",
            "13: backends.large.engine.max_model_len: 131072 of the profile must be at most what "
            "the KV cache holds (992 tokens) (set max_model_len as well)",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {scheduler: prefill_first, steps_in_flight: 2}",
            "13: backends.large.engine.steps_in_flight: 2 must be 1 where the scheduler is "
            "prefill_first",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {data_parallel_ranks: 0}",
            "13: backends.large.engine.data_parallel_ranks: 0 must be from 1 to 1024",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {data_parallel_ranks: 3}",
            "13: backends.large.engine.data_parallel_ranks: 3 must divide the GPUs of a replica "
            "(4)",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {data_parallel_ranks: 8}",
            "13: backends.large.engine.data_parallel_ranks: 8 must divide the GPUs of a replica "
            "(4)",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {steps_in_flight: 3}",
            "13: backends.large.engine.steps_in_flight: 3 must be from 1 to 2",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    engine: {max_num_seqs: 9000, kv_block_tokens: 24}",
            "13: backends.large.engine.kv_block_tokens: 24 must be a power of two",
        ),
        (
            "replicas: 2",
            "replicas: 2\n    price: {provider: aws, purchase: on_demandd}",
            "13: backends.large.price.purchase: 'on_demandd' must be one of on_demand, spot, "
            "serverless, dedicated, capacity_block, reserved_1y, reserved_2y, reserved_3y, "
            "reserved_5y (did you mean 'on_demand'?)",
        ),
        ("replicas: 2", "replicas: 2\n    price: {billing: per_hour}",
         "13: backends.large.price: has no price "
         "(add usd_per_gpu_hour, such as usd_per_gpu_hour: 2.99)"),
        ("name: minimal\n", "", "name: is missing (such as name: Our chat)"),
        ("name: minimal", "name: 7", "1: name: 7 must be a text (put it in quotes)"),
        ("name: minimal", "name:", "1: name: is empty (give a value or remove the key)"),
        ("  chat:", "  my chat:",
         "4: workloads.my chat: name 'my chat' must be a letter from a to z, then such letters,"
         " digits, - or _ "
         "(at most 64 characters)"),
        (MINIMAL[MINIMAL.index("backends") :], "backends: {}\n",
         "8: backends: is empty, must have at least one entry"),
        (MINIMAL[MINIMAL.index("backends") :], "", "backends: is missing "
         "(such as backends: {api: {kind: managed_api, model: gpt-4.1}})"),
        (POOL, f"{POOL}  small:\n{POOL}",
         "4: workloads.chat.route: is missing (one of large, small)"),
        (POOL, "    kind: gpu_pool\n", "9: backends.large.service: is "
         "missing (such as service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm)"),
        ("arrivals: {requests_per_day: 100k}", "arrivals: 100k",
         "5: workloads.chat.arrivals: '100k' must be a mapping (keys: requests_per_day, "
         "requests_per_second, users, requests_per_user_per_day, think_time, ramp, requests, "
         "pause, counts, usd_per_month, billed_by, bill_shares, trace, shape, growth_per_year, "
         "events, dispersion, burstiness, after, delay, share, parallel)"),
    ],
)  # fmt: skip
def test_a_problem_names_line_key_value_and_rule(tmp_path, old, new, expected):
    assert old in MINIMAL
    place = "chat.yaml:" if expected[0].isdigit() else "chat.yaml: "
    assert f"{place}{expected}" in of_text(tmp_path, MINIMAL.replace(old, new))


def test_trace_problems_are_told(tmp_path):
    text = MINIMAL.replace(
        REQUESTS, "trace: {file: log.csv, format: columns, columns: {timestamp: t}}, shape: flat"
    )
    text = text.replace("horizon: {days: 1}\n", "")
    assert of_text(tmp_path, text) == [
        "chat.yaml:4: workloads.chat.arrivals.shape: has no meaning beside a trace (remove it)",
        "chat.yaml:4: workloads.chat.arrivals.trace.columns.prompt_tokens: is missing "
        "(such as prompt_tokens: its column)",
        "chat.yaml:4: workloads.chat.arrivals.trace.columns.output_tokens: is missing "
        "(such as output_tokens: its column)",
        "chat.yaml:5: workloads.chat.prompt_tokens: has no meaning for a replayed trace "
        "(remove it)",
        "chat.yaml:6: workloads.chat.output_tokens: has no meaning for a replayed trace "
        "(remove it)",
    ]  # fmt: skip
    replay = text.replace("    prompt_tokens: 1000\n    output_tokens: 200\n", "")
    replay = replay.replace(", format: columns, columns: {timestamp: t}}, shape: flat", "}")
    (missing,) = of_text(tmp_path, replay)
    assert missing.startswith("chat.yaml:4: workloads.chat.arrivals.trace.file: ")
    assert missing.endswith("log.csv: cannot be read: no such file or directory")
    written(tmp_path, "TIMESTAMP,ContextTokens,GeneratedTokens\r\nnever,1,2\r\n", "log.csv")
    (malformed,) = of_text(tmp_path, replay)
    assert "log.csv:2: TIMESTAMP ('never') must be a date" in malformed
    uncertain = replay.replace("file: log.csv", "file: log.csv, speed: {p5: 1, p95: 2}")
    written(tmp_path, "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-11-23,1,2\n", "log.csv")
    assert of_text(tmp_path, uncertain) == [
        "chat.yaml: horizon: has no length, and the trace's is uncertain by its speed "
        "(add days, such as days: 1)"
    ]


def test_problems_of_a_profile_file_are_told_at_its_key(tmp_path):
    written(tmp_path, "model: x\nmodell: y\n", "mine.yaml")
    found = of_text(tmp_path, MINIMAL.replace(SERVICE, "mine.yaml"))
    assert len(found) > 5
    assert all(line.startswith("chat.yaml:11: backends.large.service: mine.yaml") for line in found)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "backends.large.replicas.mx=3",
            "--set backends.large.replicas.mx=3: backends.large.replicas: 2 has no keys below it",
        ),
        (
            "backends.large.replicass=3",
            "--set backends.large.replicass=3: backends.large.replicass: unknown key "
            "(did you mean 'replicas'?)",
        ),
        (
            "backends.large.replicas=-3",
            "--set backends.large.replicas=-3: backends.large.replicas: -3 must be at least 1",
        ),
        (
            "backends.large.replicas={p5: 1, p95: x}",
            "--set backends.large.replicas={p5: 1, p95: x}: backends.large.replicas.p95: 'x' must "
            "be a number such as 250, 100k or 1.5M",
        ),
        (
            "workloads.chat.arrivals={requests_per_day: 1, requests_per_day: 2}",
            "--set workloads.chat.arrivals={requests_per_day: 1, requests_per_day: 2}: "
            "workloads.chat.arrivals.requests_per_day: is given twice, first on line 1 "
            "(remove one)",
        ),
        (
            "worlds=",
            "--set worlds=: worlds: is empty (give a value or remove the key)",
        ),
        (
            "workloads.chat.clent=null",
            "--set workloads.chat.clent=null: workloads.chat.clent: is not there, so it cannot be "
            "removed",
        ),
        (
            "worlds",
            "--set worlds: must be PATH=VALUE, such as backends.large.replicas=8",
        ),
        (
            "a..b=3",
            "--set a..b=3: must be PATH=VALUE, such as backends.large.replicas=8",
        ),
        (
            "worlds=[1",
            "--set worlds=[1: is not YAML: expected ',' or ']', but got '<stream end>' (close the "
            "bracket [)",
        ),
        (
            "workloads.chat.arrivals.events.0.factor=3",
            "--set workloads.chat.arrivals.events.0.factor=3: workloads.chat.arrivals.events: "
            "a mapping must be a list",
        ),
    ],
)
def test_problems_of_an_override_name_it(tmp_path, override, expected):
    assert problems(written(tmp_path, MINIMAL), [override]) == [expected]


def test_null_removes_a_key(tmp_path):
    path = written(tmp_path, MINIMAL.replace("replicas: 2", "replicas: 2\n    router: unknown"))
    load_scenario(path, ["backends.large.router=null"])
    path = written(tmp_path, MINIMAL)
    assert problems(path, ["backends.large.replicas=null"]) == [
        "scenario.yaml:9: backends.large.replicas: is missing (such as replicas: 2)"
    ]


def test_an_index_beyond_a_list_is_refused(tmp_path):
    events = "workloads.chat.arrivals.events=[{start: 0, duration: 1h, factor: 2}]"
    override = "workloads.chat.arrivals.events.1.factor=3"
    assert problems(written(tmp_path, MINIMAL), [events, override]) == [
        f"--set {override}: workloads.chat.arrivals.events: '1' must be a number from 0 to 0"
    ]


def test_an_override_mends_what_is_wrong_in_the_file(tmp_path):
    path = written(tmp_path, MINIMAL.replace("replicas: 2", "replicas: {p5: x}\n    replicas: 3"))
    assert len(problems(path)) == 1
    load_scenario(path, ["backends.large.replicas=3"])


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "chat.yaml: is empty (see scenarios/quickstart.yaml for a scenario)"),
        (b"# nothing\n", "chat.yaml: is empty (see scenarios/quickstart.yaml for a scenario)"),
        (b"- a\n", "chat.yaml:1: is a list, must be a mapping of keys such as 'name:'"),
        (
            b"name: x\nhorizon:\n\tdays: 1\n",
            "chat.yaml:3: is not YAML: found character '\\t' that cannot start any token "
            "(indent with spaces, not tabs)",
        ),
        (
            b"name: a: b\n",
            "chat.yaml:1: is not YAML: mapping values are not allowed here "
            '(put a text that holds ": " in quotes; indent the keys of one mapping alike; '
            'end each key with a colon)',
        ),
        (b"a: 1\n---\nb: 2\n", "chat.yaml:2: has a second document (remove the line '---')"),
        (b"name: caf\xe9\n", "chat.yaml:1: byte 0xe9 is not UTF-8 (save the file as UTF-8)"),
        (b"a: 1\nname: \x01\n", "chat.yaml:2: contains a character that YAML does not allow"),
        (b"name: !!python/name:os.system x\n",
         "chat.yaml:1: tag '!!python/name:os.system' is not supported (remove it)"),
        (b"name: *x\n", "chat.yaml:1: an alias stands for nothing before it"),
        (b"a: &a [*a]\n", "chat.yaml:1: an alias stands for nothing before it"),
        (b"? [a]\n: b\n", "chat.yaml:1: a key must be a text"),
        (BOMB.encode(), "chat.yaml:5: has more than 20000 values, aliases counted in full"),
        (b"a: " + b"[" * 100_000, "chat.yaml:1: is nested deeper than 32 levels"),
        (b"- " * 100_000, "chat.yaml:1: is nested deeper than 32 levels"),
        (b"{a: " * 60_000, "chat.yaml:1: is nested deeper than 32 levels"),
        (b"name: x\n" * 1_300_000,
         "chat.yaml: is larger than 256 KiB (keep long tables in CSV files)"),
    ],
)  # fmt: skip
def test_files_that_are_no_scenario_have_one_problem(tmp_path, content, expected):
    path = tmp_path / "chat.yaml"
    path.write_bytes(content)
    began_s = time.process_time()
    assert problems(path) == [expected]
    # No measurement: what is refused at once takes milliseconds, what is not would take minutes.
    assert time.process_time() - began_s < 10


def test_missing_files_and_folders_are_told(tmp_path):
    assert problems(tmp_path / "no.yaml") == ["no.yaml: cannot be read: no such file or directory"]
    (tmp_path / "folder").mkdir()
    assert problems(tmp_path / "folder") == ["folder: cannot be read: is a directory"]


def test_a_document_of_odd_scalars_is_read_by_the_core_schema(tmp_path):
    text = MINIMAL.replace("name: minimal", "name: no").replace("replicas: 2", "replicas: 010")
    scenario = load_scenario(written(tmp_path, text))
    assert scenario.name == "no"
    assert scenario.document["backends"]["large"]["replicas"] == 10


def test_no_message_speaks_of_the_library_that_checks(tmp_path):
    for key in json.loads(json.dumps(["workloads", "backends", "horizon", "worlds", "name"])):
        for value in ("3", "x", "[]", "{}", "[{a: 1}]", "{a: 1}", "{a: {b: 1}}", "null", ".nan"):
            try:
                load_scenario(written(tmp_path, EVERYTHING), [f"{key}={value}"])
            except ScenarioError as error:
                words = str(error).lower()
                assert not any(word in words for word in ("pydantic", "input", "dict", "validat"))


def test_a_bracket_left_open_is_told_with_the_line_where_it_begins(tmp_path):
    assert of_text(tmp_path, "name: x\nhorizon: {days: 1\nworkloads: 3\n") == [
        "chat.yaml:3: is not YAML: expected ',' or '}', but got ':' (close the bracket {, in what "
        "begins on line 2)"
    ]
