"""The text of a scenario: YAML read with its lines, overridden, written."""
