"""How sure a rate is, and how different two or more of them are: intervals, tests, effect sizes, sample sizes.

Rates are of persons who did something among persons who could have: a conversion, a retention. The numbers are
scipy's where scipy has them. An interval of a rate is Wilson's score interval, that of a difference Newcombe's hybrid
score interval (method 10 of Newcombe 1998, Statistics in Medicine 17, 873-890), as both hold for small numbers and for
rates near 0 and 1. All of it takes the persons to be drawn independently, each of them in one group only.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from math import asin, comb, hypot, inf, isinf, isnan, nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

from posthog_nb.analysis.options import as_number
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.card import card_lines, framed, heading, shortened, table
from posthog_nb.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Comparison", "GroupComparison", "Interval", "Rate", "compare_groups", "compare_rates", "interval"]

_FEWEST_EXPECTED = 5
"""Cochran's rule: where a cell is expected to hold fewer persons, the chi-squared distribution is not to be trusted."""
_TWO = 2
_SMALL_PART = 0.01
_SMALL_P = 0.001
_RESAMPLES = 9_999
_SEED = 1
"""The same comparison gives the same p-value whenever a notebook is run."""
_EXACT = "Fisher's exact test"
_EXACT_OF_MANY = f"Fisher-Freeman-Halton exact test ({_RESAMPLES:,} random tables)"
_CHI_SQUARED = "chi-squared test"


