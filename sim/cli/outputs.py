"""Files that a command writes: never onto what it reads, nor onto others unasked."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

FORCE = click.option("--force", is_flag=True, help="Replace files that are there already.")


def check_outputs(
    outputs: Mapping[str, Path | None], inputs: Iterable[str | Path], force: bool
) -> None:
    """Find out before the work whether files may be written.

    Devices and pipes, such as ``/dev/stdout``, are no files: nothing in them is lost.

    Parameters
    ----------
    outputs : mapping
        Files by the option, or the argument, that names them; None where it was not given.
    inputs : iterable
        Files that are read; ``force`` does not let them be replaced either.
    force : bool

    Raises
    ------
    click.UsageError
        If a file is read, or named twice, or is there already without ``force``.
    """
    read = [Path(each) for each in inputs]
    taken: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        if any(_is_same(path, each) for each in read):
            raise click.UsageError(f"{option} {path}: is read by this command; name another file")
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise click.UsageError(f"{option} {path}: is what {other} writes; name another file")
        if path.is_dir():
            raise click.UsageError(f"{option} {path}: is a folder; name a file")
        if path.is_file() and not force:
            raise click.UsageError(
                f"{option} {path}: is there already; name another file, or add --force"
            )


def check_folder(
    option: str, folder: Path | None, inputs: Iterable[str | Path], force: bool
) -> None:
    """Find out before the work whether pictures and tables may go into a folder.

    Their names are those of what they show, which whoever named the folder need not know: so one
    that holds anything is not written into unasked, and never one with a file that is read.

    Raises
    ------
    click.UsageError
        If it is a file, holds what is read, or holds anything without ``force``.
    """
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise click.UsageError(f"{option} {folder}: is a file; name a folder")
    if any(_is_same(folder, Path(each).absolute().parent) for each in inputs):
        raise click.UsageError(f"{option} {folder}: holds what this command reads; name another")
    if not force and any(folder.iterdir()):
        raise click.UsageError(
            f"{option} {folder}: holds files already; name another folder, or add --force"
        )


def _is_same(path: Path, other: Path) -> bool:
    """Whether two paths are one file, by whatever names and links."""
    try:
        return path.samefile(other)
    except OSError:
        return path.resolve() == other.resolve()
