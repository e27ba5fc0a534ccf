"""Fits the efficiencies of computed profiles to the measured ones, and says how far off they are.

    python benchmarks/efficiencies.py [--write]

prints the efficiencies, the deviation of every profile's capacity when its model on its GPU is left
out of the fit, and how often the stated bands hold; --write writes the table of the catalogue.
"""

import argparse
import csv
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sim.catalog import efficiencies
from sim.catalog.efficiencies import fit, left_out, spreads, usable, usual_front_end
from sim.catalog.hardware import models
from sim.catalog.prices import day_of
from sim.catalog.profiles import is_old, profile, profile_names

TABLE = Path(efficiencies.__file__).parent / "data" / "efficiencies.csv"
NORMAL = {0.5: 0.674, 0.8: 1.282, 0.9: 1.645}  # half-widths of bands in standard deviations


def main() -> None:
    """Fit, show, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table of the catalogue")
    write = parser.parse_args().write
    profiles = [p for p in map(profile, profile_names()) if usable(p) and not is_old(p)]
    given, deviations = fit(profiles), left_out(profiles)
    dense, sparse = spreads(profiles, deviations)
    spread = np.array([sparse if models()[p.model].experts else dense for p in profiles])
    for name, value in asdict(given).items():
        print(f"{name:<12} {value:.4g}")
    print(f"\ncapacity, computed over measured - 1, left out ({len(profiles)} profiles):")
    for each, deviation in zip(profiles, deviations, strict=True):
        print(f"  {each.name:<52} {np.expm1(-deviation):+6.0%}")
    print(f"\nspread {dense:.3f} ({sparse:.3f} of experts), bias {-deviations.mean():+.3f}")
    for share, width in NORMAL.items():
        print(f"  {share:.0%} band holds {np.mean(abs(deviations) < width * spread):.0%}")
    if not write:
        return
    as_of = max((p.as_of for p in profiles), key=day_of)
    front_end = asdict(usual_front_end(profiles))
    values = {**asdict(given), "spread": dense, "spread_experts": sparse, **front_end}
    source = "fitted by this project to the measured profiles of this catalogue"
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "value", "as_of", "source"])
        for name, value in values.items():
            writer.writerow([name, f"{value:.6g}", as_of, source])
        writer.writerow(["profiles", len(profiles), as_of, source])
        writer.writerow(["as_of", as_of, as_of, source])


if __name__ == "__main__":
    main()
