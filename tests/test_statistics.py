"""Statistics: intervals, tests and effect sizes against published figures, against the definitions, and as shown."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import asin, comb, inf, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.statistics import compare_groups, compare_rates, interval
from posthog_nb.errors import InvalidInputError

Z = NormalDist().inv_cdf(0.975)
rates = st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


# -- intervals of a rate


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_an_interval_of_a_rate_is_as_published(count, of, low, high):
    assert interval(count, of) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=40)
@given(rates)
def test_the_ends_of_an_interval_are_the_rates_whose_score_test_just_accepts_what_was_seen(rate):
    count, of = rate
    for end in interval(count, of):
        assert (count / of - end) ** 2 == pytest.approx(Z**2 * end * (1 - end) / of, abs=1e-12)


def test_an_interval_narrows_with_more_persons_and_widens_with_more_confidence():
    few, many, surer = interval(3, 10), interval(300, 1_000), interval(3, 10, confidence=0.99)
    assert surer.low < few.low < many.low < 0.3 < many.high < few.high < surer.high


def test_nobody_of_nobody_has_no_interval():
    assert [isnan(end) for end in interval(0, 0)] == [True, True]


# -- two rates


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_an_interval_of_a_difference_is_as_published(counts, low, high):
    assert compare_rates(*counts).interval == pytest.approx((low, high), abs=5e-5)


def test_a_comparison_is_what_statsmodels_finds():
    # statsmodels 0.15: proportions_chisquare, confint_proportions_2indep ("newcomb", "log"), proportion_effectsize.
    found = compare_rates(412, 3_200, 98, 920)
    assert found.test == "chi-squared test"
    assert found.p_value == pytest.approx(0.07120020130064005, rel=1e-9)
    assert found.interval == pytest.approx((-0.0020818670535439274, 0.044160285994239504), rel=1e-9)
    assert found.risk_interval == pytest.approx((0.9819705254655936, 1.4877142620030908), rel=1e-9)
    assert found.cohens_h == pytest.approx(0.0690658468021409, rel=1e-9)


def fisher(count_a, of_a, count_b, of_b):
    """Fisher's two-sided p-value as he defines it, in whole numbers."""
    together = count_a + count_b
    ways = {
        one: comb(of_a, one) * comb(of_b, together - one)
        for one in range(max(0, together - of_b), min(of_a, together) + 1)
    }
    return Fraction(sum(each for each in ways.values() if each <= ways[count_a]), sum(ways.values()))


