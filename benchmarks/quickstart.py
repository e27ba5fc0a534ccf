"""Wall time of the README's main job: with compilation, and with the kernel on disk.

Run with ``python benchmarks/quickstart.py`` from the root of the repository.
"""

import os
import subprocess
import sys
import tempfile
import time


def run_s(cache: str) -> float:
    """Seconds for ``sim run scenarios/quickstart.yaml`` with the kernel's cache in a folder."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "sim", "run", "scenarios/quickstart.yaml", "--out", out]
        begin = time.perf_counter()
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "XDG_CACHE_HOME": cache}
        )
        return time.perf_counter() - begin


def main() -> None:
    """Print both times."""
    with tempfile.TemporaryDirectory() as cache:
        print(f"quick start, first time  {run_s(cache):5.1f} s")
        print(f"quick start, after that  {run_s(cache):5.1f} s")


if __name__ == "__main__":
    main()
