"""The compiled kernel that comes with an installation: used where it fits, and nowhere else."""

import json

import pytest
from test_kernel_cache import compiled, was_loaded

from sim.engine.state import kernel_cache, shipped
from sim.montecarlo import compilation


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """The folder of an installation to which a function was copied after it was compiled."""
    built, place = tmp_path / "built", tmp_path / "installed"
    monkeypatch.setattr(shipped, "PLACE", place)
    shipped.folder.cache_clear()
    assert compiled(built)(2) == 6
    monkeypatch.setattr(kernel_cache, "folder", lambda: built)
    kernel_cache.copy_to(place)
    shipped.folder.cache_clear()
    yield place
    shipped.folder.cache_clear()


def alter(place, **made_for):
    file = place / shipped.MADE_FOR
    file.write_text(json.dumps(json.loads(file.read_text()) | made_for))
    shipped.folder.cache_clear()


def test_what_came_along_is_used_and_nothing_is_written(installed, tmp_path):
    own = tmp_path / "own"
    function = compiled(own)
    assert function(2) == 6
    assert was_loaded(function)
    assert not own.exists()
    assert shipped.misfit() is None
    assert compiled(own)._cache.is_filled()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sources", "is of other sources"),
        ("Python", "is for Python other, and this is cpython 3."),
        ("Numba", "is for Numba other, and this is 0."),
        ("processor", "is for processor other, and this is "),
        ("features", "is of a processor of other abilities"),
    ],
)
def test_what_was_made_for_something_else_is_not_used(installed, tmp_path, name, said):
    alter(installed, **{name: "other"})
    function = compiled(tmp_path / "own")
    assert function(2) == 6
    assert not was_loaded(function)
    assert said in shipped.misfit()
    assert said in compilation.why_compiled_anew()


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0", '{"Numba": 3}'])
def test_a_damaged_description_is_that_of_something_else(installed, tmp_path, content):
    (installed / shipped.MADE_FOR).write_text(content)
    shipped.folder.cache_clear()
    function = compiled(tmp_path / "own")
    assert function(2) == 6
    assert not was_loaded(function)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["emptied", "flipped", "gone"])
def test_damaged_machine_code_is_made_anew(installed, tmp_path, suffix, damage):
    (file,) = installed.rglob(f"*.{suffix}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "emptied" else bytes(content))
    function = compiled(tmp_path / "own")
    assert function(2) == 6
    assert not was_loaded(function)
    again = compiled(tmp_path / "own")
    assert again(2) == 6
    assert was_loaded(again)


def test_without_a_compiled_kernel_nothing_is_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_cache, "folder", lambda: None)
    with pytest.raises(OSError, match="no folder"):
        kernel_cache.copy_to(tmp_path / "place")


def test_where_none_came_along_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "PLACE", tmp_path / "none")
    shipped.folder.cache_clear()
    assert shipped.folder() is None
    assert shipped.misfit() is None
    shipped.folder.cache_clear()
