"""Logs of strangers: mutated ones end well or in one line, which repeats no other file."""

import gzip
import random

import pytest
from log_files import FILES

from sim.catalog.logs import FORMATS, read_trace
from sim.errors import TraceError, is_control
from sim.model import input_file

CASES = 40
SECRET = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:[daemon]:/usr/sbin\n"
PIECES = [
    b"", b"0", b"-1", b"1e400", b"NaN", b"\0", b"\xff\xfe", b'"', b"\\", b"{", b"}", b"[", b"]",
    b",", b";", b"\n", b"null", b"true", b"9" * 40, b"\xed\xa0\x80", b"{}" * 50, b"[" * 3000,
    b"\x1b[2J", b'{"a":', b"1970-01-01", b"9999-12-31T23:59:59Z",
]  # fmt: skip


def mutated(text, draw):
    """A text with one to four things changed."""
    content = bytearray(text.encode())
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) + 1)
        match draw.randrange(4):
            case 0:
                content[at : at + draw.randint(1, 30)] = b""
            case 1:
                content[at:at] = draw.choice(PIECES)
            case 2:
                content[at : at + draw.randint(1, 8)] = draw.choice(PIECES)
            case _:
                other = draw.randrange(len(content) + 1)
                content[at:at] = content[min(at, other) : max(at, other)][:300]
    return bytes(content)


def refusal(path, layout="auto"):
    """The line with which a file is refused; None for one that is read."""
    try:
        trace = read_trace(str(path), layout)
    except TraceError as error:
        return str(error)
    assert trace.arrival_s[0] == 0
    assert (trace.prompt_tokens > 0).all()
    assert trace.dropped == sum(count for _, count in trace.origin.skipped)
    return None


@pytest.mark.parametrize("name", FILES)
def test_no_mutated_log_is_a_fault(tmp_path, name):
    ends = set()
    for number in range(CASES):
        draw = random.Random(f"{name}/{number}")
        content = mutated(FILES[name], draw)
        (tmp_path / "log").write_bytes(gzip.compress(content) if number % 5 == 0 else content)
        said = refusal(tmp_path / "log")
        ends.add(said is None)
        assert said is None or not any(map(is_control, said))
    (tmp_path / "log").write_text(FILES[name], newline="")
    assert refusal(tmp_path / "log") is None
    assert False in ends


@pytest.mark.parametrize("layout", ["auto", *FORMATS])
def test_other_files_are_not_repeated(tmp_path, layout):
    for text in (
        SECRET,
        f"[{SECRET}",
        f"{{{SECRET}",
        f'["{SECRET.strip()}"]',
        SECRET.replace(":", ","),
    ):
        (tmp_path / "x").write_text(text)
        said = refusal(tmp_path / "x", layout)
        assert said is not None
        assert not {"root", "bash", "daemon", "usr"} & set(
            said.removeprefix(str(tmp_path)).split(":")
        )
        assert "/bin" not in said.removeprefix(str(tmp_path))


@pytest.mark.parametrize(
    ("magic", "said"),
    [
        (b"PK\x03\x04", "zip archive or a workbook .save the sheet as CSV"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"SQLite format 3\0", "database"),
        ("t,in,out\n".encode("utf-16"), "UTF-16 text"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path, magic, said):
    (tmp_path / "x").write_bytes(magic + b"\1" * 100)
    with pytest.raises(TraceError, match=said):
        read_trace(str(tmp_path / "x"))


@pytest.mark.parametrize(
    "head", [b"[", b"{", b'{"data":[', b'[{"a":"', b'[01/Jul/2026:10:00:00 +0000] "']
)
def test_bombs_are_refused(tmp_path, monkeypatch, head):
    monkeypatch.setattr(input_file, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(input_file, "GROWTH", 4)
    for filling in (b" ", b"0", b"\n", b"{}", b"{},"):
        (tmp_path / "x").write_bytes(gzip.compress(head + filling * (8 << 20)))
        assert refusal(tmp_path / "x") is not None
