"""Building a wheel compiles the kernel; where that fails there is a wheel all the same."""

import pytest
from setuptools import Distribution

from sim.build import BuildWithKernel, PlatformWheel

STUB = """
import os, sys
def compile_into(place):
    assert os.getcwd() not in sys.path
    place.mkdir(parents=True)
    (place / "made_for.json").write_text(__file__)
"""
BROKEN = """
def compile_into(place):
    raise RuntimeError("no compiler here")
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a package ``sim`` whose compilation is this code; its folder in the wheel."""

    def build(code: str):
        source = tmp_path / "source" / "sim" / "montecarlo"
        source.mkdir(parents=True, exist_ok=True)
        (source.parent / "__init__.py").touch()
        (source / "__init__.py").touch()
        (source / "compilation.py").write_text(code)
        monkeypatch.chdir(tmp_path / "source")
        distribution = Distribution({"packages": ["sim", "sim.montecarlo"]})
        distribution.script_name = "setup.py"
        command = BuildWithKernel(distribution)
        command.build_lib = str(tmp_path / "wheel")
        command.ensure_finalized()
        command.run()
        return tmp_path / "wheel" / "sim"

    return build


def test_the_package_that_was_built_compiles_its_kernel_into_the_wheel(build):
    package = build(STUB)
    made_by = (package / "engine" / "object_code" / "made_for.json").read_text()
    assert made_by == str(package / "montecarlo" / "compilation.py")


def test_what_an_earlier_build_left_is_not_there_when_the_kernel_is_compiled(build):
    """It would be taken for a kernel that came along, so that nothing would be compiled."""
    place = build(STUB) / "engine" / "object_code"
    (place / "left.nbi").touch()
    build(STUB)
    assert [each.name for each in place.iterdir()] == ["made_for.json"]


def test_without_a_compiler_the_wheel_has_no_machine_code_and_it_is_said(build, capsys, caplog):
    package = build(BROKEN)
    assert (package / "montecarlo" / "compilation.py").exists()
    assert not (package / "engine").exists()
    said = capsys.readouterr().err + caplog.text
    assert "the kernel is not compiled (RuntimeError: no compiler here)" in said


def test_a_wheel_is_for_this_kind_of_machine():
    command = PlatformWheel(Distribution({"name": "peakfleet", "version": "1"}))
    command.ensure_finalized()
    python, _, platform = command.get_tag()
    assert python.startswith("cp3")
    assert platform != "any"
