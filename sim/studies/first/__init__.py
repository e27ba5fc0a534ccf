"""A first scenario, from a few answers."""
