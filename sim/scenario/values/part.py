"""What all parts of the document have in common."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

from sim.scenario.values.fields import Reads, number, text
from sim.scenario.values.numbers import Number

Text = Annotated[str, text()]
Factor = Annotated[Number, number("factor", above=0, most=1e6)]


class Model(BaseModel):
    """Common to all parts: unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # the document builds all of its parts, which are of no use by themselves
    )


class Abbreviated(Model):
    """A part that may also be written as the value of its main key alone."""

    main: ClassVar[tuple[str, Reads]]
    """The main key and what reads it."""
    counted: ClassVar[tuple[str, Reads] | None] = None
    """The key that a bare number stands for, where that is another."""

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, raw: Any, info: ValidationInfo) -> Any:
        """The mapping that ``raw`` stands for; a wrong value is told at its own place."""
        if isinstance(raw, dict):
            return raw
        is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
        key, reads = cls.counted if cls.counted and is_number else cls.main
        reads.validate(raw, info)
        return {key: raw}
