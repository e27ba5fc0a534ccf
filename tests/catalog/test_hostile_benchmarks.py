"""A few of the cases of ``benchmarks/fuzz_importers.py``: mutated files end well or in one line."""

import dataclasses
import gzip
import importlib
from pathlib import Path
from types import ModuleType

import benchmark_files as files
import numpy as np
import pytest
from places import ROOT

from sim.catalog.benchmarks import read_benchmarks


@pytest.fixture
def fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("fuzz_importers")
    module.fuzz.BOMBS.append(gzip.compress(b"\0" * 2**20))
    monkeypatch.chdir(tmp_path)
    return module


@pytest.mark.parametrize("name", files.FILES)
def test_no_mutated_file_is_a_fault(fuzz: ModuleType, name: str) -> None:
    found = {number: fuzz.case(name, number, 1) for number in range(60)}
    assert not {number: wrong for number, (_, wrong) in found.items() if wrong}
    assert {end for end, _ in found.values()} == {"read", "refused"}


def test_a_run_that_cannot_be_is_a_fault(fuzz: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(files.FILES["vllm-detailed"](files.closed_run()))
    (run,) = read_benchmarks([str(path)])
    assert not fuzz.wrong_run(run)
    backwards = dataclasses.replace(run.requests, sent_s=run.requests.sent_s[::-1])
    early = dataclasses.replace(run.requests, e2e_s=run.requests.e2e_s - 99)
    for log in (backwards, early):
        assert fuzz.wrong_run(dataclasses.replace(run, requests=log))
    assert fuzz.wrong_run(dataclasses.replace(run, name="\x1b"))


def test_a_long_line_of_digits_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('vllm:a{b="1"} 2\nvllm:a{' + "9" * 1_000_000 + "} 1\n")
    with pytest.raises(Exception, match=":2: is not a sample"):
        read_benchmarks([str(path)])


def test_the_order_of_rows_makes_no_difference(tmp_path: Path) -> None:
    text = files.csv_requests(files.closed_run()).strip().split("\n")
    order = np.random.default_rng(1).permutation(len(text) - 1) + 1
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("\n".join(text))
    paths[1].write_text("\n".join([text[0], *(text[i] for i in order)]))
    one, other = (read_benchmarks([str(path)])[0] for path in paths)
    np.testing.assert_array_equal(one.requests.sent_s, other.requests.sent_s)
    assert one.drive == other.drive
    np.testing.assert_array_equal(np.sort(one.requests.e2e_s), np.sort(other.requests.e2e_s))
