"""The keys of backends, and what they compile to."""
