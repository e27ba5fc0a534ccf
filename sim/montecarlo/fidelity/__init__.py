"""Long horizons by some of their days: which, from what state, and what the others are then."""
