"""A request: its task, timers, outcome, and what it used."""
