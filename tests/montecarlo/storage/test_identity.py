"""What makes two runs the same: not the folder of the program, but its contents; one's own code."""

import importlib
import sys
from pathlib import Path

import pytest
from fake_replication import FakeScenario

from sim.montecarlo.storage.identity import differences, identity

SCALER = """
import math
import json as shown
from {helper} import limit
def mine(fleet):
    yield fleet.env.timeout(limit())
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes an autoscaler and the module beside it that it uses; gives the identity of its run."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(limit: int = 15, remark: str = "", beside: str = "") -> dict[str, object]:
        for name in ("identity_scaler", "identity_helper"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        helper = tmp_path / "identity_helper.py"
        helper.write_text(f"def limit():\n    return {limit}\n")
        text = SCALER.format(helper="identity_helper") + remark
        (tmp_path / "identity_scaler.py").write_text(text)
        (tmp_path / "beside.py").write_text(beside)
        importlib.invalidate_caches()
        autoscaler = {"preset": "custom", "process": "identity_scaler:mine"}
        backends = {"large": {"autoscaler": autoscaler}}
        return identity(FakeScenario(extra={"backends": backends}), 0)

    return written


def test_the_same_code_is_the_same_run(code) -> None:
    assert code() == code(beside="of no account")
    assert set(code()["code_sha256"]) == {"identity_scaler:mine"}


@pytest.mark.parametrize("change", [{"remark": "\nLIMIT = 3\n"}, {"limit": 16}])
def test_code_that_changed_in_its_file_or_beside_it_is_another_run(code, change) -> None:
    assert differences(code(), code(**change)) == ["code_sha256"]


def test_a_scenario_without_code_has_none() -> None:
    assert identity(FakeScenario(), 0)["code_sha256"] == {}
