"""The made-up product's people: who they are, and when they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.demo import product

if TYPE_CHECKING:
    from posthog_nb.embedded.demo.draw import Draw

__all__ = ["DAYS", "PEOPLE", "Member", "Visitor", "draw_visitor"]

PEOPLE = 3_000
DAYS = 90
DAY = 86_400_000
"""Milliseconds."""

_SIGN_UP = 0.46
_HOSTILE = 0.01
_RETURN_GAPS = (0.4, 1, 1, 1, 2, 2, 3, 4, 7, 7, 9, 14)
"""Days between two visits of somebody who comes back."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who signed up.

    Attributes:
        user_id: The distinct id from sign-up on.
        properties: What ``$identify`` sets, but for the time of signing up.
        plan: Name of the plan.
        price: Its monthly price.
        company: Key of the company group, or None.
        staying: The chance to come back once more after a visit.
        has_phone: Whether the app is used too.
        crm_id: A second distinct id that an alias ties to the first, or None.
    """

    user_id: str
    properties: dict[str, Any]
    plan: str
    price: float
    company: int | None
    staying: float
    has_phone: bool
    crm_id: str | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who came at least once.

    Attributes:
        anonymous_id: The distinct id of the first visit.
        starts: When each visit starts, in milliseconds since the demo's first moment, ascending.
        sign_up: Which of the visits is the one with the sign-up; none when there is no member.
        member: What is known once somebody signed up.
        acquisition: Referrer, referring domain and campaign of the first visit.
        browser: What the web is visited with.
        phone: What the app runs on.
        country: Two letters.
    """

    anonymous_id: str
    starts: list[int]
    sign_up: int
    member: Member | None
    acquisition: tuple[str, str, dict[str, str]]
    browser: tuple[str, int, str, str, int, int]
    phone: tuple[str, str, str, str, int, int]
    country: str


def draw_visitor(draw: Draw, number: int) -> Visitor:
    """Draw one visitor; ``number`` makes the IDs."""
    member = _draw_member(draw, number) if draw.chance(_SIGN_UP) else None
    # Somebody signs up at the first visit or, after looking around, at the second or third.
    sign_up = draw.pick((0, 0, 0, 1, 1, 2)) if member else 0
    staying = member.staying if member else 0.25
    start = draw.below(DAYS * DAY)
    starts = [start]
    while start < DAYS * DAY and (len(starts) <= sign_up or draw.chance(staying)):
        start += int(draw.pick(_RETURN_GAPS) * DAY) + draw.below(DAY // 4)
        starts.append(start)
    return Visitor(
        anonymous_id=f"anon-{number:05d}-{draw.below(16**8):08x}",
        starts=starts,
        sign_up=sign_up,
        member=member,
        acquisition=draw.pick(product.ACQUISITION),
        browser=draw.pick(product.BROWSERS),
        phone=draw.pick(product.PHONES),
        country=draw.pick(product.COUNTRIES),
    )


def _draw_member(draw: Draw, number: int) -> Member:
    first, second = draw.pick(product.HANDLES[0]), draw.pick(product.HANDLES[1])
    name = draw.pick(product.HOSTILE) if draw.chance(_HOSTILE) else f"{first} {second} {number}"
    plan, price = draw.pick(product.PLANS)
    domain = draw.pick(("example.com", "example.com", "example.org"))
    company = draw.below(120) if plan in {"business", "enterprise"} else None
    return Member(
        user_id=f"user_{number}",
        properties={
            "email": f"{first}.{second}.{number}@{domain}".lower(),
            "name": name,
            "plan": plan,
            "seats": draw.between(2, 60) if company is not None else 1,
            "newsletter": draw.chance(0.4),
            "country": draw.pick(product.COUNTRIES),
        },
        plan=plan,
        price=price,
        company=company,
        staying=draw.pick((0.55, 0.7, 0.85, 0.93)) + (0.03 if price else 0.0),
        has_phone=draw.chance(0.4),
        crm_id=f"crm-{number}" if price and draw.chance(0.12) else None,
    )
