"""Values that a scenario may hold: units, distributions, tables; and problems found in them."""
