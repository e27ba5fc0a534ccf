"""Worlds and their replications: drawn, simulated on every core, stored, summarised."""
