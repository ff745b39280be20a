"""Which state an Australian postcode lies in."""

# Australia Post's ranges, post office boxes included.
RANGES = (
    (200, 299, "ACT"),
    (800, 999, "NT"),
    (1000, 2599, "NSW"),
    (2600, 2618, "ACT"),
    (2619, 2899, "NSW"),
    (2900, 2920, "ACT"),
    (2921, 2999, "NSW"),
    (3000, 3999, "VIC"),
    (4000, 4999, "QLD"),
    (5000, 5999, "SA"),
    (6000, 6999, "WA"),
    (7000, 7999, "TAS"),
    (8000, 8999, "VIC"),
    (9000, 9999, "QLD"),
)
WIDE = {"0872": frozenset({"NT", "SA", "WA"})}  # the deserts around the corner of three states


def states_of_postcode(postcode: str) -> frozenset[str]:
    """Return the states that a four-digit postcode lies in; none for a number that is not in use.

    Some postcodes reach a few kilometres across a border; only those that reach farther have more than one state.
    """
    number = int(postcode) if postcode.isdecimal() and len(postcode) == 4 else 0
    return WIDE.get(postcode) or frozenset(state for first, last, state in RANGES if first <= number <= last)
