import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.values.units import UNITS, UnitError, format_duration, parse_quantity, shown

KINDS = sorted(UNITS)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("90s", "duration", 90.0),
        ("15min", "duration", 900.0),
        ("1.5 h", "duration", 5400.0),
        ("1h 30min", "duration", 5400.0),
        ("-1h30min", "duration", -5400.0),
        ("250ms", "duration", 0.25),
        ("3µs", "duration", 3e-6),
        ("7d", "duration", 604_800.0),
        ("100k", "count", 100_000.0),
        ("1.1k", "count", 1100.0),
        ("1.5M", "count", 1_500_000.0),
        ("10_000", "count", 10_000.0),
        ("2.99 USD", "money", 2.99),
        ("8%", "share", 0.08),
        ("3x", "factor", 3.0),
        ("150 %", "factor", 1.5),
        ("1e3", "count", 1000.0),
        ("2 hours", "duration", 7200.0),
        ("1h30", "duration", 5400.0),
        ("1h30m", "duration", 5400.0),
        ("2H 5m", "duration", 7500.0),
        ("-1h30", "duration", -5400.0),
        ("50 pct", "share", 0.5),
        ("50 per cent", "share", 0.5),
        ("150 PCT", "factor", 1.5),
        ("2mio", "count", 2e6),
        ("1hr", "duration", 3600.0),
        ("1 Hour 30 minutes", "duration", 5400.0),
        ("500 milliseconds", "duration", 0.5),
        ("2 SECS", "duration", 2.0),
        ("3 weeks", "duration", 3 * 604_800.0),
        ("100K", "count", 100_000.0),
        ("5 million", "count", 5e6),
        ("2bn", "count", 2e9),
        ("1,000", "count", 1000.0),
        ("1,5M", "count", 1_500_000.0),
        ("12,345,678", "count", 12_345_678.0),
        ("$2.99", "money", 2.99),
        ("-$2.99", "money", -2.99),
        ("US$ 38k", "money", 38_000.0),
        ("38k", "money", 38_000.0),
        ("2.99 $", "money", 2.99),
        ("USD 2.99", "money", 2.99),
        ("2,99", "money", 2.99),
        ("1,234.50", "money", 1234.5),
        ("38,000 USD", "money", 38_000.0),
        ("0,125", "money", 0.125),
        ("0,125 h", "duration", 450.0),
        ("2.5 dollars", "money", 2.5),
        ("8 percent", "share", 0.08),
        ("7,5 %", "share", 0.075),
        ("3 times", "factor", 3.0),
        ("80 gb", "size", 80e9),
        ("141 GB", "size", 141e9),
        ("2GiB/s", "bandwidth", 2.0**31),
        ("1 TiB", "size", 2.0**40),
        ("0.5 GB/s", "bandwidth", 5e8),
    ],
)
def test_quantities_are_read_with_their_units(text, kind, value):
    assert parse_quantity(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5m", "duration"),
        ("3 parsecs", "duration"),
        ("1h 30", "duration"),
        ("1h -30min", "duration"),
        ("90 90s", "duration"),
        ("1k 2k", "count"),
        ("5m", "count"),
        ("1,00,000", "count"),
        ("1,000.5,5", "count"),
        ("2.99 EUR", "money"),
        ("€2.99", "money"),
        ("$", "money"),
        ("$2.99", "count"),
        ("8%", "count"),
        ("2 GB", "bandwidth"),
        ("2 GB/min", "bandwidth"),
        ("1 h/s", "duration"),
        ("", "count"),
        (".", "count"),
        ("1__0", "count"),
        ("nan", "count"),
        ("inf", "share"),
        ("1" * 10_000, "count"),
    ],
)
def test_texts_that_are_no_quantity_are_refused_with_what_was_expected(text, kind):
    with pytest.raises(UnitError, match="must be"):
        parse_quantity(text, kind)


@pytest.mark.parametrize("text", ["2,999", "1,500 x", "100,125%"])
def test_a_comma_that_can_mean_two_things_is_asked_about(text):
    with pytest.raises(UnitError, match=r"two ways; write [\d.]+ or \d+$"):
        parse_quantity(text, "factor")


@given(st.floats(1e-6, 1e12, allow_subnormal=False))
def test_durations_are_read_back_as_they_are_written(seconds):
    assert parse_quantity(format_duration(seconds), "duration") == seconds


@given(st.floats(-1e12, 1e12), st.sampled_from(KINDS), st.data())
def test_a_unit_multiplies_what_stands_before_it(number, kind, data):
    unit = data.draw(st.sampled_from(sorted(UNITS[kind])))
    expected = number * float(UNITS[kind][unit])
    assert parse_quantity(f"{number!r} {unit}", kind) == pytest.approx(expected, rel=1e-15)


@given(st.text(max_size=30), st.sampled_from(KINDS))
def test_any_text_is_a_quantity_or_refused_on_one_line(text, kind):
    try:
        value = parse_quantity(text, kind)
    except UnitError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(value, float)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "-3"),
        (0.1, "0.1"),
        (10**30, "1e+30"),
        (True, "true"),
        (None, "nothing"),
        ([], "an empty list"),
        ({"a": 1}, "a mapping"),
        ("two\nlines", "'two lines'"),
        ("x" * 100, f"'{'x' * 37}...'"),
    ],
)
def test_values_are_shown_short_and_on_one_line(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ("40k USD", 40e3),
        ("1.5 M usd", 1.5e6),
        ("40 kUSD", 40e3),
        ("38,000 USD", 38e3),
        ("40k dollars", 40e3),
    ],
)
def test_thousands_of_dollars_may_have_their_unit_apart(text, usd):
    assert parse_quantity(text, "money") == usd


@pytest.mark.parametrize(
    "text", ["400 Gbit/s", "400Gbps", "400 Gb/s", "50 GB/s", "0.4 Tb/s", "5e10"]
)
def test_a_network_is_told_in_bytes_or_bits(text):
    assert parse_quantity(text, "bandwidth") == 5e10
