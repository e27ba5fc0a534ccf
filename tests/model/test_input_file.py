"""Whatever a user names, only regular files are read, and no more of them than is sensible."""

import gzip
import io
import os
import socket
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import SHIPPED

from sim.catalog import profile, shape
from sim.catalog.logs import TraceColumns, read_trace
from sim.catalog.profile_file import load_profile
from sim.errors import CatalogError, PeakfleetError, ScenarioError, TraceError
from sim.model import input_file
from sim.model.input_file import InputFileError, content, expanded, text
from sim.scenario import load_scenario
from sim.studies.plan.notation import growth

OWN = TraceColumns("t", "in", "out")
SECRET = "root:x:0:0:root:/root:/bin/bash\ndaemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
READERS = {
    "scenario": load_scenario,
    "profile": load_profile,
    "shape": lambda path: shape(f"{path}.csv"),
    "trace": lambda path: read_trace(str(path)),
    "own trace": lambda path: read_trace(str(path), OWN),
}


@pytest.fixture
def oddities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """What is no regular file, under names that end in .csv."""
    folder, fifo, sock = (tmp_path / f"{name}.csv" for name in ("folder", "fifo", "socket"))
    folder.mkdir()
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        listener.bind("socket.csv")
    devices = {name: tmp_path / f"{name}.csv" for name in ("zero", "null", "full")}
    for name, path in devices.items():
        path.symlink_to(f"/dev/{name}")
    return {"folder": folder, "fifo": fifo, "socket": sock, **devices}