@settings(max_examples=40)
@given(rates, rates)
def test_the_test_is_fishers_for_few_and_pearsons_for_many(a, b):
    found = compare_rates(*a, *b)
    together, persons = a[0] + b[0], a[1] + b[1]
    least = min(each * of / persons for each, of in product((together, persons - together), (a[1], b[1])))
    if least < 5:
        assert found.test == "Fisher's exact test"
        assert found.p_value == pytest.approx(float(fisher(*a, *b)), rel=1e-9)
    else:
        assert found.test == "chi-squared test"
        pooled = together / persons
        z = (a[0] / a[1] - b[0] / b[1]) / sqrt(pooled * (1 - pooled) * (1 / a[1] + 1 / b[1]))
        assert found.p_value == pytest.approx(2 * NormalDist().cdf(-abs(z)), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_of_groups_with_one_rate_and_few_persons_no_more_than_one_in_twenty_is_called_different(rate):
    def chance(count, of):
        return comb(of, count) * rate**count * (1 - rate) ** (of - count)

    called = sum(
        chance(a, 8) * chance(b, 9)
        for a, b in product(range(9), range(10))
        if compare_rates(a, 8, b, 9).p_value <= 0.05
    )
    assert called <= 0.05


@settings(max_examples=40)
@given(rates, rates)
def test_a_comparison_the_other_way_round_is_the_same_one_mirrored(a, b):
    one, other = compare_rates(*a, *b), compare_rates(*b, *a)
    assert other.p_value == pytest.approx(one.p_value)
    assert (other.difference, other.cohens_h) == pytest.approx((-one.difference, -one.cohens_h))
    assert other.interval == pytest.approx((-one.interval.high, -one.interval.low))
    assert -1 <= one.interval.low <= one.difference <= one.interval.high <= 1
    if a[0] and b[0]:
        assert other.relative_risk == pytest.approx(1 / one.relative_risk)
        assert other.risk_interval == pytest.approx((1 / one.risk_interval.high, 1 / one.risk_interval.low))


def test_effect_sizes_are_by_their_definitions():
    found = compare_rates(30, 100, 20, 100)
    assert found.difference == pytest.approx(0.1)
    assert found.relative_risk == pytest.approx(1.5)
    assert found.lift == pytest.approx(0.5)
    assert found.cohens_h == pytest.approx(2 * asin(sqrt(0.3)) - 2 * asin(sqrt(0.2)))


def test_a_multiple_of_nothing_is_not_made_up():
    assert compare_rates(3, 10, 0, 12).relative_risk == inf
    assert compare_rates(0, 10, 3, 12).relative_risk == 0
    neither = compare_rates(0, 10, 0, 12)
    assert isnan(neither.relative_risk)
    assert neither.p_value == 1


def test_whole_numbers_of_numpy_are_numbers():
    assert compare_rates(*np.array([3, 10, 1, 12])) == compare_rates(3, 10, 1, 12)


# -- several groups


def freeman_halton(groups):
    """The exact p-value over every table with the same sums."""
    sizes, together = [of for _, of in groups], sum(count for count, _ in groups)

    def ways(counts):
        found = 1
        for count, of in zip(counts, sizes, strict=True):
            found *= comb(of, count)
        return found

    seen = ways([count for count, _ in groups])
    tables = [ways(counts) for counts in product(*(range(of + 1) for of in sizes)) if sum(counts) == together]
    return sum(each for each in tables if each <= seen) / sum(tables)


@pytest.mark.parametrize(
    "groups", [[(3, 10), (9, 10), (4, 8)], [(0, 5), (1, 6), (3, 4), (0, 3)], [(2, 9), (3, 9), (2, 8)]]
)
def test_few_persons_in_several_groups_have_an_exact_test(groups):
    found = compare_groups({str(place): group for place, group in enumerate(groups)})
    exact = freeman_halton(groups)
    assert found.test.startswith("Fisher-Freeman-Halton exact test")
    assert found.p_value == pytest.approx(exact, abs=4 * sqrt(exact * (1 - exact) / 9_999))


def test_the_same_groups_give_the_same_p_value_each_time():
    groups = {"Chrome": (3, 10), "Firefox": (9, 10), "Safari": (4, 8)}
    assert compare_groups(groups) == compare_groups(groups)


def test_many_persons_in_several_groups_have_pearsons_test():
    found = compare_groups({"Chrome": (90, 300), "Firefox": (60, 300), "Safari": (30, 200)})
    assert found.test == "chi-squared test"
    expected = {"did": 180 / 800, "did not": 620 / 800}
    statistic = sum(
        (count - of * expected["did"]) ** 2 / (of * expected["did"])
        + (of - count - of * expected["did not"]) ** 2 / (of * expected["did not"])
        for count, of in [(90, 300), (60, 300), (30, 200)]
    )
    assert found.cramers_v == pytest.approx(sqrt(statistic / 800))
    assert found.p_value == pytest.approx(np.exp(-statistic / 2))  # chi-squared of two degrees of freedom


def test_two_groups_are_a_comparison():
    groups, pair = compare_groups({"A": (412, 3_200), "B": (98, 920)}), compare_rates(412, 3_200, 98, 920)
    assert groups.pairs == (pair,)
    assert (groups.test, groups.p_value) == (pair.test, pair.p_value)


def test_pairs_are_corrected_for_their_number():
    found = compare_groups({"A": (90, 300), "B": (60, 300), "C": (30, 200)})
    alone = [
        compare_rates(*one, *other).p_value
        for one, other in [((90, 300), (60, 300)), ((90, 300), (30, 200)), ((60, 300), (30, 200))]
    ]
    # The smallest of three counts three times, the next twice, the last once, and none less than one before it.
    assert alone[1] < alone[0] < alone[2]
    assert [pair.p_value for pair in found.pairs] == pytest.approx([2 * alone[0], 3 * alone[1], alone[2]])
    assert [(pair.a.name, pair.b.name, pair.tests) for pair in found.pairs] == [
        ("A", "B", 3),
        ("A", "C", 3),
        ("B", "C", 3),
    ]
    assert found.pairs[0].interval == compare_rates(90, 300, 60, 300, confidence=1 - 0.05 / 3).interval


@settings(max_examples=25)
@given(st.lists(rates, min_size=2, max_size=4))
def test_a_corrected_p_value_is_no_smaller_no_more_than_one_and_in_the_same_order(groups):
    found = compare_groups({str(place): group for place, group in enumerate(groups)}).pairs
    pairs = [(compare_rates(one.a.count, one.a.of, one.b.count, one.b.of).p_value, one.p_value) for one in found]
    assert all(alone <= corrected <= 1 for alone, corrected in pairs)
    assert [corrected for _, corrected in sorted(pairs)] == sorted(corrected for _, corrected in pairs)


def test_where_all_or_none_did_it_there_is_nothing_to_tell_groups_by():
    found = compare_groups({"A": (0, 3), "B": (0, 4), "C": (0, 9)})
    assert found.p_value == 1
    assert isnan(found.cramers_v)


# -- as shown


def test_a_comparison_is_told_with_its_sizes_and_intervals():
    assert repr(compare_rates(412, 3_200, 98, 920, names=("Chrome", "Firefox"))).splitlines() == [
        "Chrome compared with Firefox",
        "  Chrome   12.9% (412 of 3,200), interval 11.8% to 14.1%",
        "  Firefox  10.7% (98 of 920), interval 8.8% to 12.8%",
        "  difference     +2.2 percentage points, interval -0.21 to +4.4",
        "  higher         these data do not tell which: the interval of the difference holds 0",
        "  relative risk  1.21 times, interval 0.98 to 1.49; lift +20.9%",
        "  effect size    Cohen's h +0.07",
        "  test           chi-squared test, p = 0.071",
        "  intervals      95% confidence: Wilson's of a rate, Newcombe's of a difference",
    ]


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((300, 1_000, 200, 1_000), "higher         Ann's, in all of the interval"),
        ((200, 1_000, 300, 1_000), "higher         Bob's, in all of the interval"),
        ((300, 1_000, 200, 1_000), "chi-squared test, p < 0.001"),
        ((9_999, 10_000, 1, 10_000), "Bob's  0.01% (1 of 10,000)"),
        ((9_999, 10_000, 1, 10_000), "Ann's  99.99% (9,999 of 10,000)"),
        ((3, 10, 0, 12), "relative risk  not defined: nobody of the second group did it"),
        ((0, 10, 0, 12), "relative risk  not defined: nobody did it"),
        ((0, 10, 3, 12), "relative risk  0.00 times; lift -100.0%"),
    ],
)
def test_what_a_comparison_says(counts, line):
    assert line in repr(compare_rates(*counts, names=("Ann's", "Bob's")))


