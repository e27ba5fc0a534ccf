"""What building a wheel does besides copying files: it compiles the kernel, so that no run has to.

Where what compiles it is installed already it is used as it is: nothing is installed beside it,
and the machine code is for the very version that will run it. Elsewhere the build asks for it.
Without the compiler, or where it fails, the wheel comes without machine code, and the first run
compiles the kernel. An editable installation has no machine code either.

The functions at the end are what an installer calls (PEP 517 and 660): those of setuptools, but for
what a wheel requires.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from setuptools import build_meta
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

# The package that was built, not the sources in the current folder.
COMPILE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sim.montecarlo.compilation import compile_into
compile_into(Path(sys.argv[2]))
"""
LIMIT_S = 1200
NEEDED = ("numba>=0.61", "numpy>=2.1")  # what compiling the kernel imports
ARE_THERE = f"""
from importlib.metadata import version
for need in {NEEDED}:
    name, least = need.split(">=")
    here = version(name).split(".")
    assert [int(part) for part in here[:2]] >= [int(part) for part in least.split(".")]
"""


class BuildWithKernel(build_py):
    """Copies the package, and compiles its kernel."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if not self.editable_mode:
            self._compile(Path(self.build_lib).resolve())

    def _compile(self, package: Path) -> None:
        place = package / "sim" / "engine" / "object_code"
        # What an earlier build left would be taken for what came with the package, and be gone.
        shutil.rmtree(place, ignore_errors=True)
        try:
            done = _python(COMPILE, str(package), str(place), outside=_has_compiler())
        except (OSError, subprocess.TimeoutExpired) as problem:
            self.warn(f"the kernel is not compiled ({problem}): the first run will do it")
            return
        if done.returncode != 0:
            cause = (done.stderr.strip() or "no reason given").splitlines()[-1]
            self.warn(f"the kernel is not compiled ({cause}): the first run will do it")


class PlatformWheel(bdist_wheel):
    """A wheel for this kind of machine."""

    def finalize_options(self) -> None:
        """Say that the wheel holds machine code."""
        super().finalize_options()
        self.root_is_pure = False


def _python(code: str, *arguments: str, outside: bool) -> subprocess.CompletedProcess[str]:
    """Run code in a new process: in the environment of the build, or in the one outside of it.

    An installer hides what is installed from a build by variables of the environment.
    """
    return subprocess.run(
        [sys.executable, *(["-E"] if outside else []), "-P", "-c", code, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT_S,
        check=False,
    )


@cache
def _has_compiler() -> bool:
    """Whether the environment into which the wheel goes has what compiles the kernel."""
    try:
        return _python(ARE_THERE, outside=True).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


Settings = Mapping[str, str | list[str] | None] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> Sequence[str]:
    """What has to be installed to build a wheel, besides setuptools."""
    usual = build_meta.get_requires_for_build_wheel(config_settings)
    return [*usual, *(() if _has_compiler() else NEEDED)]


get_requires_for_build_editable = build_meta.get_requires_for_build_editable
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
build_wheel = build_meta.build_wheel
build_editable = build_meta.build_editable
build_sdist = build_meta.build_sdist
