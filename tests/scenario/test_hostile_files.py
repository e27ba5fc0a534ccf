"""A few of the cases of ``benchmarks/fuzz.py``: hostile scenarios and traces end in one line."""

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from places import ROOT


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "benchmarks" / "fuzz.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.BOMBS.append(gzip.compress(b"\0" * 2**20))
    return module


@pytest.mark.parametrize(("kind", "cases"), [("scenario", 60), ("trace", 200)])
def test_no_hostile_file_is_a_fault(
    fuzz: ModuleType, kind: str, cases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fuzz.surroundings()
    documents = fuzz.shipped()
    found = {number: fuzz.case(kind, number, 1, documents) for number in range(cases)}
    assert not {number: wrong for number, wrong in found.items() if wrong}


def test_whatever_is_no_refusal_is_a_fault(fuzz: ModuleType) -> None:
    def refusing(message: str) -> None:
        raise fuzz.PeakfleetError(message)

    assert not fuzz.fault(lambda: None) and not fuzz.fault(lambda: refusing("no such file"))
    assert fuzz.fault(lambda: 1 / 0) == "ZeroDivisionError: division by zero"
    for message in ("two\nlines", "\x1b[2J", "root:x:0:0"):
        assert fuzz.fault(lambda message=message: refusing(message))
