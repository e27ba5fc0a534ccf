"""Slips that people make with logs, tables, units and bills: one line each, which says what to do.

Ten of each kind, run as they would be: ``sim run`` of a scenario that names the file, or
``sim trace`` of it.
"""

import gzip
import json

import pytest
from log_files import LITELLM, lines, table

from sim.__main__ import main
from sim.errors import is_control

HEAD = "time,prompt_tokens,output_tokens\n"
ROWS = "2026-07-01 10:00:00,7,3\n2026-07-01 10:00:09,7,3\n"
FILE = "trace: {file: log}"
OWN = (
    "trace: {file: log, format: columns, columns: {timestamp: at, prompt_tokens: in,"
    " output_tokens: out"
)


def mooncake(times, **more):
    return lines(*({"timestamp": t, "input_length": 9, "output_length": 9, **more} for t in times))


def hourly(count, start=0):
    cells = "".join(f"2026-11-{2 + h // 24:02}T{h % 24:02}:00,5\n" for h in range(start, count))
    return "time,requests\n" + cells


UNITS = [
    (mooncake([0.5, 1.5]), FILE,
     "0.5 has a fraction: milliseconds or seconds? (give the trace its"),
    (mooncake(range(60)), FILE,
     "60 requests come within 0.059 s, as seconds within 59 s (give the"),
    (mooncake([0, 10**14]), FILE, "2 requests come within 1,157,407 days (give the trace its unit"),
    (mooncake([0, 1]), "trace: {file: log, unit: sec}", "unit: 'sec' must be one of s, ms, us, ns"),
    (mooncake([0, 1]), "trace: {file: log, unit: 1}", "unit: 1 must be one of s, ms, us, ns"),
    (mooncake([1_782_900_000_000] * 2), "trace: {file: log, unit: s}",
     "in s these are centuries off (as ms they are dates of today)"),
    (mooncake([0, 5]), "trace: {file: log, unit: datetime}",
     "timestamp (0) must be a date and time"),
    (HEAD + ROWS, "trace: {file: log, unit: s}",
     "time ('2026-07-01 10:00:00') must be a number in s; give the unit datetime for dates"),
    (mooncake([0, 2000], hash_ids=[1]), "trace: {file: log, block_tokens: 0}",
     "block_tokens: 0 must be from 1 to 65536"),
    (mooncake([0, 2000]), "trace: {file: log, block_tokens: 16}",
     "block tokens (16) must be at least 0, and 0 where there is no column of blocks"),
    (mooncake([0, 2000], hash_ids=[1, 2, 3, 4]), FILE,
     "hash_ids does not tell how many tokens a block has (give block_tokens, such as"),
]  # fmt: skip

TABLES = [
    ("", FILE, "the file is empty (a trace has one row per request)"),
    (HEAD, FILE, "no rows (a trace has one row per request)"),
    (HEAD + "2026-07-01 10:00:00,7\n", FILE, "log:2: 2 fields, the header has 3"),
    (HEAD + "2026-07-01 10:00:00,,3\n2026-07-01 10:00:09,7,-\n", FILE,
     "none of 2 rows has both prompt and output tokens"),
    (HEAD + ROWS + "tomorrow,7,3\n", FILE,
     "log:4: time ('tomorrow') must be a date and time such as"),
    (HEAD + ROWS + "2026-07-01T10:00:00Z,7,3\n", FILE,
     "log:4: time ('2026-07-01T10:00:00Z') must be"),
    (HEAD + "7/1/2026 10:00,7,3\n7/2/2026 10:00,7,3\n", FILE,
     "time ('7/1/2026 10:00') must be a date"),
    (HEAD.replace(",", ";") + "2026-07-01 10:00:00;1.234;3\n", FILE,
     "log:2: prompt_tokens ('1.234') must be a whole number of tokens"),
    (HEAD + ROWS + "2026-07-01 10:00:10,7 tokens,3\n", FILE,
     "prompt_tokens ('7 tokens') must be a whole"),
    (HEAD + ROWS + ",7,3\n" * 3, FILE, "3 of 5 rows have no time"),
    ((HEAD + ROWS).encode("utf-16"), FILE, "is UTF-16 text (save it as UTF-8)"),
    ((HEAD + "2026-07-01 10:00:00,7,ä\n").encode("latin-1"), FILE, "is not UTF-8 text"),
]  # fmt: skip

