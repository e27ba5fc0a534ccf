"""The JSON Schema of scenarios, for editors: ``# yaml-language-server: $schema=scenario.json``."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from sim.scenario.backend.autoscaler import Autoscaler
from sim.scenario.backend.failures import Failures
from sim.scenario.backend.outages import Outages
from sim.scenario.backend.quota import Quota
from sim.scenario.backend.region import PoolThere
from sim.scenario.backend.scheduling import Scheduling
from sim.scenario.rules import NAME, RATES
from sim.scenario.schema import ScenarioDocument
from sim.scenario.values.docs import key_docs, parts_by_name
from sim.scenario.values.families import FAMILIES, INTERVAL, Family, Role
from sim.scenario.values.fields import REFERENCE, JsonSchema
from sim.scenario.values.part import Abbreviated, Model
from sim.scenario.values.units import EXPECTED, UNITS, Kind
from sim.scenario.workload.client import Budget, Retries
from sim.scenario.workload.lengths import LIMITS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLES: dict[Kind, list[str]] = {
    "duration": ["90s", "15min", "2h", "7d"],
    "count": ["100k", "1.5M"],
    "money": ["2.99 USD"],
    "factor": ["150%"],
    "share": ["8%"],
    "size": ["140 GB"],
    "bandwidth": ["2 GB/s"],
    "power": ["100 kW"],
    "cap": ["80%", "560 W"],
}
VARIED: tuple[Kind, ...] = ("duration", "bandwidth", "count")  # by request, task or replica
NESTED: tuple[Kind, ...] = ("factor", *VARIED)  # kinds of the parameters of distributions
ABBREVIATED: tuple[type[Abbreviated], ...] = (
    Retries,
    Budget,
    Autoscaler,
    Failures,
    Quota,
    Outages,
    PoolThere,
    Scheduling,
)
_NUMBER = r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario document.

    It knows keys, types, units and bounds. Rules that tie several keys together are checked by the
    loader alone, but for the choice of a rate.
    """
    schema = ScenarioDocument.model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs")
    for name, part in parts_by_name().items():
        if name in definitions:
            _describe(definitions[name], part)
    _describe(schema, ScenarioDocument)
    definitions["GpuPool"]["required"].remove("replicas")
    definitions["GpuPool"]["anyOf"] = [{"required": [key]} for key in ("replicas", "regions")]
    definitions["Arrivals"]["oneOf"] = [{"required": [key]} for key in RATES]
    for part in ABBREVIATED:
        definitions[part.__name__] = _abbreviated(part, definitions[part.__name__])
    for kind in UNITS:
        definitions[f"{kind}_text"] = _text_of(kind)
        definitions[f"{kind}_value"] = _any(_plain(), _ref(f"{kind}_text"))
        definitions[f"uncertain_{kind}"] = _distribution(kind, f"{kind}_value", "factor_value")
    for kind in NESTED:
        maybe = _any(_ref(f"{kind}_value"), _ref(f"uncertain_{kind}"))
        definitions[f"maybe_{kind}"] = maybe
    for kind in VARIED:
        definitions[f"varied_{kind}"] = _varied(kind)
    definitions["token_lengths"] = _token_lengths()
    names = {"propertyNames": {"pattern": f"^{NAME.pattern}$"}}
    for key in ("workloads", "backends"):
        schema["properties"][key] |= names
    named = {"title": "Peakfleet scenario", "$defs": definitions}
    whole: dict[str, Any] = _resolved({"$schema": DIALECT, **schema, **named})
    return whole


def _describe(definition: JsonSchema, part: type[Model]) -> None:
    """Add what the source says of the keys of a part."""
    texts = key_docs(part)
    for name, field in part.model_fields.items():
        if name in texts:
            key = field.alias or name
            definition["properties"][key] = {
                "description": texts[name],
                **definition["properties"][key],
            }


