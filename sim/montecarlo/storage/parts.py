"""Parts of a run that has not ended: small results folders within a results folder.

Each holds some of the finished worlds under a manifest of its own, and is there whole or not at
all. They are removed once the results of the run are on disk.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sim.montecarlo.storage import durable
from sim.montecarlo.storage.folder import Folder, Write, damaged
from sim.montecarlo.storage.manifest import MANIFEST, DamagedError, Manifest

PART = "part"
_NAME = re.compile(rf"{PART}-(\d{{6}})$")


def write_part(folder: Folder, write: Write, about: Mapping[str, Any]) -> Path:
    """Have a part written, and on disk.

    Raises OSError if that is not possible.
    """
    with folder.draft() as draft:
        write(draft)
        manifest = Manifest(PART, "finished", about).with_files(durable.digests(draft))
        draft.joinpath(MANIFEST).write_bytes(manifest.text().encode())
        durable.sync(draft)
        numbers = [int(found[1]) for each in all_parts(folder) if (found := _NAME.match(each.name))]
        place = folder.checkpoint / f"{PART}-{max(numbers, default=0) + 1:06d}"
        draft.rename(place)
        durable.sync_folder(folder.checkpoint)
    return place


def link(source: Path, target: Path) -> None:
    """A second name for a file, which outlives the first; a copy where there are no such names."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


def read_parts(folder: Folder) -> Iterator[tuple[Path, Manifest]]:
    """The sound parts in the order in which they were written; the others are set aside."""
    for part in all_parts(folder):
        try:
            manifest = Manifest.read(part)
            if manifest is None or manifest.kind != PART or damaged(part, manifest):
                raise DamagedError("is damaged")
        except DamagedError:
            aside = folder.set_aside(part.relative_to(folder.root).as_posix())
            folder.tell(
                f"{folder.path / part.relative_to(folder.root)} is damaged;"
                f" it is set aside as {aside}, its worlds are simulated again"
            )
            continue
        yield part, manifest


def has_parts(folder: Folder) -> bool:
    """Whether there are any."""
    return bool(all_parts(folder))


def remove_parts(parts: Iterable[Path]) -> None:
    """Remove parts, with the files that their manifests list."""
    for part in parts:
        with suppress(DamagedError, OSError):
            manifest = Manifest.read(part)
            for name in (*(manifest.files if manifest else ()), MANIFEST):
                part.joinpath(name).unlink(missing_ok=True)
            part.rmdir()


def all_parts(folder: Folder) -> list[Path]:
    """The folders that bear the name of a part; no symlinks."""
    there = folder.checkpoint.iterdir() if folder.checkpoint.is_dir() else ()
    return sorted(
        each for each in there if _NAME.match(each.name) and each.is_dir() and not each.is_symlink()
    )
