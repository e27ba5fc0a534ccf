"""Hostile scenarios and traces: each is simulated or refused in one line per problem.

    python benchmarks/fuzz.py [--scenarios 20000] [--traces 10000] [--seed 0]

Shipped scenarios and small traces are mutated by their structure: values, keys, whole branches,
bytes, lines, columns, and files that are none (devices, FIFOs, folders) or bombs. Each is loaded in
a worker that is given 10 s and 1 GB for it, above what the program itself takes. A fault is
whatever is neither a scenario nor a PeakfleetError: a traceback, a message with control characters
or of more than a line a problem, too long a time, or too much memory. Ends with 1 if there is one.
"""

import argparse
import contextlib
import copy
import gzip
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.catalog.logs import TraceColumns, read_trace
from sim.errors import PeakfleetError, ScenarioError, is_control
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import parse_document

ROOT = Path(__file__).parent.parent
SHIPPED = sorted((ROOT / "scenarios").rglob("*.yaml"))
SAMPLE = (ROOT / "scenarios" / "azure_trace_sample.csv").read_text().splitlines()[:40]
OWN = TraceColumns("t", "in", "out")
LIMIT_S = 10  # of the processor
HANGS_S = 60  # by the clock, on a busy machine
LIMIT_BYTES = 2**30
BATCH = 200

