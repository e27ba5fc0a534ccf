"""From plain data to the models of the schema, with all problems in the user's words."""

from typing import Annotated, Any, get_args, get_origin

from pydantic import Tag, ValidationError
from pydantic_core import ErrorDetails

from sim.scenario.rules import check_rules
from sim.scenario.schema import ScenarioDocument
from sim.scenario.text.yaml_file import Document
from sim.scenario.values.fields import FINDINGS, TAG, Surroundings
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Finding, Path, choose, nearest
from sim.scenario.values.units import shown

UNKNOWN, MISSING, NO_MAPPING = "unknown key", "is missing", "must be a mapping"
NO_VALUE = ("is empty", "has no space after its colon", "follows a comma, and is no key")
EXAMPLES = {  # of what cannot be left out
    "name": "such as name: Our chat",
    "workloads": "such as workloads: {chat: {arrivals: {requests_per_day: 100k}, prompt_tokens:"
    " 900, output_tokens: 250}}",
    "backends": "such as backends: {api: {kind: managed_api, model: gpt-4.1}}",
    "arrivals": "such as arrivals: {requests_per_day: 100k}",
    "per": "such as per: day",
    "pools": "such as pools: [h100, l40s]",
    "bandwidth": "such as bandwidth: 50 GB/s",
    "kind": "such as kind: managed_api, or gpu_pool",
    "service": "such as service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
    "replicas": "such as replicas: 2",
}


def validate(document: Document, surroundings: Surroundings) -> ScenarioDocument | None:
    """The document as a model; None, with the problems among its findings, if it is none."""
    findings = document.findings
    if document.data and not any(nearest(key, _keys(())) for key in document.data):
        known = ", ".join(_keys(())[:4])
        findings.found = [Finding((), "has no key of a scenario", f"such as {known}")]
        return None  # of what is something else, nothing is repeated
    empty = list(_empty(document.data, ()))
    for path in empty:
        findings.add(path, *_of_empty(path[-1]))
    check_rules(document.data, findings)
    valid: ScenarioDocument | None = None
    try:
        valid = ScenarioDocument.model_validate(document.data, context=surroundings)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            found = _findings(details, document.data)
            findings.found += [f for f in found if not _below_any(f.path, empty)]
        findings.found = _once(findings.found)
    findings.found = _not_there(findings.found, document)
    return valid


def _not_there(found: list[Finding], document: Document) -> list[Finding]:
    """What is missing of a workload or backend that only an override names: it is not there."""
    for path in [path for path in document.made if len(path) == 2]:
        section, name = map(str, path)
        named = document.data[section]
        others = [each for each in named if (section, each) not in document.made]
        meant = len(named[name]) == 1 or nearest(str(name), others)  # not one that is made anew
        if meant and any(f.message == MISSING and _below_any(f.path, [path]) for f in found):
            told = Finding(path, "is not there", choose(str(name), others))
            found = [told, *(f for f in found if not _below_any(f.path, [path]))]
    return found


def _once(found: list[Finding]) -> list[Finding]:
    """Without what is missing only because its name is misspelt: one slip, one error."""
    slips = [f for f in found if f.message == UNKNOWN or f.message in NO_VALUE]
    meant = {(f.path[:-1], f.remedy) for f in slips}
    sections = {path for path, _ in meant}
    wrong = [f.path for f in found if f.message.endswith(NO_MAPPING)]
    return [
        f
        for f in found
        if not (
            (f.message == MISSING and _is_meant(f.path, meant))
            or (f.message.startswith("has no ") and f not in slips and f.path in sections)
            or (f.message.startswith("has no ") and f.path and _is_meant(f.path, meant))
            or any(path != f.path and _below_any(f.path, [path]) for path in wrong)
        )
    ]


def _is_meant(path: Path, meant: set[tuple[Path, str]]) -> bool:
    return (path[:-1], f"did you mean '{path[-1]}'?") in meant


def _of_empty(key: str | int) -> tuple[str, str]:
    """What to say of an entry without a value: of some keys the value stands in the key."""
    if isinstance(key, int):  # of a list
        return NO_VALUE[0], "give a value or remove the entry"
    name, colon, value = key.partition(":")
    if colon and value:
        return NO_VALUE[1], f"write {name}: {value}"
    if key.replace(".", "").isdecimal():
        return NO_VALUE[2], "write numbers without commas"
    return NO_VALUE[0], "give a value or remove the key"


def _empty(value: Any, path: Path) -> list[Path]:
    """Paths of all keys without a value."""
    if isinstance(value, dict):
        return [at for key, item in value.items() for at in _empty(item, (*path, key))]
    if isinstance(value, list):
        return [at for index, item in enumerate(value) for at in _empty(item, (*path, index))]
    return [path] if value is None else []


def _below_any(path: Path, others: list[Path]) -> bool:
    return any(path[: len(other)] == other for other in others)


def _findings(details: ErrorDetails, data: Any) -> list[Finding]:
    """What pydantic found, in the user's words."""
    tagged: Path = details["loc"]
    path = tuple(part for part in tagged if not _is_tag(part))
    key = str(path[-1]) if path else ""
    match details["type"]:
        case kind if kind == FINDINGS:
            found: list[Finding] = details["ctx"][FINDINGS]
            return [Finding((*path, *f.path), f.message, f.remedy) for f in found]
        case "extra_forbidden":
            return [Finding(path, UNKNOWN, choose(key, _keys(tagged[:-1])))]
        case "missing":
            return [Finding(path, MISSING, _example(path))]
        case "list_type":
            return [Finding(path, f"{shown(_at(data, path))} must be a list")]
        case "too_short":
            there, least = details["ctx"]["actual_length"], details["ctx"]["min_length"]
            few = f"has {there}, must have at least {least}"
            empty = "is empty, must have at least one entry"
            return [Finding(path, few if there else empty)]
        case _:
            keys = ", ".join(_keys(tagged))
            remedy = f"keys: {keys}" if keys else ""
            return [Finding(path, f"{shown(_at(data, path))} {NO_MAPPING}", remedy)]


def _example(path: Path) -> str:
    """Of what is missing there."""
    if path[0] == "budgets" and path[-1] == "backends":
        return "such as backends: [small, large]"
    if path[-1] == "kind" and "tiers" in path:
        return "such as kind: host"
    return EXAMPLES.get(str(path[-1]), "")


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _keys(path: Path) -> list[str]:
    """Keys of the model at a path with its tags; none where there is a mapping by name."""
    kind: Any = ScenarioDocument
    for part in path:
        kind = _entry(kind, part)
    return list(kind.model_fields) if _is_model(kind) else []


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith(TAG)


def _entry(kind: Any, part: str | int) -> Any:
    """Type of an entry of a model, a mapping or a list, or of the kind that a tag names."""
    if _is_tag(part):
        members = [one for union in get_args(kind)[:1] for one in get_args(union)]
        found = (get_args(m)[0] for m in members if Tag(str(part)) in m.__metadata__)
        return next(found, None)
    if _is_model(kind):
        field = kind.model_fields.get(part)
        annotation = field.annotation if field is not None else None
        options = [option for option in get_args(annotation) if option is not type(None)]
        is_union = type(None) in get_args(annotation)
        return options[0] if is_union else annotation
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind)[-1] if get_origin(kind) in (dict, list) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)
