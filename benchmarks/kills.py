"""Runs that are killed at random moments, and results that are damaged: is anything lost or taken?

Run with ``python benchmarks/kills.py [KIND ...]`` from the root of the repository, where a kind is
``KILL``, ``TERM``, ``worker``, ``damage`` or ``study``; all of them take an hour.

One run of four is disturbed at a random moment before its first worlds are on disk, while processes
start; the others at one of the time from then to its end, however long a busy machine takes to
start them.

The runs use the real engine; their worlds are made to last by an autoscaler that sleeps, so that
it is the keeping that takes the time and not the computing. After each signal the processes that
are left are counted, the run is resumed, and every file but the manifest must have the bytes of a
run that nobody disturbed. Of every study the same is asked after SIGKILLs at random moments.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from sim.errors import ResultError
from sim.montecarlo import store
from sim.montecarlo.storage.manifest import MANIFEST, Manifest
from sim.scenario import Scenario, load_scenario

KILLS, DAMAGES = 20, 400
WORLDS, JOBS, SLEEP_S = 200, 2, 0.2
MARK = "PEAKFLEET_KILLS"
OF_THE_RUN = (MANIFEST, "command.txt")
SLOW = f"""
import time

def slow(fleet):
    time.sleep({SLEEP_S})
    while True:
        yield fleet.env.timeout(3600)
"""
SETTINGS = (
    "horizon={start: 2026-11-23T12:00, duration: 5min, warm_up: 0s}",
    "backends.large.cold_start=1min",
    "backends.large.replicas={min: 2, max: 4}",
    "backends.large.autoscaler={preset: custom, process: 'slow:slow'}",
    f"worlds={WORLDS}",
)
STUDY_KILLS = 4  # of each
SMALL = """\
name: Small
horizon: {duration: 30min, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_day: {lognormal: {p50: 100k, p95: 200k}}}
    prompt_tokens: {lognormal: {mean: 500, p95: 1500}}
    output_tokens: 50
    slo: {ttft_p95: 2s}
    route: own
backends:
  own: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}
  api: {kind: managed_api, model: gpt-4o}
"""
STUDIES = {
    "compare": ("--variant", "three: backends.own.replicas=3", "--worlds", "100"),
    "stress": ("--growth", "1,2,5", "--worlds", "12"),
    "size": ("--probability", "90%", "--worlds", "80"),
    "plan": ("--months", "4", "--worlds", "8"),
    "sensitivity": ("--worlds", "16", "--metric", "cost_usd_per_month"),
    "breakeven": ("--worlds", "20", "--volumes", "10k,100k,1M"),
}


def begin(folder: Path, out: Path, *more: str) -> "subprocess.Popen[str]":
    """Start a run."""
    settings = [text for each in SETTINGS for text in ("--set", each)]
    return started(folder, out, "run", "quickstart.yaml", "--allow-code", *more, *settings)


def started(folder: Path, out: Path, *command: str) -> "subprocess.Popen[str]":
    """Start a command that leaves a results folder."""
    command = (sys.executable, "-m", "sim", *command, "--jobs", str(JOBS), "--out", str(out))
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path.cwd()), MARK: str(out)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def marked(mark: str) -> list[int]:
    """Processes of a run that are alive."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (each / "environ").read_bytes().split(b"\0"):
                found.append(int(each.name))
        except OSError:
            continue
    return found


def left(mark: str, patience_s: float = 20.0) -> int:
    """Processes of a run that do not end."""
    give_up_s = time.monotonic() + patience_s
    while (there := marked(mark)) and time.monotonic() < give_up_s:
        time.sleep(0.1)
    return len(there)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but those that say how they came to be."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in OF_THE_RUN)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def kept_worlds(folder: Path) -> int:
    """Worlds that a run left on disk, by their files."""
    tables = [*folder.glob("replications.parquet"), *folder.glob("checkpoint/part-*/repl*.parquet")]
    worlds: set[int] = set()
    for table in tables:
        worlds.update(pq.read_table(table, columns=["world"])["world"].to_pylist())
    return len(worlds)


def disturb(process: "subprocess.Popen[str]", kind: str, mark: str) -> None:
    """Send what the kind says."""
    if kind == "worker":
        while process.poll() is None:
            if workers := [pid for pid in marked(mark) if is_worker(pid, process.pid)]:
                os.kill(random.choice(workers), signal.SIGKILL)
                return
            time.sleep(0.1)  # there are none yet
    elif process.poll() is None:
        process.send_signal(getattr(signal, f"SIG{kind}"))


def is_worker(pid: int, main: int) -> bool:
    """Whether a process is a grandchild of the main one, forked from its server."""
    return parent(pid) != main and parent(parent(pid)) == main


