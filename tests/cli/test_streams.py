"""Streams that are closed or full: the work is kept, and what cannot be said is no defect."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")


def sim(line, tmp_path):
    command = f'"{sys.executable}" -m sim {line}'
    return subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_loses_no_results(closed, tmp_path):
    place = tmp_path / "run"
    few = "--worlds 1 --jobs 1 --set horizon.days=0.02 --no-report"
    done = sim(f"run scenarios/quickstart.yaml {few} --out {place} {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (place / "summary.json").exists()
    assert bool(done.stdout) == (closed == "2>&-")


def test_a_closed_stdin_asks_nothing(tmp_path):
    done = sim(f"init {tmp_path / 'first.yaml'} <&-", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first.yaml").exists()


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("line", ["schema", "explain SLO", "catalog formats"])
def test_a_full_disk_behind_stdout_is_one_line(line, tmp_path):
    done = sim(f"{line} > {FULL}", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "sim: the answer cannot be printed: No space left on device\n"
