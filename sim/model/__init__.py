"""What is simulated, as frozen dataclasses and pure functions: SI units and USD throughout."""