def parent(pid: int) -> int:
    """The parent of a process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def until_kept(process: "subprocess.Popen[str]", out: Path) -> float:
    """Wait until the first worlds of a run are on disk, or it ends: seconds that took."""
    begun_s = time.monotonic()
    while process.poll() is None and not any(out.glob("checkpoint/part-*")):
        time.sleep(0.05)
    return time.monotonic() - begun_s


def kills(kind: str, folder: Path, whole: dict[str, bytes], times_s: tuple[float, float]) -> None:
    """Disturb runs at random moments, and resume them.

    Parameters
    ----------
    kind : str
    folder : Path
    whole : dict of str to bytes
        What a run that nobody disturbed has made.
    times_s : (float, float)
        Of that run: up to its first worlds on disk, and from then to its end.
    """
    moments = random.Random(kind)
    same = some = lingering = 0
    for number in range(KILLS):
        out = folder / f"{kind}-{number}"
        early = number % 4 == 3
        at_s = moments.uniform(0.0, times_s[0] if early else times_s[1])
        process = begin(folder, out)
        if not early:
            until_kept(process, out)
        try:
            process.wait(at_s)
        except subprocess.TimeoutExpired:
            disturb(process, kind, str(out))
        process.communicate()
        lingering += left(str(out))
        worlds = kept_worlds(out) if out.exists() else 0
        resumed = begin(folder, out, "--resume")
        _, error = resumed.communicate()
        alike = resumed.returncode == 0 and contents(out) == whole
        same += alike
        some += worlds > 0
        since = "" if early else "first worlds + "
        came_to = f"{worlds:3d} worlds kept, {'the same bytes' if alike else 'OTHER BYTES'}"
        print(f"  {kind} after {since}{at_s:.1f} s: {came_to}", flush=True)
        if resumed.returncode:
            print(error)
        shutil.rmtree(out, ignore_errors=True)
    print(
        f"{kind}: of {KILLS} runs {some} had worlds kept and {same} were resumed to the same bytes;"
        f" {lingering} processes were left"
    )


def studies(folder: Path) -> None:
    """Kill studies at random moments after their first worlds are on disk, and resume them."""
    (folder / "small.yaml").write_text(SMALL)
    moments = random.Random("study")
    for name, options in STUDIES.items():
        whole, out = folder / name, folder / f"{name}-killed"
        begun_s = time.monotonic()
        started(folder, whole, name, "small.yaml", *options).communicate()
        takes_s = time.monotonic() - begun_s
        same = some = lingering = kept = 0
        for _ in range(STUDY_KILLS):
            shutil.rmtree(out, ignore_errors=True)
            process = started(folder, out, name, "small.yaml", *options)
            until_kept(process, out)
            try:
                process.wait(moments.uniform(0.0, 0.2 * takes_s))
            except subprocess.TimeoutExpired:
                disturb(process, "KILL", str(out))
            process.communicate()
            lingering += left(str(out))
            kept = sum(
                pq.read_metadata(each).num_rows
                for each in out.glob("checkpoint/part-*/replications.parquet")
            )
            some += kept > 0
            resumed = started(folder, out, name, "small.yaml", *options, "--resume")
            _, error = resumed.communicate()
            taken = f"{kept:,} finished worlds are taken" in error
            same += (
                resumed.returncode == 0 and (taken or not kept) and contents(out) == contents(whole)
            )
        print(
            f"{name} ({takes_s:.0f} s): of {STUDY_KILLS} studies {some} had worlds kept, and"
            f" {same} were resumed to the same bytes; {lingering} processes were left",
            flush=True,
        )


def damages(folder: Path, whole: Path) -> None:
    """Flip a bit, or cut a file short, in all files in turn."""
    settings = [each for each in SETTINGS if "process" not in each]
    scenario = load_scenario(folder / "quickstart.yaml", [*settings, "worlds=20"])
    out = folder / "damage"
    command = [sys.executable, "-m", "sim", "run", str(folder / "quickstart.yaml"), "--requests"]
    for each in (*settings, "worlds=20"):
        command += ["--set", each]
    subprocess.run([*command, "--out", str(whole)], check=True, capture_output=True)
    manifest = Manifest.read(whole)
    assert manifest is not None
    names = [*manifest.files, MANIFEST]
    moments = random.Random("damage")
    accepted = 0
    for number in range(DAMAGES):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(whole, out)
        path = out / names[number % len(names)]
        content = path.read_bytes()
        place = moments.randrange(len(content))
        cut = moments.random() < 0.5
        rest = b"" if cut else bytes([content[place] ^ 1 << moments.randrange(8)])
        path.write_bytes(content[:place] + rest + (b"" if cut else content[place + 1 :]))
        accepted += is_accepted(out, scenario, path)
    print(f"damage: of {DAMAGES} flips and truncations in {len(names)} files {accepted} accepted")


def is_accepted(out: Path, scenario: Scenario, damaged: Path) -> bool:
    """Whether the reader of a results folder says nothing of a damage, or uses the file."""
    told: list[str] = []
    try:
        with store.opened(out, scenario, scenario.seed, resume=True, tell=told.append) as kept:
            kept.load_earlier()
    except ResultError as error:
        told.append(str(error))
    return not told or (damaged.exists() and damaged.name != MANIFEST)


def main() -> None:
    """Print what became of all runs."""
    kinds = sys.argv[1:] or ["KILL", "TERM", "worker", "damage", "study"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy("scenarios/quickstart.yaml", folder)
        (folder / "slow.py").write_text(SLOW)
        if set(kinds) - {"damage", "study"}:
            begin(folder, folder / "compiled", "--worlds", "2").communicate()
            run = begin(folder, folder / "whole")
            first_s, begun_s = until_kept(run, folder / "whole"), time.monotonic()
            run.communicate()
            times_s = first_s, time.monotonic() - begun_s
            print("a run takes {:.1f} s to its first worlds, {:.1f} s from then".format(*times_s))
        for kind in kinds:
            if kind == "study":
                studies(folder)
            elif kind == "damage":
                damages(folder, folder / "undamaged")
            else:
                kills(kind, folder, contents(folder / "whole"), times_s)


if __name__ == "__main__":
    main()