ODD: list[Any] = [
    None, True, 0, -1, 1, 0.5, 1e-320, 1e308, 10**30, float("nan"), float("inf"), "", " ", "-5s",
    "8%", "100k", "9" * 400, "1e999", "\0", "a\nb", "\x1b[2J", "\ud800", "\u202e", "é" * 5000,
    "/dev/zero", "/etc/passwd", "fifo", "bomb.csv.gz", ".", "os:system", "=cmd()", [], {}, [[]],
    {"p5": 2, "p95": 1}, {"lognormal": {"p50": 1, "p95": 1e300}}, {"csv": "fifo"}, [1] * 24,
    {"empirical": {"csv": "bomb.csv.gz"}}, {"choice": {}}, {"mixture": [{}]}, 1e12, 2**63, -(2**63),
]  # fmt: skip
KEYS = [
    "shape", "trace", "file", "csv", "min", "max", "price", "capacity", "engine", "process", "x",
]  # fmt: skip
CELLS = [
    "", "0", "-1", "1e9", "nan", "inf", "9" * 30, "2.5", "\0", "\x1b[2J", '"', "'", "=1+1", "é",
    "\ud800", "2023-13-45 99:99:99", "9" * 100_000, "null", "[1,2]", "{}", "\t", "\r",
]  # fmt: skip
COLUMNS: list[list[Any]] = [
    [1, 2, 3], [0.5, None, -1.0], ["a", "b", None], [[1], [], None], [2**62] * 3,
    [b"x", b"", b"\xff"], [True, False, None],
]  # fmt: skip
DEVICES = ("/dev/zero", "/dev/random", "/dev/stdin", "/dev/full")
OTHERS = ("/etc/passwd", "/proc/kmsg", "/proc/self/mem", "/proc/self/maps")


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything in plain data."""
    entries = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        entries = enumerate(value)  # type: ignore[assignment]
    return [path, *(at for key, item in entries for at in paths(item, (*path, key)))]


def scenario(draw: random.Random, documents: list[Any]) -> bytes:
    """A shipped scenario with one to four things changed, as YAML or as scrambled bytes."""
    data = copy.deepcopy(draw.choice(documents))
    for _ in range(draw.randint(1, 4)):
        places = paths(data)[1:]
        if not places:
            break
        *above, last = draw.choice(places)
        parent = data
        for key in above:
            parent = parent[key]
        match draw.randrange(5):
            case 0 if isinstance(parent, dict):
                parent[draw.choice(KEYS)] = copy.deepcopy(draw.choice(ODD))
            case 1:
                del parent[last]
            case 2:
                parent[last] = copy.deepcopy(draw.choice(list(data.values()) or [None]))
            case _:
                parent[last] = copy.deepcopy(draw.choice(ODD))
    text = json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf")
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    if draw.random() < 0.2:
        scramble(draw, content)
    return bytes(content)


def scramble(draw: random.Random, content: bytearray) -> None:
    """Overwrite, drop and insert a few bytes."""
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(content) + 1)
        content[at : at + draw.choice((0, 1, 9, 999))] = draw.choice(
            (b"", b"\0", b"\xff", b"&a [*a]", b"{" * 40, b'"', b"\n- ", b": ", draw.randbytes(3))
        )


def trace(draw: random.Random, path: Path) -> None:
    """Write a mutated trace, or what is none."""
    kind = draw.choice(("csv", "csv", "csv", "json", "parquet", "odd"))
    if kind == "odd":
        odd_file(draw, path)
        return
    rows = [line.split(",") for line in SAMPLE]
    for _ in range(draw.randint(1, 4)):
        row = draw.choice(rows)
        if row:
            row[draw.randrange(len(row))] = draw.choice(CELLS)
        if draw.random() < 0.2:
            row.append(draw.choice(CELLS))
    if kind == "csv":
        content = "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")
    elif kind == "json":
        names = draw.choice((["timestamp", "input_length", "output_length"], rows[0]))
        objects = [dict(zip(names, [odd_json(draw, cell) for cell in row], strict=False))
                   for row in rows[1:]]  # fmt: skip
        content = "\n".join(map(json.dumps, objects)).encode()
    else:
        content = parquet(draw)
    changed = bytearray(content)
    if draw.random() < 0.3:
        scramble(draw, changed)
    if draw.random() < 0.3:
        changed = bytearray(gzip.compress(bytes(changed), 1))
        if draw.random() < 0.5:
            scramble(draw, changed)
    path.write_bytes(bytes(changed))


def odd_json(draw: random.Random, cell: str) -> Any:
    """A cell as JSON has it, mostly."""
    if draw.random() < 0.02:
        return draw.choice(ODD)
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 4000 else cell


def parquet(draw: random.Random) -> bytes:
    """A small table of any types."""
    names = draw.choice((OWN.names, ("timestamp", "input_length", "output_length")))
    columns = {name: draw.choice(COLUMNS) for name in names}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def odd_file(draw: random.Random, path: Path) -> None:
    """A device, a FIFO, a folder, a bomb, a file of another kind."""
    match draw.randrange(8):
        case 0:
            os.mkfifo(path)
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(draw.choice(DEVICES))
        case 3:
            path.symlink_to(draw.choice(OTHERS))
        case 4:
            path.symlink_to(path)
        case 5:
            path.write_bytes(BOMBS[draw.randrange(len(BOMBS))])
        case 6:
            path.write_bytes(draw.randbytes(draw.choice((0, 1, 4, 9999))))
        case _:
            with path.open("wb") as file:
                file.truncate(draw.choice((2**20, 2**31, 2**40)))


def bombs() -> list[bytes]:
    """What is small on disk and large in memory."""

    def packed(head: bytes, line: bytes) -> bytes:
        file = io.BytesIO()
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as out:
            out.write(head)
            for _ in range(300):
                out.write(line * (2**20 // len(line)))
        return file.getvalue()

    rows = io.BytesIO()
    same = pa.array([7], pa.int64()).take(pa.array([0] * 9_000_000, pa.int32()))
    pq.write_table(pa.table(dict.fromkeys(OWN.names, same)), rows, compression="zstd")
    return [
        packed(b"", b"\0"), packed(b"t,in,out\n", b"1,2,3\n"), rows.getvalue(),
        packed(b"", b'{"t": 1, "in": 2, "out": 3}\n'), packed(b"", b"t,"), packed(b"", b"["),
    ]  # fmt: skip


BOMBS: list[bytes] = []


def fault(work: Callable[[], object]) -> str:
    """What is wrong with how something ended; empty if nothing is."""
    begun = time.process_time()  # of this process alone, whatever else the machine does
    try:
        work()
    except PeakfleetError as error:
        lines = str(error).split("\n")
        most = len(error.problems) if isinstance(error, ScenarioError) else 1
        if len(lines) > most or any(map(is_control, "".join(lines))):
            return f"message {str(error)[:200]!r}"
        if any(secret in str(error) for secret in ("root:", "/bin/bash", "daemon")):
            return f"repeats what it read: {str(error)[:200]!r}"
    except MemoryError:
        return "takes too much memory"
    except BaseException as error:  # whatever it is, it is a fault
        return f"{type(error).__name__}: {str(error)[:200]}"
    took = time.process_time() - begun
    return f"takes {took:.1f} s" if took > LIMIT_S else ""


def surroundings() -> None:
    """Write to the current folder what scenarios name."""
    os.mkfifo("fifo")
    Path("bomb.csv.gz").write_bytes(BOMBS[0])
    Path("azure_trace_sample.csv").write_text("\n".join(SAMPLE))


def case(kind: str, number: int, seed: int, documents: list[Any]) -> str:
    """Write a case to the current folder, read it, and say what is wrong with how that ends."""
    draw = random.Random(f"{seed}/{kind}/{number}")
    path = Path(f"case-{number}.csv")
    if kind == "scenario":
        path.write_bytes(scenario(draw, documents))
        work: Callable[[], object] = partial(load_scenario, path)
    else:
        trace(draw, path)
        work = partial(read_trace, str(path), draw.choice(("auto", OWN)))
    wrong = fault(work)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    return wrong


def shipped() -> list[Any]:
    """The scenarios to begin with, as plain data."""
    return [parse_document(path.read_text(), str(path)).data for path in SHIPPED]


def batch(task: tuple[str, int, int]) -> list[tuple[str, int, str]]:
    """Run the cases of a batch: the kind, the number and the fault of each that has one."""
    kind, first, seed = task
    signal.signal(signal.SIGALRM, _too_long)
    if not BOMBS:  # the first batch of this process
        resource.setrlimit(resource.RLIMIT_AS, (_size() + LIMIT_BYTES,) * 2)
        BOMBS.extend(bombs())
    documents = shipped()
    found = []
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        surroundings()
        for number in range(first, first + BATCH):
            signal.alarm(HANGS_S)
            if wrong := case(kind, number, seed, documents):
                found.append((kind, number, wrong))
            signal.alarm(0)
    return found


def _too_long(*_: object) -> None:
    raise TimeoutError(f"takes more than {HANGS_S} s")


def _size() -> int:
    """Bytes of address space that this process has already."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def tasks(scenarios: int, traces: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """Batches of both kinds, in turn."""
    for first in range(0, max(scenarios, traces), BATCH):
        if first < scenarios:
            yield "scenario", first, seed
        if first < traces:
            yield "trace", first, seed


def main() -> int:
    """Run all cases; print each fault, and how many there were."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", type=int, default=20_000)
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=float("inf"), help="End early.")
    asked = parser.parse_args()
    begun, done, faults = time.monotonic(), Counter[str](), 0
    with get_context("forkserver").Pool(asked.jobs, maxtasksperchild=5) as pool:
        work = list(tasks(asked.scenarios, asked.traces, asked.seed))
        for (kind, *_), found in zip(work, pool.imap(batch, work), strict=True):
            done[kind] += BATCH
            faults += len(found)
            for one in found:
                print(*one, flush=True)
            print(f"{done.total():,} cases", file=sys.stderr, flush=True)
            if time.monotonic() - begun > asked.seconds:
                pool.terminate()
                break
    print(f"{done['scenario']:,} scenarios, {done['trace']:,} traces: {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
