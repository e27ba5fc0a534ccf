"""Overrides of the command line: ``--set backends.large.replicas=8``.

The value is YAML, so that a distribution or a list may be set as well; null removes the key. A path
walks through mappings by key and through lists by number from 0; its last key, and mappings on the
way, may be new: whether they mean anything is for the schema to say.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sim.errors import Problem, ScenarioError
from sim.scenario.text.yaml_file import MAX_DEPTH, Document, Place, compose
from sim.scenario.values.problems import Findings, Path, dotted
from sim.scenario.values.units import shown

REMOVED = "null"


def apply_overrides(document: Document, overrides: Iterable[str]) -> None:
    """Change the document in place, in the order of the overrides.

    Raises
    ------
    ScenarioError
        With a problem for each override that cannot be applied.
    """
    problems: list[Problem] = []
    for override in overrides:
        try:
            _apply(document, override)
        except ScenarioError as error:
            problems += [replace(problem, line=None) for problem in error.problems]
    if problems:
        raise ScenarioError(problems)


def _apply(document: Document, override: str) -> None:
    source = f"--set {' '.join(override.split())[:200]}"
    left, equals, right = override.partition("=")
    keys = left.strip().split(".")
    if not equals or not all(keys) or len(keys) > MAX_DEPTH:
        raise _refusal(source, "", "must be PATH=VALUE, such as backends.large.replicas=8")
    findings = Findings()
    value = compose(right, source, {}, findings)
    parent, path = _parent(document, keys, source)
    if right.strip() == REMOVED and isinstance(parent, dict):
        _remove(document, parent, keys[-1], path, source)
        return
    path = (*path, _assign(parent, keys[-1], value, path, source))
    _forget(document, path)
    document.places[path] = Place(source, None)
    for finding in findings.found:
        document.findings.add((*path, *finding.path), finding.message, finding.remedy)


def _remove(document: Document, parent: dict[str, Any], key: str, path: Path, source: str) -> None:
    path = (*path, key)
    if key not in parent:
        raise _refusal(source, dotted(path), "is not there, so it cannot be removed")
    del parent[key]
    _forget(document, path)


def _parent(document: Document, keys: list[str], source: str) -> tuple[Any, Path]:
    """The mapping or list that holds the last key, made if need be, and its path."""
    node: Any = document.data
    path: Path = ()
    for key in keys[:-1]:
        if isinstance(node, dict):
            if node.get(key) is None:
                node[key] = {}
                document.places[(*path, key)] = Place(source, None)
                document.made.add((*path, key))
            node, path = node[key], (*path, key)
        elif isinstance(node, list):
            index = _index(node, key, path, source)
            node, path = node[index], (*path, index)
        else:
            break
    if not isinstance(node, dict | list):
        raise _refusal(source, dotted(path), f"{shown(node)} has no keys below it")
    return node, path


def _assign(parent: Any, key: str, value: Any, path: Path, source: str) -> str | int:
    """Set the value; returns the key, as a number where the parent is a list."""
    if isinstance(parent, dict):
        parent[key] = value
        return key
    index = _index(parent, key, path, source)
    parent[index] = value
    return index


def _index(items: list[Any], key: str, path: Path, source: str) -> int:
    if key.isascii() and key.isdigit() and len(key) < 9 and int(key) < len(items):
        return int(key)
    message = f"'{key}' must be a number from 0 to {len(items) - 1}"
    raise _refusal(source, dotted(path), message if items else "is an empty list")


def _forget(document: Document, path: Path) -> None:
    """Drop the lines of what an override replaces, and what was wrong with it."""
    document.places = {
        at: place for at, place in document.places.items() if at[: len(path)] != path
    }
    found = document.findings.found
    document.findings.found = [f for f in found if f.path[: len(path)] != path]


def _refusal(source: str, key: str, message: str) -> ScenarioError:
    return ScenarioError([Problem(source, None, key, message)])