COLUMNS = [
    ("a,b,c\n1,2,3\n", FILE, "is of no known trace format (name the columns that hold the time"),
    ("at,in,out\n1,2,3\n", OWN.replace(": out", ": output") + "}}",
     "no column 'output' (nearest: 'out')"),
    ("at,in,out\n1,2,3\n", "trace: {file: log, format: columns}", "has no columns for its format"),
    ("at,in,out\n1,2,3\n", "trace: {file: log, format: columns, columns: {timestamp: at,"
     " output_tokens: out}}", "columns.prompt_tokens: is missing (such as prompt_tokens: its"),
    ("at,in,out\n1,2,3\n", OWN + ", sesion: x}}",
     "columns.sesion: unknown key (did you mean 'session'?)"),
    ("at,in,out\n1,2,3\n", OWN + ", session: who}}", "no column 'who'"),
    ("at,in,in,out\n1,2,2,3\n", OWN + "}}", "column 'in' is there 2 times"),
    ("at,in,out\n1,2,3\n", OWN + ", blocks: out}}", "columns (at, in, out, out) must be different"),
    ("at,in,out,ids\n1,2,3,4\n", OWN + ", blocks: ids}}",
     "a CSV file has no lists, as 'ids' must be"),
    ("at,in,out\n1,2,3\n", OWN + ", delay: wait}}", "columns.delay: has no session beside it (add"),
    (lines({"at": 1, "use": {"in": 2, "out": 3}}), OWN.replace(" in,", " use.input,") + "}}",
     "no column 'use.input' (nearest: 'use.in')"),
    ("at,in,out\n1,2,3\n", OWN.replace("columns,", "litelm,") + "}}",
     "format: 'litelm' must be one of auto, azure"),
]  # fmt: skip

TOOLS = [
    (b"PK\x03\x04" + b"x" * 50, FILE, "is a zip archive or a workbook (save the sheet as CSV)"),
    (b"\x28\xb5\x2f\xfd" + b"x" * 50, FILE, "is compressed with zstd (decompress it first)"),
    (gzip.compress((HEAD + ROWS).encode(), mtime=0)[:-9], FILE,
     "cannot be read: a damaged gzip file"),
    (json.dumps(LITELLM)[:-2], FILE, "cannot be read: its JSON has no end"),
    ("[1, 2, 3]", FILE, "is not a JSON object"),
    ("{}", FILE, "no columns (a trace has a time and two numbers of tokens)"),
    (lines(*LITELLM) + "\n{oops}\n", FILE, "log:4: is not a JSON object"),
    (lines({"timestamp": 0, "input_length": 9, "output_length": 9},
           {"delay": 5, "input_length": 9, "output_length": 9}), FILE,
     "1 rows have a delay in place of a timestamp, but no session"),
    (lines({"session_id": "a", "turns": [{"text": "hello"}]}), FILE, "is of no known trace format"),
    (HEAD + ROWS, "trace: {file: log, format: otel}", "is CSV, and otel is JSON"),
    (lines({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "GET"}]}]}]}), FILE,
     "1 of 1 rows have no start"),
    ("\n".join(['1.1.1.1 - - [01/Jul/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'] * 3),
     FILE,
     "is of no known trace format"),
    (HEAD + ROWS, "trace: {file: logs}", "cannot be read: no such file"),
    (HEAD + ROWS, "trace: {file: .}", "cannot be read: is a directory"),
]  # fmt: skip

COUNTS = [
    (hourly(0), "counts: {csv: log}", "has no rows below its header"),
    (hourly(1), "counts: {csv: log}", "has one time alone"),
    (hourly(48).replace("T05:00,5", "T05:00,five", 1), "counts: {csv: log}",
     "log:7: requests ('five') must be a number >= 0"),
    (hourly(48) + hourly(48, 40)[14:], "counts: {csv: log}", "8 rows have the time of another"),
    (hourly(48).replace("T05:00", "T05:20", 1), "counts: {csv: log}",
     "rows are not evenly spaced by 1 h"),
    (hourly(48).replace(",", ",5,").replace("time,5", "time,errors"), "counts: {csv: log}",
     "2 columns of numbers beside the times (name one with column: …)"),
    (hourly(48), "counts: {csv: log, column: request}",
     "no column 'request' (nearest: 'requests')"),
    (hourly(48), "counts: {csv: log, per: week}", "per: 'week' must be one of row, second, minute"),
    (hourly(48), "counts: log", "counts: 'log' must be a mapping (keys: csv, column, time, per"),
    ("hour,requests\n0,5\n1,6\n", "counts: {csv: log}",
     "no column of times (name it with time: …)"),
    ("rps\n" + "5\n" * 336, "{requests_per_second: 5, shape: {csv: log, column: rps}}"[1:-1],
     "336 rows are neither a day (24, or 48, 96, 288) nor a week (168); add a column of times"),
    (hourly(48), "counts: {csv: log, scale: 0}", "scale: 0 must be greater than 0"),
]  # fmt: skip

