"""A results folder: the only place from which files of results are written, moved or deleted.

A folder is accepted if it is new, empty, or bears a manifest of the same kind of results. What its
manifest does not list is not ours: it stays, and where it is in the way the folder is refused,
before anything is simulated. No symlink is followed, neither to the folder nor in it.

Files are written to a draft and moved into place when all of them are on disk. While they are moved
the manifest says so, so that a kill at any moment leaves a folder that is known to be ours:

    running      made for a run that has not ended; holds nothing yet but parts (``parts``)
    saving       files are being moved; those that have the digest of the manifest are the new ones
    interrupted  results of fewer worlds than asked for
    finished     results

Work in progress lies in ``checkpoint``; drafts there are those of a process that was killed, and
are removed by the next that has the folder.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from sim.errors import ResultError
from sim.montecarlo.storage import durable
from sim.montecarlo.storage.manifest import MANIFEST, DamagedError, Manifest
from sim.montecarlo.storage.place import Place, TakenError, Tell, beside, refusing

CHECKPOINT = "checkpoint"
PICTURES = ("figures/*.svg", "figures/*.png", "figures/*.csv", "figures/*.json")  # as patterns
DRAFT = "draft-"
DAMAGED = ".damaged"

Write = Callable[[Path], object]  # writes files into a folder


class Folder:
    """A results folder, which this process has to itself.

    Parameters
    ----------
    path : Path
        As the user named it.
    kind : str
        Of the results: ``run``, or a study's name.
    writes : sequence of str
        Patterns of the names that may be written.
    mend : bool
        Whether to accept a folder whose manifest is damaged, if nothing in it is foreign. All that
        lies in it is set aside.
    tell : callable
        Told what was set aside.

    Attributes
    ----------
    path : Path
    manifest : Manifest or None
        Of the results that lie there; None in a new folder.
    """

    def __init__(
        self,
        path: Path,
        kind: str,
        writes: Sequence[str] = (),
        mend: bool = False,
        tell: Tell = lambda _: None,
    ) -> None:
        self.path = path
        self.kind = kind
        self.tell = tell
        self._writes = tuple(writes)
        self.manifest: Manifest | None = None
        with refusing(path):
            self._place = Place(path)
            try:
                self._enter(mend)
            except BaseException:
                self.close()
                raise

    def _enter(self, mend: bool) -> None:
        try:
            self.manifest = self._accepted()
        except DamagedError as error:
            if not mend or not self._is_all_ours():
                raise ResultError(f"{self._refusal}; its {MANIFEST} {error}") from error
            self._set_all_aside(str(error))
        self.checkpoint.mkdir(exist_ok=True)
        self._remove_drafts()
        durable.probe(self.checkpoint)

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return str(self.path)

    @property
    def root(self) -> Path:
        """The folder by its absolute path."""
        return self._place.folder

    @property
    def checkpoint(self) -> Path:
        """Where work in progress lies."""
        return self.root / CHECKPOINT

    @property
    def is_there(self) -> bool:
        """Whether nobody removed or exchanged it meanwhile."""
        return self._place.is_there

    # Reading -----------------------------------------------------------------------------------

    def damaged(self) -> list[str]:
        """Names of files that are not as the manifest has them, or that are missing."""
        return [] if self.manifest is None else damaged(self.root, self.manifest)

    def set_aside(self, name: str) -> Path | None:
        """Rename a file that is not to be used, so that nobody takes it for what it was.

        Returns its new path relative to the folder; None if it is not there.
        """
        source = self.root / name
        if not os.path.lexists(source):
            return None
        stem = Path(name).name if source.parent == self.checkpoint else name
        target = next(
            each for each in beside(self.root / (stem + DAMAGED)) if not os.path.lexists(each)
        )
        source.rename(target)
        return target.relative_to(self.root)

    # Writing -----------------------------------------------------------------------------------

    def begin(self, about: Mapping[str, Any]) -> None:
        """Mark a new folder as ours, so that it is known after a kill."""
        if self.manifest is None or self.manifest.state == "running":
            with refusing(self.path):
                self._state(Manifest(self.kind, "running", about))

    def replace(self, write: Write, manifest: Manifest) -> None:
        """Replace the results by those that ``write`` writes, whole or not at all.

        Parameters
        ----------
        write : callable
            Writes all files into a folder.
        manifest : Manifest
            Of the new results, without files.
        """
        with refusing(self.path), self.draft() as draft:
            write(draft)
            self._move_in(draft, manifest, {})

    def add(self, write: Write) -> None:
        """Add the files that ``write`` writes to the results."""
        assert self.manifest is not None
        with refusing(self.path), self.draft() as draft:
            write(draft)
            self._move_in(draft, self.manifest, self.manifest.files)

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A new folder for files that are not whole yet."""
        folder = self.checkpoint / f"{DRAFT}{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Let others have it; a new folder in which nothing came to be is removed."""
        if not self._place.is_there:
            self._place.leave()
            return
        self._remove_drafts()
        with suppress(OSError):
            self.checkpoint.rmdir()  # unless there are parts
            if self.manifest is not None and self.manifest.state == "running":
                (self.root / MANIFEST).unlink()
        self._place.leave()

    def _move_in(self, draft: Path, manifest: Manifest, kept: Mapping[str, str]) -> None:
        """Move the files of a draft into place, those of before away, unless kept."""
        durable.sync(draft)
        new = durable.digests(draft)
        before = dict(self.manifest.files) if self.manifest else {}
        self._refuse(new, before)
        self._state(manifest.with_files({**before, **kept, **new}, "saving"))
        for name in new:
            target = self.root / name
            target.parent.mkdir(exist_ok=True)
            draft.joinpath(name).replace(target)
        for name in before.keys() - new.keys() - kept.keys():
            self._delete(name)
        for folder in {(self.root / name).parent for name in new}:
            durable.sync_folder(folder)
        self._state(manifest.with_files({**kept, **new}))

    def _state(self, manifest: Manifest) -> None:
        draft = self.checkpoint / f"{DRAFT}{secrets.token_hex(4)}"
        durable.write(self.root / MANIFEST, manifest.text().encode(), draft)
        self.manifest = manifest

    def _delete(self, name: str) -> None:
        path = self.root / name
        if path.parent.is_symlink() or path.is_dir():
            return  # not what was listed
        path.unlink(missing_ok=True)
        if path.parent != self.root:
            with suppress(OSError):  # others use it
                path.parent.rmdir()

    def _remove_drafts(self) -> None:
        for path in self.checkpoint.glob(f"{DRAFT}*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    # Whose it is -------------------------------------------------------------------------------

    @property
    def _refusal(self) -> str:
        return (
            f"results folder ({self.path}) must be new, empty, or hold earlier results;"
            " choose another --out"
        )

    def _accepted(self) -> Manifest | None:
        """The manifest of a folder that may be used."""
        manifest = Manifest.read(self.root)
        if manifest is None:
            if any(self.root.iterdir()):
                if self._is_all_ours() and self.checkpoint.is_dir():
                    raise DamagedError("is missing")
                raise ResultError(self._refusal)
            return None
        if manifest.kind != self.kind:
            raise ResultError(
                f"results folder ({self.path}) holds results of sim {manifest.kind};"
                " choose another --out"
            )
        self._refuse(name for name in self._names() if self._is_written(name, manifest))
        return manifest

    def _refuse(self, names: Iterable[str], ours: Collection[str] = ()) -> None:
        """Refuse a folder in which something that is not ours is where results are to go."""
        for name in names:
            path = self.root / name
            within = path.parent  # the folder itself, or one in it
            blocked = os.path.lexists(within) and (within.is_symlink() or not within.is_dir())
            if blocked or (os.path.lexists(path) and name not in ours):
                raise ResultError(f"{self._refusal}; its {name} is from elsewhere")

    def _names(self) -> Iterator[str]:
        """Names of what lies in the folder, and in the folders within that results use."""
        within = {pattern.split("/")[0] for pattern in self._writes if "/" in pattern}
        for path in sorted(self.root.iterdir()):
            if path.name in within and path.is_dir() and not path.is_symlink():
                yield from (f"{path.name}/{each.name}" for each in sorted(path.iterdir()))
            else:
                yield path.name

    def _is_written(self, name: str, manifest: Manifest) -> bool:
        """Whether something has a name that results need, and is none of them."""
        if name in manifest.files or DAMAGED in name:
            return False
        if name == CHECKPOINT:
            return not self.checkpoint.is_dir() or self.checkpoint.is_symlink()
        within = (pattern.split("/")[0] for pattern in self._writes)
        return name in within or any(fnmatchcase(name, each) for each in self._writes)

    def _is_all_ours(self) -> bool:
        """Whether there are results beside the manifest, by their names, and nothing else."""
        names = [name for name in self._names() if name != MANIFEST and DAMAGED not in name]
        return bool(names) and all(
            not (self.root / name).is_symlink()
            and (name == CHECKPOINT or any(fnmatchcase(name, each) for each in self._writes))
            for name in names
        )

    def _set_all_aside(self, reason: str) -> None:
        self.tell(f"{self.path / MANIFEST} {reason}; all that it lists is set aside")
        for path in sorted(self.root.iterdir()):
            if path.name != CHECKPOINT and DAMAGED not in path.name:
                self.set_aside(path.name)


def damaged(folder: Path, manifest: Manifest) -> list[str]:
    """Names of the files of a manifest that are not in a folder as it has them."""
    return [name for name, digest in manifest.files.items() if not _holds(folder, name, digest)]


def _holds(folder: Path, name: str, digest: str) -> bool:
    path = folder / name
    foreign = path.parent != folder and path.parent.is_symlink()
    try:
        return not foreign and durable.digest(path) == digest
    except OSError:
        return False


def claim(
    path: Path,
    kind: str,
    writes: Sequence[str],
    *,
    anywhere: bool = False,
    resume: bool = False,
    fresh: bool = False,
    tell: Tell = lambda _: None,
) -> Folder:
    """The results folder at a path, or one beside it if that is taken.

    Parameters
    ----------
    path : Path
    kind : str
    writes : sequence of str
        As in ``Folder``.
    anywhere : bool
        Whether to go beside a folder that is not ours as well; else that is refused.
    resume : bool
        Whether it has to be this very folder, for what lies there is to be continued.
    fresh : bool
        Whether to go beside it, where there are no results.
    tell : callable
        Told if results go elsewhere, or of what was set aside.
    """
    reason = ""
    for each in islice(beside(path), int(fresh), None):
        try:
            folder = Folder(each, kind, writes, mend=resume, tell=tell)
        except ResultError as error:
            if resume or not (anywhere or isinstance(error, TakenError)) or _is_hopeless(error):
                raise
            reason = reason or str(error).partition(";")[0]
            continue
        if fresh and folder.manifest is not None:
            folder.close()
            continue
        if reason:
            tell(f"{reason}; this one goes to {each}")
        return folder
    raise ResultError(
        f"results folder ({path}) has too many others beside it; choose another --out"
    )


def _is_hopeless(error: ResultError) -> bool:
    """Whether the folders beside will do no better, for the disk is at fault."""
    return isinstance(error.__cause__, OSError)