class Interval(NamedTuple):
    """A confidence interval, from ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True)
class Rate:
    """How many of a group did it.

    Attributes:
        name: What the group is called.
        count: How many did it.
        of: How many there are.
        interval: Wilson's score interval of the rate, between 0 and 1.
    """

    name: str
    count: int
    of: int
    interval: Interval

    @property
    def rate(self) -> float:
        """``count`` of ``of``, between 0 and 1."""
        return self.count / self.of

    def __str__(self) -> str:
        low, high = self.interval
        return f"{_percent(self.rate)} ({self.count:,} of {self.of:,}), interval {_percent(low)} to {_percent(high)}"


class _Shown:
    """Rows of names and texts under a title, in a terminal and as HTML."""

    def _parts(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        raise NotImplementedError

    def __repr__(self) -> str:
        title, groups, facts = self._parts()
        return "\n".join([visible(title), *card_lines(groups), *card_lines(facts)])

    def _repr_html_(self) -> str:
        title, groups, facts = self._parts()
        return framed(heading(title), table(groups), table(facts), kind="statistics")


@dataclass(frozen=True, repr=False)
class Comparison(_Shown):
    """Two rates side by side, as :func:`compare_rates` finds them.

    Attributes:
        a: The first group.
        b: The second group.
        confidence: How often intervals made this way hold the true value, such as 0.95.
        interval: Newcombe's interval of ``difference``.
        risk_interval: The interval of ``relative_risk`` (Katz); an end is nan where a count of 0 leaves it undefined.
        test: The test's name: Fisher's exact test where a cell of the table is expected to hold fewer than five
            persons, else Pearson's chi-squared test without a correction, which is the two-sided z test.
        p_value: The test's p-value, two-sided.
        tests: For how many tests ``p_value`` is corrected, by Holm's method; 1 is no correction.
    """

    a: Rate
    b: Rate
    confidence: float
    interval: Interval
    risk_interval: Interval
    test: str
    p_value: float
    tests: int = 1

    @property
    def difference(self) -> float:
        """``a``'s rate less ``b``'s: 0.02 is two percentage points."""
        return self.a.rate - self.b.rate

    @property
    def relative_risk(self) -> float:
        """``a``'s rate as a multiple of ``b``'s; inf where only ``b``'s is 0, nan where both are."""
        if self.b.count:
            return self.a.rate / self.b.rate
        return inf if self.a.count else nan

    @property
    def lift(self) -> float:
        """By how much ``a``'s rate is above ``b``'s, as a part of ``b``'s: 0.2 is a fifth more."""
        return self.relative_risk - 1

    @property
    def cohens_h(self) -> float:
        """Cohen's h: the difference of the rates' arcsine transforms; 0.2 is what Cohen calls small, 0.5, 0.8 large."""
        return 2 * (asin(sqrt(self.a.rate)) - asin(sqrt(self.b.rate)))

    def _parts(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        low, high = self.interval
        facts = {
            "difference": f"{_points(self.difference)} percentage points, interval {_points(low)} to {_points(high)}",
            "higher": self._higher(),
            "relative risk": self._risk(),
            "effect size": f"Cohen's h {self.cohens_h:+.2f}",
            "test": _test_text(self.test, self.p_value, self.tests),
            "intervals": _confidence_text(self.confidence),
        }
        return (
            f"{shortened(self.a.name)} compared with {shortened(self.b.name)}",
            {one.name: str(one) for one in (self.a, self.b)},
            facts,
        )

    def _higher(self) -> str:
        low, high = self.interval
        if low <= 0 <= high:
            return "these data do not tell which: the interval of the difference holds 0"
        return f"{shortened(self.a.name if low > 0 else self.b.name)}, in all of the interval"

    def _risk(self) -> str:
        if isnan(self.relative_risk):
            return "not defined: nobody did it"
        if isinf(self.relative_risk):
            return "not defined: nobody of the second group did it"
        low, high = self.risk_interval
        between = "" if isnan(low) or isnan(high) else f", interval {low:.2f} to {high:.2f}"
        return f"{self.relative_risk:.2f} times{between}; lift {self.lift:+.1%}"


@dataclass(frozen=True, repr=False)
class GroupComparison(_Shown):
    """Several rates side by side, as :func:`compare_groups` finds them.

    Attributes:
        groups: The groups, as given.
        confidence: How often intervals made this way hold the true value, such as 0.95.
        test: The test's name: whether the groups have one rate in common.
        p_value: Its p-value.
        cramers_v: Cramer's V, the strength of the association: 0 none, 1 complete; nan where all or none did it.
        pairs: Each two of the groups. Their p-values are corrected by Holm's method for that there are so many tests,
            and their intervals are wider by Bonferroni's, so that all of them hold together as often as
            ``confidence`` says.
    """

    groups: tuple[Rate, ...]
    confidence: float
    test: str
    p_value: float
    cramers_v: float
    pairs: tuple[Comparison, ...]

    def _parts(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        strength = "not defined: all or none did it" if isnan(self.cramers_v) else f"Cramer's V {self.cramers_v:.2f}"
        facts = {
            "effect size": strength,
            "test": _test_text(self.test, self.p_value, 1),
            "intervals": _confidence_text(self.confidence),
        }
        return f"{len(self.groups)} groups compared", {one.name: str(one) for one in self.groups}, facts


@lru_cache(maxsize=4096)
def _wilson(count: int, of: int, confidence: float) -> Interval:
    from scipy.stats import binomtest  # noqa: PLC0415 - seconds, for who needs it

    found = binomtest(count, of).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


def interval(count: int, of: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate (Wilson 1927; scipy's ``BinomTestResult.proportion_ci``).

    Args:
        count: How many did it.
        of: How many there are.
        confidence: How often intervals made this way hold the true rate.

    Returns:
        Its ends, between 0 and 1; both nan for nobody of nobody.

    Raises:
        InvalidInputError: a number is not what it should be.
    """
    confidence, (count, of) = _confidence(confidence), _counts(count, of)
    return _wilson(count, of, confidence) if of else Interval(nan, nan)


def compare_rates(  # noqa: PLR0913 - four counts and two choices
    count_a: int,
    of_a: int,
    count_b: int,
    of_b: int,
    confidence: float = 0.95,
    *,
    names: tuple[str, str] = ("A", "B"),
) -> Comparison:
    """Compare the rates of two groups of different persons.

    Args:
        count_a: How many of the first group did it.
        of_a: How many it has.
        count_b: How many of the second group did it.
        of_b: How many it has.
        confidence: How often intervals made this way hold the true value.
        names: What the groups are called.

    Raises:
        InvalidInputError: a number is not what it should be, a group is empty, or both have one name.
    """
    confidence = _confidence(confidence)
    if names[0] == names[1]:
        raise InvalidInputError(f"Both groups are called {names[0]!r}.", hint="Give each a name of its own.")
    a, b = _rates({names[0]: (count_a, of_a), names[1]: (count_b, of_b)}, confidence)
    return _compared(a, b, confidence)


def compare_groups(groups: Mapping[str, tuple[int, int]], confidence: float = 0.95) -> GroupComparison:
    """Compare the rates of two or more groups of different persons.

    The test is Pearson's chi-squared test where each cell of the table is expected to hold five persons or more, else
    the exact test of Fisher, Freeman and Halton, by scipy from 9,999 random tables with a fixed seed.

    Args:
        groups: Of each group by its name, how many did it and how many there are.
        confidence: How often intervals made this way hold the true value.

    Raises:
        InvalidInputError: a number is not what it should be, there are fewer than two groups, or one is empty.
    """
    confidence = _confidence(confidence)
    if len(groups) < _TWO:
        raise InvalidInputError(f"{len(groups)} groups cannot be compared.", hint="Give two or more.")
    rates = _rates(groups, confidence)
    test, p_value, chi_squared = _tested(rates)
    together = 1 - (1 - confidence) / comb(len(rates), 2)
    compared = [_compared(a, b, together) for a, b in combinations(_rates(groups, together), 2)]
    corrected = _holm([one.p_value for one in compared])
    return GroupComparison(
        groups=tuple(rates),
        confidence=confidence,
        test=test,
        p_value=p_value,
        cramers_v=sqrt(chi_squared / sum(one.of for one in rates)),
        pairs=tuple(
            replace(one, p_value=p_value, tests=len(compared)) for one, p_value in zip(compared, corrected, strict=True)
        ),
    )


def _rates(groups: Mapping[str, tuple[int, int]], confidence: float) -> list[Rate]:
    rates = []
    for name, given in groups.items():
        count, of = _counts(*given)
        if not of:
            raise InvalidInputError(f"Nobody is in group {name!r}, so it has no rate to compare.")
        rates.append(Rate(name, count, of, _wilson(count, of, confidence)))
    return rates


def _counts(count: int, of: int) -> tuple[int, int]:
    try:
        count, of = operator.index(count), operator.index(of)
    except TypeError as error:
        raise InvalidInputError(f"A rate is of whole numbers, and {count!r} of {of!r} is not.") from error
    if not 0 <= count <= of:
        raise InvalidInputError(f"{count:,} of {of:,} is no rate.", hint="Give how many did it, and of how many.")
    return count, of


def _confidence(given: object) -> float:
    confidence = as_number(given)
    if confidence is None or not 0 < confidence < 1:
        raise InvalidInputError(f"confidence is {given!r}.", hint="It is between 0 and 1, such as 0.95.")
    return float(confidence)


def _compared(a: Rate, b: Rate, confidence: float) -> Comparison:
    from scipy.stats.contingency import relative_risk  # noqa: PLC0415 - seconds, for who needs it

    test, p_value, _ = _tested([a, b])
    risk = relative_risk(a.count, a.of, b.count, b.of).confidence_interval(confidence)
    return Comparison(
        a=a,
        b=b,
        confidence=confidence,
        interval=_newcombe(a, b),
        risk_interval=Interval(float(risk.low), float(risk.high)),
        test=test,
        p_value=p_value,
    )


def _newcombe(a: Rate, b: Rate) -> Interval:
    """The interval of a difference, from the intervals of the two rates."""
    difference = a.rate - b.rate
    low = hypot(a.rate - a.interval.low, b.interval.high - b.rate)
    high = hypot(a.interval.high - a.rate, b.rate - b.interval.low)
    return Interval(difference - low, difference + high)


def _tested(rates: Sequence[Rate]) -> tuple[str, float, float]:
    """The name and the p-value of the test that suits the numbers, and Pearson's chi-squared."""
    from scipy import stats  # noqa: PLC0415 - seconds, for who needs it

    found = [(one.count, one.of - one.count) for one in rates]
    exact = _EXACT if len(rates) == _TWO else _EXACT_OF_MANY
    if not all(map(sum, zip(*found, strict=True))):
        return exact, 1.0, nan
    pearson = stats.chi2_contingency(found, correction=False)
    if pearson.expected_freq.min() >= _FEWEST_EXPECTED:
        return _CHI_SQUARED, float(pearson.pvalue), float(pearson.statistic)
    method = None if len(rates) == _TWO else stats.MonteCarloMethod(n_resamples=_RESAMPLES, rng=_SEED)
    return exact, float(stats.fisher_exact(found, method=method).pvalue), float(pearson.statistic)


def _holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for their number (Holm 1979, Scandinavian Journal of Statistics 6, 65-70)."""
    corrected = [0.0] * len(p_values)
    least = 0.0
    for done, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - done) * p_values[place]))
        corrected[place] = least
    return corrected


def _percent(rate: float) -> str:
    return f"{rate:.{_decimals(min(rate, 1 - rate))}%}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.{_decimals(abs(difference))}f}"


def _decimals(part: float) -> int:
    return 2 if 0 < part < _SMALL_PART else 1


def _test_text(test: str, p_value: float, tests: int) -> str:
    value = f"p < {_SMALL_P}" if p_value < _SMALL_P else f"p = {p_value:.3f}"
    return f"{test}, {value}{'' if tests == 1 else f', corrected for {tests} tests (Holm)'}"


def _confidence_text(confidence: float) -> str:
    return f"{100 * confidence:.4g}% confidence: Wilson's of a rate, Newcombe's of a difference"
