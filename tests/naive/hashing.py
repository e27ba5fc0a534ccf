"""Hashes of the naive simulator, on Python's integers."""

GOLDEN = 0x9E3779B97F4A7C15
U64 = 2**64 - 1


def mixed(key: int, number: int, draw: int) -> int:
    """64 bits that depend on nothing but the three arguments: SplitMix64's finaliser, twice."""
    return finalised(finalised(key + number * GOLDEN) + (draw + 1) * GOLDEN)


def finalised(z: int) -> int:
    """Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014."""
    z &= U64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & U64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & U64
    return z ^ (z >> 31)


def jump(key: int, buckets: int) -> int:
    """Jump consistent hash: Lamping and Veach, arXiv 1406.2294 (2014), figure 1."""
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) & U64
        following = int((bucket + 1) * (2.0**31 / ((key >> 33) + 1)))
    return bucket