@pytest.mark.parametrize("reader", READERS)
def test_nothing_but_regular_files_is_opened_and_nothing_waits(
    oddities: dict[str, Path], reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", None)  # they are not even opened
    for name, path in oddities.items():
        named = path.with_suffix("") if reader == "shape" else path
        with pytest.raises(PeakfleetError, match="cannot be read: is a") as caught:
            READERS[reader](named)
        assert len(str(caught.value).splitlines()) == 1, name


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        f"{SECRET}: [",
        "sk-12345\n",
        "key,sk-12345,a,b\n1,2,3,4\n",
        "- sk-12345",
        "sk-12345: sk-12345\n'sk-12345': {sk-12345: 1}\n",
    ],
)
def test_no_message_repeats_what_is_in_a_file_of_another_kind(
    tmp_path: Path, reader: str, secret: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(secret)
    with pytest.raises(PeakfleetError) as caught:
        READERS[reader](path.with_suffix("") if reader == "shape" else path)
    message = str(caught.value).replace(str(tmp_path), "")
    assert not any(part in message for part in ("root", "daemon", "bash", "sk-12345"))


def test_a_table_of_another_kind_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("sk-12345,b\nsk-89,2\n")
    change = "workloads.chat.prompt_tokens={empirical: {csv: secret.csv, column: tokens}}"
    (tmp_path / "chat.yaml").write_text((SHIPPED / "quickstart.yaml").read_text())
    with pytest.raises(ScenarioError, match="has no column 'tokens'") as caught:
        load_scenario(tmp_path / "chat.yaml", [change])
    assert "sk-" not in str(caught.value)
    with pytest.raises(PeakfleetError, match="curve"):
        growth(str(tmp_path / "secret.csv"))


def test_a_path_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    for path in ("a\0b", "a" * 10_000, "\ud800", str(tmp_path / "none")):
        with pytest.raises(InputFileError, match="cannot be read"):
            content(path, "scenario")


def test_no_name_is_too_long_or_too_odd_to_ask_for() -> None:
    for name in ("9" * 5000, "a\0b", "\ud800", "x/" * 3000):
        for ask in (shape, profile, growth):
            with pytest.raises(PeakfleetError):
                ask(name)
        for key in ("workloads.chat.arrivals.shape", "backends.large.service"):
            with pytest.raises(ScenarioError):
                load_scenario(SHIPPED / "quickstart.yaml", [f"{key}={name}"])


def test_files_are_read_up_to_the_limit_of_their_kind(tmp_path: Path) -> None:
    for kind, most in input_file.LIMITS.items():
        sparse = tmp_path / kind
        with sparse.open("wb") as file:
            file.truncate(most + 1)
        with pytest.raises(InputFileError, match="is larger than"):
            content(sparse, kind)


def test_a_file_that_grows_while_it_is_read_ends_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x")
    with input_file.opened(path, "curve") as file:
        with path.open("ab") as more:
            more.truncate(input_file.LIMITS["curve"] + 1)
        with pytest.raises(InputFileError, match="is larger than 64 KiB"):
            file.read()


def test_what_is_no_text_and_what_has_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfa,b")
    assert text(tmp_path / "text", "shape") == "a,b"
    (tmp_path / "text").write_bytes(b"\xff")
    with pytest.raises(InputFileError, match="is not UTF-8 text"):
        text(tmp_path / "text", "shape")


def bomb(path: Path, line: bytes, mib: int) -> Path:
    """A gzip file of many equal lines, made without having them in memory."""
    block = line * (2**20 // len(line))
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(mib):
            file.write(block)
    return path


@pytest.mark.parametrize(
    ("head", "line"),
    [("t,in,out\n", b"1,2,3\n"), ("", b'{"t": 1, "in": 2, "out": 3}\n'), ("", b"\0")],
)
def test_a_bomb_of_gzip_is_refused_before_it_fills_the_memory(
    tmp_path: Path, head: str, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "FREE_BYTES", 2 * input_file.MIB)
    path = bomb(tmp_path / "bomb.csv", line, 24)
    path.write_bytes(gzip.compress(head.encode()) + path.read_bytes())
    tracemalloc.start()
    try:
        with pytest.raises(TraceError) as caught:
            read_trace(str(path), OWN)
        assert tracemalloc.get_traced_memory()[1] < 100 * input_file.MIB
    finally:
        tracemalloc.stop()
    refusals = ("when decompressed", "a line of more than", "not a JSON object", "no column 't'")
    assert any(each in str(caught.value) for each in refusals)


def test_a_file_that_decompresses_to_much_but_not_too_much_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    rows = "".join(f"{second},{second % 97 + 1},3\n" for second in range(20_000))
    path.write_bytes(gzip.compress(f"t,in,out\n{rows}".encode()))
    assert len(read_trace(str(path), OWN).arrival_s) == 20_000


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(100_000))
    path = tmp_path / "damaged"
    for damaged in (
        whole[:-9],
        whole[:50_000],
        b"\x1f\x8b",
        whole[:100] + b"\0" * 99 + whole[199:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match="damaged gzip"), expanded(path, "trace") as file:
            file.read()


def test_parquet_of_more_rows_than_its_size_can_hold_is_refused(tmp_path: Path) -> None:
    table = pa.table({name: pa.array([1], pa.int64()).take([0] * 100) for name in OWN.names})
    path = tmp_path / "bomb.parquet"
    large = pa.concat_tables([table] * 90_000).combine_chunks()
    pq.write_table(large, path, compression="zstd")
    assert path.stat().st_size < 200_000
    with pytest.raises(TraceError, match=r"bomb\.parquet: has more than 8,"):
        read_trace(str(path), OWN)


def test_tables_of_too_many_columns_and_of_too_long_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{n}" for n in range(100_000)) + "\n")
    with pytest.raises(TraceError, match="more than 1000 columns"):
        read_trace(str(path), OWN)
    with pytest.raises(CatalogError, match="no column"):
        shape(str(path))
    path.write_text("t,in,out\n1," + "9" * 200_000 + ",3\n")
    with pytest.raises(TraceError) as caught:
        read_trace(str(path), OWN)
    assert len(str(caught.value)) < 300 + len(str(path))
    path.write_bytes(b"x" * (17 * input_file.MIB))
    with pytest.raises(TraceError, match=r"field larger|a line of more"):
        read_trace(str(path), OWN)


def test_halves_of_surrogates_are_no_names(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    row = '{"timestamp": "a", "input_length": 2, "output_length": 3, "session_id": "\\ud800"}\n'
    path.write_text(row)
    with pytest.raises(TraceError, match="is not UTF-8 text"):
        read_trace(str(path))


def test_who_reads_may_close_early_and_jump_about(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(b"abc" * 1000))
    with expanded(path, "trace") as file:
        assert file.read(3) == b"abc"
    assert file.closed
    with input_file.opened(path, "trace") as raw:
        raw.seek(-4, io.SEEK_END)
        assert int.from_bytes(raw.read(4), "little") == 3000
