"""Amounts as people type them."""

import pytest

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.parsing.amounts import Amount, Expect, parse_duration, parse_rate, parse_share


@pytest.mark.parametrize(
    ("text", "percent", "of_4312", "echo"),
    [
        ("50", False, 50, "50"),
        ("50%", True, 2156, "50%"),
        (" 50 % ", True, 2156, "50%"),
        ("0", False, 0, "0"),
        ("0%", True, 0, "0%"),
        ("100%", True, 4312, "100%"),
        ("2.5%", True, 107, "2.5%"),
        ("2.50%", True, 107, "2.5%"),
        ("1,000", False, 1000, "1000"),
        ("1000000", False, 1000000, "1000000"),
    ],
)
def test_amount(text: str, percent: bool, of_4312: int, echo: str) -> None:
    """A number is a count and a number with % a share of the total, rounded down."""
    amount = Amount.parse(text)
    assert (amount.percent, amount.of(4312), str(amount)) == (percent, of_4312, echo)


def test_fifty_is_never_fifty_percent() -> None:
    """`50` and `50%` differ on every total but 100."""
    assert Amount.parse("50") != Amount.parse("50%")
    assert [total for total in range(1, 500) if Amount.parse("50").of(total) == Amount.parse("50%").of(total)] == [100, 101]


def test_canary_share_rounds_up() -> None:
    """A share of a small total is at least one item when rounded up, and a whole share is not raised."""
    assert [Amount.parse("1%").of(total, up=True) for total in (0, 1, 50, 100, 101)] == [0, 1, 1, 1, 2]


BAD_AMOUNTS = [
    "",
    " ",
    "%",
    "-1",
    "\u22121",
    "+1",
    "1e3",
    "1.5",
    "50%%",
    "101%",
    "-1%",
    "5,0",
    "1,00",
    "\u0665\u0660",
    "50 items",
    "½",
    "nan",
]


@pytest.mark.parametrize("text", BAD_AMOUNTS)
def test_bad_amount(text: str) -> None:
    """What is not an amount is refused, with the text and what is allowed."""
    with pytest.raises(UsageError) as caught:
        Amount.parse(text)
    assert repr(text) in caught.value.message
    assert "50%" in caught.value.message or "100%" in caught.value.message


@pytest.mark.parametrize("text", ["4312±1%", "4312+-1%", "4312+/-1%", "4312 ± 1 %", "4,312±1.0%"])
def test_expect_spellings(text: str) -> None:
    """Every spelling of ± is understood, and echoed as one."""
    expect = Expect.parse(text)
    assert str(expect) == "4312±1%"
    assert expect.highest == 4355 and [n for n in range(4400) if expect.allows(n)] == [*range(4269, 4356)]


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("4312", [4312], [4311, 4313, 0]),
        ("4312±1%", [4312, 4269, 4355], [4268, 4356]),
        ("100±10%", [90, 110], [89, 111]),
        ("0", [0], [1]),
        ("0±50%", [0], [1]),
        ("1±0%", [1], [0, 2]),
        ("10±100%", [0, 20], [21]),
    ],
)
def test_expect_allows(text: str, allowed: list[int], refused: list[int]) -> None:
    """A count is as expected within the tolerance, both ends included, and no further."""
    expect = Expect.parse(text)
    assert all(expect.allows(n) for n in allowed)
    assert not any(expect.allows(n) for n in refused)
    within = [n for n in range(5000) if expect.allows(n)]
    assert within == [*range(within[0], expect.highest + 1)]


@pytest.mark.parametrize("text", ["", "50%", "4312±1", "4312±", "±1%", "-5", "1e3", "4312±101%", "4312-1%", "4312±-1%", "1.5"])
def test_bad_expect(text: str) -> None:
    """An expected count is a count: a percentage alone, or a tolerance without %, is refused."""
    with pytest.raises(UsageError):
        Expect.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1h 30m", 5400), ("3d", 259200),
     ("2w", 1209600),
     ("1.5h", 5400), ("30 days", 2592000), ("1 Hour", 3600), ("0s", 0)],
)  # fmt: skip
def test_duration(text: str, seconds: float) -> None:
    """A duration is numbers with units."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "says"),
    [("90", "90s, 90m"), ("", "duration"), ("h", "duration"), ("-2h", "duration"),
     ("2h2h", "duration"),
     ("3mo", "30d"),
     ("1y", "52w"), ("2 fortnights", "duration"), ("99999999w", "hundred"),
     ("1h30", "duration"), ("1e3s", "duration")],
)  # fmt: skip
def test_bad_duration(text: str, says: str) -> None:
    """A number without a unit is refused with the units it may have meant."""
    with pytest.raises(UsageError, match=says):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("auto", None),
        ("AUTO", None),
        ("6000/min", 100),
        ("100/s", 100),
        ("1,667/10s", 166.7),
        ("3600/h", 1),
        ("60 per minute", 1),
    ],
)
def test_rate(text: str, rate: float | None) -> None:
    """A rate is calls per unit of time, and `auto` is none."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "100", "0/s", "-1/s", "100/", "/s", "100/fortnight", "1.5/s", "fast", "50%"])
def test_bad_rate(text: str) -> None:
    """A number alone is not a rate, and neither is nought."""
    with pytest.raises(UsageError, match="6000/min"):
        parse_rate(text)


def test_share() -> None:
    """A share is a percentage, from more than nothing to all."""
    assert [parse_share(text) for text in ("40%", "100%", "0.5 %")] == [0.4, 1.0, 0.005]


@pytest.mark.parametrize("text", ["", "40", "0.4", "0%", "101%", "-5%", "all"])
def test_bad_share(text: str) -> None:
    """`40` and `0.4` are not taken for `40%`."""
    with pytest.raises(UsageError, match="%"):
        parse_share(text)
