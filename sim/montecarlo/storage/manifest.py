"""The manifest of a results folder: what lies in it, byte for byte, and how it came to be.

It lists the SHA-256 of every file, and ends with a checksum of its own text; so whatever is changed
in a folder, even in the manifest, is noticed. A folder without a sound manifest is not ours, and
only what a manifest lists is ever replaced or deleted.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sim.errors import ResultError

MANIFEST = "manifest.json"
FORMAT = 2
LARGEST_BYTES = 64 * 2**20  # far more than any manifest has

State = Literal["running", "saving", "interrupted", "finished"]


class DamagedError(ResultError):
    """A manifest that is not as it was written."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a results folder holds.

    Attributes
    ----------
    kind : str
        Of the results: ``run``, ``part`` of a run, or a study's name.
    state : {"running", "saving", "interrupted", "finished"}
        In the second some files may still be those of before.
    about : dict
        How they came to be, as JSON.
    files : dict of str to str
        SHA-256 of each file by its name in the folder.
    """

    kind: str
    state: State
    about: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def with_files(self, files: Mapping[str, str], state: State | None = None) -> "Manifest":
        """The same with other files."""
        return replace(self, files=dict(sorted(files.items())), state=state or self.state)

    def text(self) -> str:
        """As JSON, which ends with the checksum of all before it."""
        head = {"format": FORMAT, "kind": self.kind, "state": self.state}
        body = {**head, **self.about, "sha256": dict(self.files)}
        return to_json({**body, "checksum": _checksum(body)})

    @staticmethod
    def parse(content: bytes) -> "Manifest":
        """The manifest of a text; raises DamagedError for any that was not written by ``text``."""
        try:
            body = json.loads(content)
            checksum = body.pop("checksum")
            head = {key: body.pop(key) for key in ("format", "kind", "state")}
            manifest = Manifest(head["kind"], head["state"], body, body.pop("sha256"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedError("is not a manifest of Peakfleet") from error
        if head["format"] != FORMAT:
            raise DamagedError(f"has another format ({head['format']}), of another version")
        if manifest.text().encode() != content or not isinstance(checksum, str):
            raise DamagedError("differs from its checksum")
        if not all(map(is_inside, manifest.files)):
            raise DamagedError("lists files outside of its folder")
        return manifest

    @staticmethod
    def read(folder: Path) -> "Manifest | None":
        """The manifest of a folder; None if there is none.

        Raises DamagedError if there is one that cannot be relied upon.
        """
        path = folder / MANIFEST
        try:
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise DamagedError("is not a regular file")
            with path.open("rb") as file:
                content = file.read(LARGEST_BYTES)
        except FileNotFoundError:
            return None
        return Manifest.parse(content)


def is_inside(name: str) -> bool:
    """Whether a name can only be that of a file in a folder, or in a folder within.

    >>> is_inside("figures/cost.svg"), is_inside("../../etc/passwd"), is_inside("/etc/passwd")
    (True, False, False)
    """
    parts = name.split("/")
    return (
        len(parts) <= 2 and "\0" not in name and all(part not in ("", ".", "..") for part in parts)
    )


def to_json(value: Any) -> str:
    """JSON text as it is written everywhere: indented, in the order given, ending in a newline.

    What is no text, such as a file's name in another encoding, is escaped.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(body).encode()).hexdigest()
