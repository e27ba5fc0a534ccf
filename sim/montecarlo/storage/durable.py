"""Files that are on disk, whole, when a function returns; and the digests that prove it later."""

import errno
import hashlib
import os
import secrets
from pathlib import Path

PROBE_BYTES = 2**20  # about what the pictures of a run take
NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)  # of some network file systems


def write(path: Path, content: bytes, draft: Path) -> None:
    """Write a file in place of an earlier one: readers see the one or the other, never a part.

    Parameters
    ----------
    path : Path
    content : bytes
    draft : Path
        Where it is until it is whole, on the same file system.
    """
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync(folder: Path) -> None:
    """Wait until all files of a folder and of those within are on disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def probe(folder: Path) -> None:
    """Raise OSError if nothing can be written to a folder, or hardly anything."""
    path = folder / f"probe-{secrets.token_hex(4)}"
    try:
        with path.open("xb") as file:
            file.write(os.urandom(PROBE_BYTES))  # what a file system cannot press into nothing
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """SHA-256 of a regular file; a symlink is not followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file in a folder and those within, by its name relative to it, sorted."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}
