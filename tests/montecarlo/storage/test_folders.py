"""Whose a results folder is: what is refused, what stays, and who has it."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from sim.errors import ResultError
from sim.montecarlo.storage import durable
from sim.montecarlo.storage.folder import Folder, claim
from sim.montecarlo.storage.manifest import MANIFEST, DamagedError, Manifest, to_json
from sim.montecarlo.storage.place import TakenError

WRITES = ("answer.json", "*.csv", "figures/*")


def write(**files: str):
    """What writes files by the stems of their names."""

    def writing(draft: Path) -> None:
        draft.joinpath("figures").mkdir()
        for stem, text in files.items():
            name = f"figures/{stem}.svg" if stem.startswith("picture") else f"{stem}.csv"
            draft.joinpath(name).write_text(text)

    return writing


def fill(path: Path, kind: str = "size", **files: str) -> None:
    with Folder(path, kind, WRITES) as folder:
        folder.replace(write(**files), Manifest(kind, "finished"))


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "results"
    fill(path, costs="1", picture_a="a", picture_b="b")
    return path


# What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["thesis.tex", ".hidden", "answer.json", "figures", "checkpoint", "manifest.json"]
)
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_foreign_files_is_refused_and_stays_as_it_is(
    tmp_path: Path, name: str, resume: bool
) -> None:
    (tmp_path / name).write_text('{"name": "web extension"}')
    with pytest.raises(ResultError, match="must be new, empty, or hold earlier results"):
        claim(tmp_path, "size", WRITES, resume=resume)
    assert contents(tmp_path) == ({} if name == MANIFEST else {name: '{"name": "web extension"}'})
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["figures/mine.svg", "mine.csv", "answer.json"])
def test_a_foreign_file_that_may_be_in_the_way_is_named(filled: Path, name: str) -> None:
    filled.joinpath(name).write_text("mine")
    with pytest.raises(ResultError, match=rf"its {re.escape(name)} is from elsewhere"):
        claim(filled, "size", WRITES)
    assert filled.joinpath(name).read_text() == "mine"


def test_a_foreign_file_that_comes_meanwhile_is_not_overwritten(filled: Path) -> None:
    before = contents(filled)
    with Folder(filled, "size", WRITES) as folder:
        filled.joinpath("late.csv").write_text("mine")
        with pytest.raises(ResultError, match=re.escape("its late.csv is from elsewhere")):
            folder.replace(write(late="ours", costs="2"), Manifest("size", "finished"))
    assert contents(filled) == before | {"late.csv": "mine"}


def test_results_of_another_kind_are_refused(filled: Path) -> None:
    with pytest.raises(ResultError, match="holds results of sim size; choose another --out"):
        claim(filled, "run", WRITES)


def test_a_file_a_link_or_an_unwritable_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    long = "x" * 300
    for name in ("file", "file/inside", "link", "dangling", long, f"new/{long}"):
        with pytest.raises(ResultError, match=re.escape(str(tmp_path / name))):
            claim(tmp_path / name, "size", WRITES)
    with pytest.raises(ResultError, match="/proc/none"):
        claim(Path("/proc/none"), "size", WRITES, anywhere=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dangling",
        "file",
        "folder",
        "link",
    ]
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_full_disk_is_found_before_the_work(tmp_path: Path, monkeypatch) -> None:
    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "probe", fail)
    with pytest.raises(ResultError, match="cannot be written: No space left on device"):
        claim(tmp_path / "deep" / "results", "size", WRITES, anywhere=True)
    assert list(tmp_path.iterdir()) == []


# What is accepted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["new", "deep/er/new", "Ünïcode 客服", "e" * 200, "empty", "l/new"]
)
def test_a_new_or_empty_folder_is_used_and_gone_again_if_for_nothing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "l").symlink_to(tmp_path / "real")
    before = sorted(tmp_path.rglob("*"))
    with claim(tmp_path / name, "size", WRITES) as folder:
        folder.begin({"command": "sim size"})
        assert Manifest.read(tmp_path / name).state == "running"
    assert sorted(tmp_path.rglob("*")) == before
    fill(tmp_path / name, costs="1")
    assert contents(tmp_path / name) == {"costs.csv": "1"}


def test_earlier_results_are_replaced_with_all_their_files_and_others_stay(filled: Path) -> None:
    filled.joinpath("notes.txt").write_text("mine")
    fill(filled, picture_b="B", savings="2")
    assert contents(filled) == {
        "figures/picture_b.svg": "B",
        "notes.txt": "mine",
        "savings.csv": "2",
    }
    fill(filled, savings="3")
    assert contents(filled) == {"notes.txt": "mine", "savings.csv": "3"}
    assert not (filled / "figures").exists()


def test_files_are_added_to_the_manifest_and_the_results(filled: Path) -> None:
    with Folder(filled, "size", WRITES) as folder:
        folder.add(write(picture_c="c"))
    assert set(Manifest.read(filled).files) == set(contents(filled))
    assert "figures/picture_c.svg" in contents(filled)
    assert "costs.csv" in contents(filled)


def test_no_link_in_the_folder_is_followed(filled: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    album.joinpath("picture_a.svg").write_text("holiday")
    shutil.rmtree(filled / "figures")
    filled.joinpath("figures").symlink_to(album)
    with pytest.raises(ResultError, match="its figures is from elsewhere"):
        claim(filled, "size", WRITES)
    filled.joinpath("figures").unlink()
    with Folder(filled, "size", WRITES) as folder:
        filled.joinpath("figures").symlink_to(album)
        with pytest.raises(ResultError):
            folder.replace(write(picture_a="ours"), Manifest("size", "finished"))
    assert album.joinpath("picture_a.svg").read_text() == "holiday"


def test_a_file_of_ours_that_became_a_link_is_replaced_and_its_target_stays(
    filled: Path, tmp_path: Path
) -> None:
    tmp_path.joinpath("target").write_text("mine")
    filled.joinpath("costs.csv").unlink()
    filled.joinpath("costs.csv").symlink_to(tmp_path / "target")
    with Folder(filled, "size", WRITES) as folder:
        assert folder.damaged() == ["costs.csv"]
    fill(filled, costs="2")
    assert not filled.joinpath("costs.csv").is_symlink()
    assert tmp_path.joinpath("target").read_text() == "mine"


# Who has it -----------------------------------------------------------------------------------


def test_of_two_one_has_the_folder_and_the_other_goes_beside_it_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "run"
    with claim(path, "size", WRITES) as one, claim(path, "size", WRITES, tell=said.append) as two:
        assert (one.path, two.path) == (path, tmp_path / "run-2")
        with claim(path, "size", WRITES, tell=said.append) as three:
            assert three.path == tmp_path / "run-3"
        with pytest.raises(TakenError, match="is in use by another run"):
            claim(path, "size", WRITES, resume=True)
    message = f"results folder ({path}) is in use by another run; this one goes to {path}"
    assert said == [f"{message}-2", f"{message}-3"]


def test_a_folder_of_nobodys_choice_is_avoided(tmp_path: Path, filled: Path) -> None:
    said: list[str] = []
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with claim(tmp_path / "run", "size", WRITES, anywhere=True, tell=said.append) as folder:
        assert folder.path == tmp_path / "run-2"
    assert said[0].endswith(f"this one goes to {tmp_path / 'run-2'}")
    with claim(filled, "size", WRITES, fresh=True) as folder:
        assert folder.path == tmp_path / "results-2"


def test_a_folder_is_free_again_when_its_process_is_done(tmp_path: Path) -> None:
    for _ in range(3):
        fill(tmp_path / "run", costs="1")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_removed_meanwhile_is_noticed(filled: Path) -> None:
    with Folder(filled, "size", WRITES) as folder:
        assert folder.is_there
        shutil.rmtree(filled)
        assert not folder.is_there
        with pytest.raises(ResultError, match="cannot be written"):
            folder.replace(write(costs="2"), Manifest("size", "finished"))
        filled.mkdir()
        assert not folder.is_there  # another one


def test_drafts_of_a_killed_process_are_removed(filled: Path) -> None:
    draft = filled / "checkpoint" / "draft-0badcafe"
    draft.mkdir(parents=True)
    draft.joinpath("half").write_text("hal")
    filled.joinpath("checkpoint", "draft-manifest").write_text("{")
    Folder(filled, "size", WRITES).close()
    assert not (filled / "checkpoint").exists()


@pytest.mark.parametrize("at", range(9))
def test_a_kill_at_any_step_of_a_save_leaves_a_folder_that_is_ours(
    filled: Path, monkeypatch, at: int
) -> None:
    """Steps are the renames: of manifests and of files."""
    steps = 0
    rename = Path.replace

    class Killed(BaseException):
        pass

    def count(self: Path, target: Path) -> Path:
        nonlocal steps
        if steps == at:
            raise Killed
        steps += 1
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", count)
    monkeypatch.setattr(Folder, "close", lambda self: self._place.leave())
    try:
        fill(filled, costs="2", picture_b="B", picture_c="c")
    except Killed:
        assert at < 5
    monkeypatch.undo()
    Folder(filled, "size", WRITES).close()
    fill(filled, costs="3")
    assert contents(filled) == {"costs.csv": "3"}


# The manifest ---------------------------------------------------------------------------------


def test_a_manifest_comes_back_and_every_change_of_a_byte_is_noticed() -> None:
    manifest = Manifest("size", "finished", {"command": "sim size a.yaml"}, {"a.csv": "00"})
    content = manifest.text().encode()
    assert Manifest.parse(content) == manifest
    for place in range(len(content)):
        for changed in (content[:place], flipped(content, place)):
            with pytest.raises(DamagedError):
                Manifest.parse(changed)
    with pytest.raises(DamagedError):
        Manifest.parse(content + b"\n")


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b/c", "a/../b", "", "figures/"])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / MANIFEST).write_text(Manifest("size", "finished", {}, {name: "00"}).text())
    with pytest.raises(ResultError, match="lists files outside of its folder"):
        claim(tmp_path, "size", WRITES)


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", '{"checksum": 1}', "[" * 100_000])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(DamagedError, match="is not a manifest"):
        Manifest.parse(text.encode())


def test_names_in_other_encodings_can_be_written() -> None:
    command = os.fsdecode(b"sim run caf\xe9.yaml")
    text = to_json({"command": command})
    assert json.loads(text.encode()) == {"command": command}
    assert Manifest.parse(Manifest("run", "finished", {"command": command}).text().encode())
