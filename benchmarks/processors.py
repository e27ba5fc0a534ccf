"""Whether another processor gives the same bits: one that has no vectors and fuses nothing.

Run with ``python benchmarks/processors.py [SCENARIO ...]`` (all that are shipped if none is named;
four minutes of CPU, half of them for compiling). The first worlds are simulated in three processes:
on this processor as it is, with the kernel compiled for the least of its family
(``NUMBA_CPU_NAME=generic``), and with NumPy without all that it picks by processor besides
(``NPY_DISABLE_CPU_FEATURES``). Ends with 1 if a bit of a figure depends on the kernel's processor.
NumPy's ``exp`` and ``log`` are others with AVX-512 than without, in the last bit.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__)
SCENARIOS = HERE.parent.parent / "scenarios"
WORLDS = 2


def digest(path: Path) -> str:
    """Hash of the bits of all figures and time bins of the first worlds."""
    from sim.montecarlo.draws import draw_worlds  # noqa: PLC0415 (in the process that simulates)
    from sim.montecarlo.replication import replicate  # noqa: PLC0415
    from sim.scenario import load_scenario  # noqa: PLC0415

    scenario = load_scenario(path)
    draws = draw_worlds(scenario.inputs, scenario.seed, WORLDS)
    seen = hashlib.sha256()
    for world in range(WORLDS):
        own = {name: float(values[world]) for name, values in draws.items()}
        replication = replicate(scenario, scenario.seed, world, own)
        seen.update(repr(sorted((k, v.hex()) for k, v in replication.metrics.items())).encode())
        for name, values in sorted(replication.timeline.items()):
            seen.update(name.encode() + values.tobytes())
    return seen.hexdigest()[:16]


def digests(paths: list[str], **changes: str) -> list[str]:
    """The hash of each scenario, simulated in a process with this environment."""
    command = [sys.executable, str(HERE), "--digests", *paths]
    done = subprocess.run(
        command, env={**os.environ, **changes}, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.split()


def picked_by_processor() -> str:
    """What NumPy picks by processor and this one has, as it wants it to be named."""
    from numpy._core import _multiarray_umath as core  # noqa: PLC0415 (NumPy has no other place)

    return " ".join(each for each in core.__cpu_dispatch__ if core.__cpu_features__.get(each))


def main() -> None:
    """Print which processors agree, scenario by scenario."""
    paths = sys.argv[1:] or [str(path) for path in sorted(SCENARIOS.glob("*.yaml"))]
    if paths[0] == "--digests":
        from sim.montecarlo.compilation import compile_kernels  # noqa: PLC0415

        compile_kernels()
        for path in paths[1:]:
            print(digest(Path(path)), flush=True)
        return
    without = picked_by_processor()
    print(f"the kernel for 'generic'; NumPy without {without or 'anything'}")
    here = digests(paths)
    kernel = digests(paths, NUMBA_CPU_NAME="generic")
    both = digests(paths, NUMBA_CPU_NAME="generic", NPY_DISABLE_CPU_FEATURES=without)
    for path, *found in zip(paths, here, kernel, both, strict=True):
        words = ("same" if each == found[0] else "OTHER" for each in found[1:])
        print(f"  {Path(path).name:24s} {found[0]}  kernel {next(words)}, NumPy too {next(words)}")
    same = [sum(map(str.__eq__, here, there)) for there in (kernel, both)]
    print(f"the same bits: {same[0]} of {len(paths)} scenarios, with another NumPy {same[1]}")
    raise SystemExit(same[0] < len(paths))


if __name__ == "__main__":
    main()