def test_several_groups_are_told_too():
    found = compare_groups({"Chrome": (90, 300), "Firefox": (60, 300), "Safari": (30, 200)})
    assert "  Safari   15.0% (30 of 200), interval 10.7% to 20.6%" in repr(found)
    assert "Cramer's V 0.15" in repr(found)
    assert "corrected for 3 tests (Holm)" in repr(found.pairs[0])
    assert "98.33% confidence" in repr(found.pairs[0])


@pytest.mark.parametrize(
    "found",
    [
        compare_rates(1, 2, 1, 3, names=("<script>", "\x1b[31m")),
        compare_groups({"<script>": (1, 2), "\x1b[31m": (1, 3)}),
    ],
    ids=["two", "several"],
)
def test_a_name_is_shown_and_nothing_more(found):
    html = found._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "\x1b" not in html + repr(found)


# -- what is refused


@pytest.mark.parametrize(("count", "of"), [(-1, 10), (11, 10), (1.5, 10), (nan, 10), ("1", 10)])
def test_what_is_no_rate_is_refused(count, of):
    with pytest.raises(InvalidInputError, match=r"no rate|whole numbers"):
        interval(count, of)
    with pytest.raises(InvalidInputError, match=r"no rate|whole numbers"):
        compare_rates(1, 10, count, of)


@pytest.mark.parametrize("confidence", [0, 1, 95, nan, "0.95"])
def test_a_confidence_is_between_0_and_1(confidence):
    with pytest.raises(InvalidInputError, match=r"confidence is .* such as 0\.95"):
        interval(1, 10, confidence=confidence)


def test_a_group_of_nobody_cannot_be_compared():
    with pytest.raises(InvalidInputError, match="Nobody is in group 'Safari'"):
        compare_groups({"Chrome": (1, 2), "Safari": (0, 0)})


def test_one_group_cannot_be_compared():
    with pytest.raises(InvalidInputError, match="Give two or more"):
        compare_groups({"Chrome": (1, 2)})


def test_two_groups_of_one_name_could_not_be_told_apart():
    with pytest.raises(InvalidInputError, match="Both groups are called 'Chrome'"):
        compare_rates(1, 2, 1, 2, names=("Chrome", "Chrome"))
