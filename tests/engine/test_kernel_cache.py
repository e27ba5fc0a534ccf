"""The cache of the compiled kernel: private, checked, and never in the way."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from sim.engine.state import kernel_cache
from sim.engine.state.kernel_cache import KernelCache


def triple(number):
    return 3 * number


def compiled(place: Path):
    """The function as a new process would have it: compiled, or loaded from its cache."""
    function = numba.njit(triple)
    function._cache = KernelCache(triple, place)
    return function


def was_loaded(function) -> bool:
    return sum(function.stats.cache_hits.values()) == 1


@pytest.fixture
def usual(monkeypatch, tmp_path):
    """The user's folder for caches, and another for what is temporary."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv(kernel_cache.SHARED, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    forget()
    yield home / "peakfleet"
    os.environ.pop(kernel_cache.SHARED, None)
    forget()


def forget() -> None:
    kernel_cache.folder.cache_clear()
    kernel_cache._say.cache_clear()


def test_versions_of_numba_do_not_share_a_folder(usual, monkeypatch, capsys):
    here = kernel_cache.folder()
    forget()
    monkeypatch.setattr("numba.__version__", "0.0.1")
    other = kernel_cache.folder()
    assert here.parent == other.parent == usual
    assert here != other
    assert other.name.endswith("-numba-0.0.1")
    assert capsys.readouterr().err == ""


def mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)


# Which folder


def test_the_kernel_is_kept_in_a_folder_that_only_its_user_can_enter(usual):
    place = kernel_cache.folder()
    assert place is not None
    assert place.parent == usual
    assert mode(usual) == mode(place) == 0o700


def test_a_folder_that_others_could_read_is_closed_to_them(usual):
    usual.mkdir(mode=0o755)
    assert kernel_cache.folder().parent == usual
    assert mode(usual) == 0o700


@pytest.mark.parametrize("others", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(usual, others, capsys):
    usual.mkdir()
    usual.chmod(others)
    place = kernel_cache.folder()
    assert_fresh(place, capsys)
    assert not list(usual.rglob("*.nbi"))


def test_a_folder_of_somebody_else_is_not_used(usual, monkeypatch, capsys):
    usual.mkdir()
    somebody = os.getuid() + 1
    monkeypatch.setattr("os.getuid", lambda: somebody)
    assert_fresh(kernel_cache.folder(), capsys)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_was_given_to_somebody_else_is_not_used(usual, capsys):
    usual.mkdir()
    os.chown(usual, 12345, 12345)
    assert_fresh(kernel_cache.folder(), capsys)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_one_may_not_look_into_is_not_used():
    code = (
        "import os\n"
        "from sim.engine.state import kernel_cache, shipped\n"
        "shipped.sources_digest()\n"  # which somebody else might not look into, either
        "os.setuid(65534)\n"
        "place = kernel_cache.folder()\n"
        "assert str(place).startswith(os.environ['TMPDIR'])\n"
    )
    with tempfile.TemporaryDirectory() as name:
        home, temporary = Path(name), Path(name) / "temporary"
        home.chmod(0o755)
        (home / "peakfleet").mkdir(mode=0o700)
        temporary.mkdir()
        temporary.chmod(0o777)
        there = {"XDG_CACHE_HOME": name, "TMPDIR": str(temporary)}
        others = ("NUMBA_CACHE_DIR", kernel_cache.SHARED)
        kept = {key: value for key, value in os.environ.items() if key not in others}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=kept | there | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "is not used for the compiled kernel" in done.stderr


def test_a_link_is_not_followed(usual, tmp_path, capsys):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    usual.symlink_to(elsewhere)
    assert_fresh(kernel_cache.folder(), capsys)


def assert_fresh(place: Path | None, capsys) -> None:
    """A private folder for this run and its workers, and a line that says so."""
    assert place is not None
    assert mode(place) == 0o700
    assert os.environ[kernel_cache.SHARED] == str(place)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not used for the compiled kernel" in said


def test_a_home_that_cannot_be_written_to_gives_way_to_a_fresh_folder(usual, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    place = kernel_cache.folder()
    assert mode(place) == 0o700
    assert capsys.readouterr().err == ""


def test_workers_share_the_fresh_folder_of_their_run(usual, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    place = kernel_cache.folder()
    forget()  # as in another process, which inherits the environment
    assert kernel_cache.folder() == place


def test_where_nothing_can_be_written_the_kernel_is_compiled_each_time(usual, monkeypatch, capsys):
    def refuse(*_args, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert kernel_cache.folder() is None
    assert "no folder for the compiled kernel (Read-only file system)" in capsys.readouterr().err


# What lies in it


def test_a_function_is_loaded_from_its_cache(tmp_path):
    assert compiled(tmp_path)(2) == 6
    again = compiled(tmp_path)
    assert again(2) == 6
    assert was_loaded(again)


def test_a_cache_is_filled_when_it_holds_the_function_for_this_processor(tmp_path, monkeypatch):
    function = compiled(tmp_path)
    assert not function._cache.is_filled()
    function(2)
    assert function._cache.is_filled()
    assert compiled(tmp_path)._cache.is_filled()
    monkeypatch.setattr(kernel_cache, "cpu_target", another_processor())
    assert not function._cache.is_filled()


def test_of_a_function_of_states_the_version_counts_for_the_kind_in_question(tmp_path, monkeypatch):
    """Of the kernel of plain fleets nothing is there when that of any fleet is."""
    monkeypatch.setattr(kernel_cache.inlined, "ABSENT", {numba.int64: {}, numba.float64: {}})
    function = compiled(tmp_path)
    function(2)
    assert function._cache.is_filled(numba.int64)
    assert not function._cache.is_filled(numba.float64)
    function(2.0)
    assert function._cache.is_filled(numba.float64)


def another_processor():
    class Context:
        codegen = type("Codegen", (), {"magic_tuple": staticmethod(lambda: ("x", "y", "z"))})

    return type("Target", (), {"target_context": Context})


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "foreign"])
def test_a_damaged_cache_is_compiled_anew_with_one_line(tmp_path, suffix, damage, capsys):
    compiled(tmp_path)(2)
    (file,) = tmp_path.rglob(f"*.{suffix}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(
        {
            "flipped": bytes(content),
            "cut": file.read_bytes()[:-7],
            "emptied": b"",
            "foreign": b"cos\nsystem\n(S'false'\ntR.",  # a pickle that would run a command
        }[damage]
    )
    kernel_cache._say.cache_clear()
    again = compiled(tmp_path)
    assert again(2) == 6
    assert not was_loaded(again)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is damaged" in said
    mended = compiled(tmp_path)
    assert mended(2) == 6
    assert was_loaded(mended)


def test_a_full_cache_is_said_in_one_line(tmp_path):
    code = (
        "import resource, pathlib, signal\n"
        "from test_kernel_cache import compiled\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        f"assert compiled(pathlib.Path({str(tmp_path)!r}))(2) == 6\n"
    )
    here = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "cannot write to" in done.stderr


def test_a_cache_that_cannot_be_written_to_is_read(tmp_path, monkeypatch):
    compiled(tmp_path)(2)

    def refuse(*_args):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(kernel_cache._CheckedFiles, "_open_for_write", refuse)
    again = compiled(tmp_path)
    assert again(2) == 6
    assert was_loaded(again)
