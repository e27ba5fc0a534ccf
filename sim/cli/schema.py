"""``sim schema``: the JSON Schemas of scenarios and of answers."""

import click

from sim.cli.completion import ANSWER


@click.command()
@click.option(
    "--results",
    "answer",
    type=ANSWER,
    metavar="COMMAND",
    help="The schema of what a command prints as --json, such as run or size, with the unit of"
    " every figure; 'all' for all of them by name.",
)
def schema(answer: str | None) -> None:
    """Print the JSON Schema of scenarios, for editors; or of answers, for programs.

    Save it (sim schema > scenario.schema.json) and begin a scenario with the line
    "# yaml-language-server: $schema=scenario.schema.json": editors with the YAML language server
    then complete its keys and check its values.

    \b
    sim schema
    sim schema --results run
    """  # noqa: D301 (click reads the \b)
    import json

    from sim.report.schema import ANSWERS, answer_schema
    from sim.scenario.json_schema import json_schema

    if answer == "all":
        shown = {name: answer_schema(name) for name in ANSWERS}
    else:
        shown = json_schema() if answer is None else answer_schema(answer)
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
