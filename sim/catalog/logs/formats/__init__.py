"""Formats of logs, one module each; the first that knows a log reads it."""

from collections.abc import Mapping
from types import MappingProxyType

from sim.catalog.logs.format import Format
from sim.catalog.logs.formats.azure import AZURE
from sim.catalog.logs.formats.bailian import BAILIAN
from sim.catalog.logs.formats.bedrock import BEDROCK
from sim.catalog.logs.formats.burstgpt import BURSTGPT
from sim.catalog.logs.formats.helicone import HELICONE
from sim.catalog.logs.formats.langfuse import LANGFUSE
from sim.catalog.logs.formats.litellm import LITELLM
from sim.catalog.logs.formats.mooncake import MOONCAKE
from sim.catalog.logs.formats.otel import OTEL
from sim.catalog.logs.formats.servegen import SERVEGEN
from sim.catalog.logs.formats.turns import TURNS
from sim.catalog.logs.formats.usage import USAGE

FORMATS: Mapping[str, Format] = MappingProxyType({
    each.name: each
    for each in (
        AZURE, BAILIAN, MOONCAKE, TURNS, BURSTGPT, SERVEGEN, LITELLM, LANGFUSE, HELICONE, BEDROCK,
        OTEL, USAGE,
    )
})  # fmt: skip