BILLS = [
    ("", "usd_per_month: -5", "usd_per_month: -5 must be greater than 0"),
    ("", "usd_per_month: 38 EUR", "'EUR' is none of USD, kUSD, MUSD"),
    ("", "usd_per_month: a lot", "usd_per_month: 'a lot' must be an amount such as 2.99"),
    ("", "usd_per_mont: 38k", "usd_per_mont: unknown key (did you mean 'usd_per_month'?)"),
    ("", "usd_per_month: 38k, requests_per_day: 5k",
     "goes beside requests_per_day, must be the only"),
    ("", "usd_per_month: 38k, billed_by: big",
     "billed_by: 'big' is no managed API that usd_per_month"),
    ("", "usd_per_month: 38k, bill_shares: 40%",
     "bill_shares: '40%' must be a mapping (keys: output"),
    ("", "usd_per_month: 38k, bill_shares: {output: 50%, input: 50%}",
     "bill_shares.input: unknown key"),
    ("", "usd_per_month: 38k, bill_shares: {output: 100%}", "output: '100%' must be at most 0.999"),
    ("", "requests_per_day: 5k, bill_shares: {output: 50%}",
     "bill_shares: has no usd_per_month beside"),
    ("", "usd_per_month: 38k, think_time: 5s", "think_time: has no users beside it"),
]  # fmt: skip

SLIPS = [("units", *each) for each in UNITS]
SLIPS += [("tables", *each) for each in TABLES]
SLIPS += [("columns", *each) for each in COLUMNS]
SLIPS += [("tools", *each) for each in TOOLS]
SLIPS += [("counts", *each) for each in COUNTS]
SLIPS += [("bills", *each) for each in BILLS]


def scenario(arrivals, with_lengths):
    lengths = "    prompt_tokens: 500\n    output_tokens: 100\n" if with_lengths else ""
    return (
        f"name: slip\nhorizon: {{days: 1}}\nworkloads:\n  chat:\n    arrivals: {{{arrivals}}}\n"
        f"{lengths}    route: small\n"
        "backends:\n  small: {kind: managed_api, model: gpt-4o-mini}\n"
        "  big: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}\n"
    )


@pytest.mark.parametrize(("kind", "content", "arrivals", "said"), SLIPS)
def test_a_slip_is_one_line(tmp_path, capfd, monkeypatch, kind, content, arrivals, said):
    monkeypatch.chdir(tmp_path)
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "log").write_bytes(data)
    (tmp_path / "slip.yaml").write_text(scenario(arrivals, not arrivals.startswith("trace")))
    assert main(["run", "slip.yaml", "--quiet", "--out", "out"]) == 2
    error = capfd.readouterr().err
    (line,) = error.splitlines()
    assert said in line
    assert not any(map(is_control, line))
    assert not (tmp_path / "out").exists()


def test_there_are_ten_of_each_kind():
    assert all(len(each) >= 10 for each in (UNITS, TABLES, COLUMNS, TOOLS, COUNTS, BILLS))
    assert len({slip[1:3] for slip in SLIPS}) == len(SLIPS) >= 60


def test_what_is_told_can_be_done(tmp_path, capfd, monkeypatch):
    """The remedies of some slips, followed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").write_text(mooncake([0.5, 1.5, 7.25]))
    assert main(["trace", "log", "--column", "unit=s", "--quiet"]) == 0
    assert "over 6.75 s" in capfd.readouterr().out.replace("\n", " ")
    (tmp_path / "log").write_text(table([{"when": "2026-07-01", "p": 3, "o": 4}] * 2, ";"))
    named = [
        w for c in ("timestamp=when", "prompt_tokens=p", "output_tokens=o") for w in ("--column", c)
    ]
    assert main(["trace", "log", *named, "--quiet"]) == 0
