"""Peakfleet: Monte Carlo capacity planning for LLM inference fleets."""

__version__ = "0.2.0"
