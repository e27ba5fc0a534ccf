"""``sim schema``: the JSON Schema of scenarios."""

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors.

    Save it (sim schema > scenario.schema.json) and begin a scenario with the line
    "# yaml-language-server: $schema=scenario.schema.json": editors with the YAML language server
    then complete its keys and check its values.
    """
    import json

    from sim.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
