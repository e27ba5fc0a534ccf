"""What building a wheel does besides copying files: it compiles the kernel, so that no run has to.

Without the compiler, or where it fails, the wheel comes without machine code, and the first run
compiles the kernel. An editable installation has no machine code either.
"""

import os
import subprocess
import sys
from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

COMPILE = """
import sys
from pathlib import Path
from sim.montecarlo.compilation import compile_into
compile_into(Path(sys.argv[1]))
"""
LIMIT_S = 1200


class BuildWithKernel(build_py):
    """Copies the package, and compiles its kernel."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if not self.editable_mode:
            self._compile(Path(self.build_lib).resolve())

    def _compile(self, package: Path) -> None:
        here = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
        place = package / "sim" / "engine" / "object_code"
        try:
            # -P: the package that was built, not the sources in the current folder.
            done = subprocess.run(
                [sys.executable, "-P", "-c", COMPILE, str(place)],
                env=os.environ | {"PYTHONPATH": here},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT_S,
                check=False,
            )
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
