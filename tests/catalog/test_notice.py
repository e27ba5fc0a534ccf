"""NOTICE names the origin and the licence of everything that is distributed as data."""

import csv
import re
from fnmatch import fnmatch

import pytest
from places import ROOT

DATA = ROOT / "sim" / "catalog" / "data"
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
REPOSITORY = re.compile(r"\b([A-Za-z][\w.-]+/[A-Za-z][\w.-]+)\b")
OWN = (
    *("Peakfleet's own", "this project", "by definition", "model card", "vendor datasheet"),
    *("own price page", "official price page", "official page"),  # of the provider itself: facts
)
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "no licence was found")


def data_files() -> list[str]:
    data = (path for path in DATA.rglob("*") if path.is_file())
    shipped = (path for path in (ROOT / "scenarios").rglob("*") if path.suffix in (".csv", ".yaml"))
    return sorted(path.relative_to(ROOT).as_posix() for path in (*data, *shipped))


def sources() -> set[str]:
    """Every source that a data file states."""
    found: set[str] = set()
    for path in DATA.glob("*.csv"):
        with path.open(encoding="utf-8") as file:
            found |= {row["source"] for row in csv.DictReader(file)}
    for path in DATA.glob("shapes/*.csv"):
        found |= set(re.findall(r"# source: (.*)", path.read_text(encoding="utf-8")))
    for path in DATA.glob("profiles/**/*.yaml"):
        (text,) = re.findall(r"^source: >-\n((?:  .*\n)+)", path.read_text(encoding="utf-8"), re.M)
        found.add(" ".join(text.split()))
    return found


def origins(source: str) -> set[str]:
    """Repositories and sites that a source names."""
    repositories = {name for name in REPOSITORY.findall(source) if f" {name}" in f" {NOTICE}"}
    sites = set(re.findall(r"\b[\w-]+(?:\.[\w-]+)*\.(?:ai|com|dev|net|org|sh|xyz)\b", source))
    return repositories | sites


@pytest.mark.parametrize("file", data_files())
def test_every_data_file_is_named(file: str) -> None:
    patterns = re.findall(r"(?m)^((?:sim|scenarios)/.*)$", NOTICE)
    names = [name for line in patterns for name in line.split(", ")]
    assert any(fnmatch(file, name) for name in names)


@pytest.mark.parametrize("source", sorted(sources()))
def test_every_source_is_named(source: str) -> None:
    named = origins(source)
    assert named or any(own in source for own in OWN) or "as llama-3.1" in source
    assert all(origin in NOTICE for origin in named)


def test_every_repository_has_a_licence_or_says_that_none_was_found() -> None:
    files = " ".join(NOTICE.partition("LICENCES\n")[0].split())
    for name in {name for source in sources() for name in origins(source) if "/" in name}:
        begin = files.index(name)
        assert any(licence in files[begin : begin + 250] for licence in LICENCES), name


@pytest.mark.parametrize("gone", ["Artificial Analysis", "spheron", "jiralog", "aa_models"])
def test_what_may_not_be_passed_on_is_not_there(gone: str) -> None:
    for path in DATA.rglob("*"):
        assert not path.is_file() or gone not in path.read_text(encoding="utf-8"), path
