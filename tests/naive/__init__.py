"""The naive simulator: every step of every replica, written for clarity."""