class _Generator(GenerateJsonSchema):
    """pydantic's, without the null that stands for an absent key: a key must have a value."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        generated = super().default_schema(schema)
        if generated.get("default", ...) is None:
            del generated["default"]
        return generated


def _resolved(schema: Any) -> Any:
    """The schema with references where `sim.scenario.values.fields` could only name them."""
    if isinstance(schema, dict):
        plain = {key: _resolved(item) for key, item in schema.items() if key != REFERENCE}
        return plain | _ref(schema[REFERENCE]) if REFERENCE in schema else plain
    return [_resolved(item) for item in schema] if isinstance(schema, list) else schema


def _ref(name: str) -> JsonSchema:
    return {"$ref": f"#/$defs/{name}"}


def _any(*forms: JsonSchema) -> JsonSchema:
    return {"anyOf": list(forms)}


def _plain() -> JsonSchema:
    return {"type": "number"}


def _text_of(kind: Kind) -> JsonSchema:
    """A number with or without unit as text."""
    units = "|".join(UNITS[kind])
    # A sum of terms, each but the last with its unit: else a row of digits could be split in very
    # many ways, and an editor would try them all.
    terms = rf"({_NUMBER}\s*({units})\s*)*" if kind == "duration" else ""
    pattern = rf"^\s*{terms}{_NUMBER}\s*({units})?\s*$"
    description = f"Must be {EXPECTED[kind]}."
    return {
        "type": "string",
        "pattern": pattern,
        "description": description,
        "examples": EXAMPLES[kind],
    }


def _distribution(kind: Kind, scale: str, shape: str) -> JsonSchema:
    """One of the families; ``scale`` and ``shape`` name the definitions of their parameters."""
    forms = [_family(name, kind, scale, shape) for name in FAMILIES]
    forms.append(_object(_parameters(INTERVAL, kind, scale, shape), list(INTERVAL.parameters)))
    return {"description": "What is believed about the number.", **_any(*forms)}


def _family(name: str, kind: Kind, scale: str, shape: str) -> JsonSchema:
    """``{name: parameters}``."""
    family = FAMILIES[name]
    if name == "mixture":
        # A weight beside one of the families; which it is is for the loader to check.
        keys: JsonSchema = {key: {} for key in (*FAMILIES, *INTERVAL.parameters)}
        part = _object({"weight": _ref(shape), **keys}, ["weight"])
        given: JsonSchema = {"type": "array", "items": part, "minItems": 1}
    else:
        given = _object(_parameters(family, kind, scale, shape), [])
        if family.forms:
            given["anyOf"] = [{"required": sorted(form)} for form in family.forms]
        else:
            given |= {"minProperties": 2, "maxProperties": 2}
    if "values" in family.parameters:
        numbers = {"type": "array", "items": _ref(f"{kind}_value"), "minItems": 1}
        given = _any(given, numbers, *([_table()] if name == "empirical" else []))
    return _object({name: {"description": family.description, **given}}, [name])


def _parameters(family: Family, kind: Kind, scale: str, shape: str) -> JsonSchema:
    of_role: dict[Role, JsonSchema] = {
        "scale": _ref(scale),
        "shape": _ref(shape),
        "scales": {"type": "array", "items": _ref(f"{kind}_value"), "minItems": 1},
        "weights": {"type": "array", "items": _ref("factor_value"), "minItems": 1},
    }
    return {key: of_role[role] for key, role in family.parameters.items()}


def _table() -> JsonSchema:
    text = {"type": "string"}
    return _object({"csv": text, "column": text, "weights_column": text}, ["csv"])


def _token_lengths() -> JsonSchema:
    """A number, or a distribution with limits."""
    component = _distribution("count", "maybe_count", "maybe_factor")
    limits = {limit: _ref("maybe_count") for limit in LIMITS}
    forms = [{**f, "properties": {**f["properties"], **limits}} for f in component["anyOf"]]
    return {
        "description": "How many tokens; a distribution says how requests differ.",
        "anyOf": [_ref("count_value"), *forms],
        "examples": [{"lognormal": {"mean": 4000, "p95": 9000}, "max": "32k"}],
    }


def _varied(kind: Kind) -> JsonSchema:
    """A number, or a distribution."""
    component = _distribution(kind, f"maybe_{kind}", "maybe_factor")
    return {
        "description": "A distribution says how requests or replicas differ.",
        "anyOf": [_ref(f"{kind}_value"), *component["anyOf"]],
    }


def _abbreviated(part: type[Abbreviated], full: JsonSchema) -> JsonSchema:
    """The mapping, or the value of its main key alone."""
    _, reads = part.main
    return {"description": full.pop("description"), **_any(reads.schema(), full)}


def _object(properties: JsonSchema, required: list[str]) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
