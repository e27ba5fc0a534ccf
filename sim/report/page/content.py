"""What a page says as JSON, from which it is made again.

Pictures are named only: their specifications lie in ``figures``, as they were drawn.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sim.errors import ResultError
from sim.montecarlo.storage.manifest import to_json
from sim.montecarlo.stored import check_sound, manifest_of
from sim.report.columns import Column
from sim.report.page.document import Attachment, Key, Page, Picture
from sim.report.parts import Command, Grid, Items, Paragraph, Part, Verdict

CONTENT = "report.json"
SPECIFICATION = ".vl.json"
VERSION = 1
PARTS = ("details", "figures", "assumptions", "method")
KINDS: dict[str, type[Part]] = {
    "paragraph": Paragraph, "items": Items, "grid": Grid, "command": Command
}  # fmt: skip


def content(page: Page) -> str:
    """A page as JSON."""
    plain = asdict(page)
    for name in PARTS:
        plain[name] = [_part(part) for part in getattr(page, name)]
    for picture in plain["pictures"]:
        del picture["spec"]
    return to_json({**plain, "version": VERSION, "peakfleet": page.version})


def page_in(folder: Path) -> Page:
    """The page that the results folder of a study holds.

    Raises
    ------
    ResultError
        If what lies there is not as it was written.
    """
    manifest = manifest_of(folder)
    if CONTENT not in manifest.files:
        raise ResultError(
            f"results folder ({folder}) holds no page of sim {manifest.kind}, as earlier versions"
            " wrote none; run it anew"
        )
    drawn = [name for name in manifest.files if name.endswith(SPECIFICATION)]
    check_sound(folder, manifest, (CONTENT, *drawn))
    try:
        plain = json.loads(folder.joinpath(CONTENT).read_bytes())
        return _page(plain, lambda name: _spec(folder, name))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ResultError(f"results folder ({folder}): its page cannot be read: {error}") from error


def _page(plain: Mapping[str, Any], spec_of: Callable[[str], dict[str, Any]]) -> Page:
    if plain["version"] != VERSION:
        raise ValueError(f"it is of version {plain['version']}, not {VERSION}")
    parts = {name: tuple(map(_part_of, plain[name])) for name in PARTS}
    return Page(
        title=plain["title"],
        kind=plain["kind"],
        answer=plain["answer"],
        details=parts["details"],
        figures=parts["figures"],
        assumptions=parts["assumptions"],
        method=parts["method"],
        version=plain["peakfleet"],
        verdicts=tuple(Verdict(**each) for each in plain["verdicts"]),
        keys=tuple(Key(**each) for each in plain["keys"]),
        pictures=tuple(Picture(spec=spec_of(each["name"]), **each) for each in plain["pictures"]),
        scenarios=tuple(Attachment(**each) for each in plain["scenarios"]),
    )


def _spec(folder: Path, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "figures" / f"{name}{SPECIFICATION}").read_bytes())
    return spec


def _part(part: Part) -> dict[str, Any]:
    kind = next(name for name, each in KINDS.items() if isinstance(part, each))
    return {"kind": kind, **asdict(part)}


def _part_of(plain: Mapping[str, Any]) -> Part:
    fields = {name: value for name, value in plain.items() if name != "kind"}
    match plain["kind"]:
        case "grid":
            return Grid(
                tuple(Column(**each) for each in fields["columns"]),
                tuple((title, rows) for title, rows in fields["blocks"]),
                fields["title"],
                tuple(fields["notes"]),
            )
        case "items":
            return Items(tuple(fields["items"]), fields["title"])
        case kind:
            return KINDS[kind](**fields)
