"""What two runs must have in common to have the same worlds.

The program, the libraries that numbers come from, the scenario, its input files, the seed, and the
code of autoscalers of the user's own.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sim
from sim import __version__
from sim.model.input_file import InputFileError, opened

if TYPE_CHECKING:
    from sim.scenario import Scenario

LIBRARIES = ("numpy", "scipy", "numba", "pandas", "pyarrow", "simpy")
BLOCK_BYTES = 2**20
NUMERICAL = ("numpy", "scipy", "numba", "simpy")  # of those, what figures come from


def identity(scenario: "Scenario", seed: int) -> dict[str, Any]:
    """What must be the same for two runs to have the same worlds, as JSON."""
    return {
        "peakfleet": __version__,
        "program_sha256": program_digest(),
        "numerical_libraries": {name: metadata.version(name) for name in NUMERICAL},
        "scenario_sha256": scenario_digest(scenario),
        "seed": seed,
        **files_of(scenario),
    }


def files_of(scenario: "Scenario") -> dict[str, dict[str, str]]:
    """Digests of the files that the worlds of a scenario come from, beside its own."""
    return {
        "inputs_sha256": dict(_input_digests(scenario.document)),
        "code_sha256": {name: code_digest(name) for name in _own_code(scenario.document)},
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In which keys of ``other``, an identity, a manifest differs from it."""
    return [key for key in other if one.get(key) != other[key]]


def scenario_digest(scenario: "Scenario") -> str:
    """SHA-256 of the resolved scenario but for the number of worlds, which may be extended."""
    document = {key: value for key, value in scenario.document.items() if key != "worlds"}
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def program_digest() -> str:
    """SHA-256 of the sources and data of this package, wherever it is installed."""
    root = Path(sim.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def code_digest(name: str) -> str:
    """SHA-256 of the file of an autoscaler, and of those beside it whose contents it uses.

    Empty for code that lies in no file. Raises AutoscalerError if there is no such autoscaler.
    """
    from sim.engine.control.own import own_autoscaler  # noqa: PLC0415 (brings the compiler)

    module = sys.modules.get(getattr(own_autoscaler(name), "__module__", ""))
    files = sorted(_beside(module)) if module else []
    return _digest(files) if files else ""


def own_modules(document: Any) -> tuple[ModuleType, ...]:
    """The modules of the autoscalers of users' own that a resolved scenario names.

    With those beside them whose contents they use; what is installed is not among them.
    """
    from sim.engine.control.own import own_autoscaler  # noqa: PLC0415 (brings the compiler)

    homes = (getattr(own_autoscaler(name), "__module__", "") for name in _own_code(document))
    found = [_beside(sys.modules[home]) for home in homes if home in sys.modules]
    each = {file: module for modules in found for file, module in modules.items()}
    return tuple(module for file, module in each.items() if _is_users(file))


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def _input_digests(document: Any) -> Iterator[tuple[str, str]]:
    """The files that a resolved scenario names, which it does by absolute paths; hashed."""
    for text in _values(document):
        if text.startswith("/"):
            with suppress(OSError, ValueError, InputFileError):  # ValueError: no path at all
                found = Path(text).stat()
                yield text, _input_digest(text, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _input_digest(path: str, inode: int, size: int, time_ns: int) -> str:
    """That of a file which has not changed since, as its inode, size and time say."""
    with opened(path, "trace") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_code(document: Any) -> Iterator[str]:
    """The autoscalers of users' own that a resolved scenario names."""
    if isinstance(document, dict) and isinstance(document.get("process"), str):
        yield document["process"]
    for value in _children(document):
        yield from _own_code(value)


def _beside(module: ModuleType) -> dict[Path, ModuleType]:
    """A module by its file, and those beside it whose contents it uses."""
    found: dict[Path, ModuleType] = {}
    waiting = [module]
    while waiting:
        each = waiting.pop()
        file = _file(each)
        if file is None or file in found:
            continue
        if found and not (file.is_relative_to(_home_of(module)) and _is_users(file)):
            continue
        found[file] = each
        waiting += _used(each) if _is_users(file) else ()
    return found


def _home_of(module: ModuleType) -> Path:
    file = _file(module)
    assert file is not None
    return file.parent


def _is_users(file: Path) -> bool:
    return not {"site-packages", "dist-packages"} & set(file.parts)


def _used(module: ModuleType) -> Iterator[ModuleType]:
    """The modules that the names in a module come from, but for those of this package."""
    for value in list(vars(module).values()):
        home = value.__name__ if isinstance(value, ModuleType) else _home(value)
        if home in sys.modules and not f"{home}.".startswith("sim."):
            yield sys.modules[home]


def _home(value: object) -> str:
    home = getattr(value, "__module__", "")
    return home if isinstance(home, str) else ""


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) and Path(file).is_file() else None


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in _children(value):
        yield from _values(item)


def _children(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return value.values()
        case list() | tuple():
            return value
    return ()
