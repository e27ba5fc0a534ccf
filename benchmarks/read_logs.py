"""How long a million rows of a log take to read, and how much memory.

    python benchmarks/read_logs.py

Writes logs of a million requests as several tools do, and reads each in a process of its own: CSV,
JSON lines, a JSON array, nested JSON lines, OpenTelemetry spans, an access log.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

ROWS = 1_000_000
READ = """
import resource, sys, time
from sim.catalog.logs import read_trace
begun = time.perf_counter()
trace = read_trace(sys.argv[1])
took, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
print(f"{trace.origin.format:<9} {trace.origin.kind:<11} {len(trace.arrival_s):>9,} rows"
      f" {took:6.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU),"
      f" {used.ru_maxrss / 1024:,.0f} MiB")
"""


def requests() -> Iterator[tuple[int, datetime, int, int]]:
    """Number, time, prompt and output tokens."""
    rng, start = np.random.default_rng(1), datetime(2026, 7, 1, tzinfo=UTC)
    at_s = np.cumsum(rng.exponential(1 / 12, ROWS)).tolist()
    prompt, output = rng.integers(10, 4000, ROWS).tolist(), rng.integers(1, 800, ROWS).tolist()
    for row in range(ROWS):
        yield row, start + timedelta(seconds=at_s[row]), prompt[row], output[row]


def spend(row: int, at: datetime, prompt: int, output: int) -> dict[str, object]:
    """A row of LiteLLM's spend logs."""
    time = at.isoformat(timespec="milliseconds")
    return {"request_id": f"a{row}", "call_type": "acompletion", "spend": 0.0021,
            "startTime": time, "endTime": time, "model": "gpt-4.1", "prompt_tokens": prompt,
            "completion_tokens": output, "session_id": f"s{row // 4}",
            "metadata": {"note": 'a "quoted" one'}}  # fmt: skip


def invocation(row: int, at: datetime, prompt: int, output: int) -> dict[str, object]:
    """A model invocation log of Bedrock."""
    return {"schemaType": "ModelInvocationLog", "timestamp": at.isoformat(), "requestId": f"r{row}",
            "input": {"inputTokenCount": prompt, "cacheReadInputTokenCount": prompt // 3},
            "output": {"outputTokenCount": output}}  # fmt: skip


def span(row: int, at: datetime, prompt: int, output: int) -> dict[str, object]:
    """A span of OpenTelemetry."""
    tokens = {"gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": output}
    given = [{"key": key, "value": {"intValue": str(n)}} for key, n in tokens.items()]
    start = str(int(at.timestamp() * 1e9))
    return {"traceId": f"t{row}", "name": "chat", "startTimeUnixNano": start, "attributes": given}


def write(folder: Path) -> Iterator[Path]:
    """The logs, one after the other."""
    for name, made in (("spend.jsonl", spend), ("bedrock.jsonl", invocation), ("otel.jsonl", span)):
        with (folder / name).open("w") as file:
            file.writelines(json.dumps(made(*each)) + "\n" for each in requests())
        yield folder / name
    with (folder / "spend.json").open("w") as file:
        rows = (json.dumps(spend(*each)) for each in requests())
        file.write("[" + next(rows))
        file.writelines(",\n" + row for row in rows)
        file.write("]\n")
    yield folder / "spend.json"
    with (folder / "spend.csv").open("w") as file:
        file.write("request_id,startTime,model,prompt_tokens,completion_tokens,session_id\n")
        file.writelines(
            f"a{n},{at.isoformat()},m,{p},{o},s{n // 4}\n" for n, at, p, o in requests()
        )
    yield folder / "spend.csv"
    with (folder / "access.log").open("w") as file:
        file.writelines(
            f'10.0.0.1 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "POST /v1/chat HTTP/1.1" 200 9 "-" "py"'
            f" prompt_tokens={p} completion_tokens={o}\n"
            for _, at, p, o in requests()
        )
    yield folder / "access.log"


def main() -> None:
    """Write and read each."""
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder)):
            subprocess.run([sys.executable, "-c", READ, str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    main()
