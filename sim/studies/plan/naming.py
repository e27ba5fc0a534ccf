"""Months by their numbers, in words."""


def named(months: list[int]) -> str:
    """Months by their numbers, a run of them by its ends.

    >>> named([11]), named([3, 11]), named([11, 12, 13]), named([1, 2, 5, 8])
    ('month 11', 'months 3 and 11', 'months 11 to 13', '4 months alike')
    """
    if len(months) == months[-1] - months[0] + 1:
        return span(months[0], months[-1])
    return (
        f"months {months[0]} and {months[1]}" if len(months) == 2 else f"{len(months)} months alike"
    )


def span(first: int, last: int) -> str:
    """From one month to another."""
    return f"month {first}" if first == last else f"months {first} to {last}"
