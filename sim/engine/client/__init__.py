"""Clients: attempts, retries, hedges, and how each ends."""
