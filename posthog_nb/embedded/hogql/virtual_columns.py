"""PostHog's ``$virt_`` columns: what can be told from the properties of an event or of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.bots import bot_label, is_bot
from posthog_nb.embedded.hogql.channels import Arrival, channel_type, source_kind
from posthog_nb.embedded.hogql.sql import Literal, call
from posthog_nb.embedded.hogql.tables import derived, property_text
from posthog_nb.embedded.hogql.types import BOOLEAN, DECIMAL, STRING

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.tables import Column, Row

__all__ = ["VIRTUAL_PREFIX", "person_columns", "traffic_columns"]

VIRTUAL_PREFIX = "$virt_"
"""How the names of these columns start; ``properties.$virt_x`` is the column, not a property."""


def _user_agent(row: Row) -> Expr:
    raw, plain = (property_text(row.stored("properties"), key) for key in ("$raw_user_agent", "$user_agent"))
    return call("coalesce", call("nullIf", raw, ""), plain)


def _label(label: str, regular: str, nameless: str) -> Callable[[Row], Expr]:
    return lambda row: bot_label(_user_agent(row), label, regular=regular, nameless=nameless)


def traffic_columns() -> list[Column]:
    """Of events: whether a program sent it, by the user agent, and which."""
    return [
        derived("$virt_is_bot", BOOLEAN, lambda row: is_bot(_user_agent(row)), in_star=False),
        derived("$virt_traffic_type", STRING, _label("type", "Regular", "Automation"), in_star=False),
        derived("$virt_traffic_category", STRING, _label("category", "regular", "no_user_agent"), in_star=False),
        derived("$virt_bot_name", STRING, _label("name", "", ""), in_star=False),
        derived("$virt_bot_operator", STRING, _label("operator", "", ""), in_star=False),
    ]


def person_columns(properties: str) -> list[Column]:
    """Of persons: how they first came, by what ``properties`` keeps of it, and their revenue.

    Revenue is 0: so it is on PostHog in a project that has set up no source of it.
    """

    def initial(row: Row, key: str) -> Expr:
        text = property_text(row.stored(properties), f"$initial_{key}")
        return call("nullIf", call("nullIf", text, ""), "null")

    def domain_type(row: Row) -> Expr:
        domain = initial(row, "referring_domain")
        direct = call("ifNull", call("equals", domain, "$direct"), 0)
        return call("if", direct, "$direct", source_kind(domain))

    def channel(row: Row) -> Expr:
        return channel_type(
            Arrival(
                campaign=initial(row, "utm_campaign"),
                medium=initial(row, "utm_medium"),
                source=initial(row, "utm_source"),
                referring_domain=initial(row, "referring_domain"),
                gclid=initial(row, "gclid"),
                fbclid=initial(row, "fbclid"),
                gad_source=initial(row, "gad_source"),
            )
        )

    return [
        derived("$virt_initial_referring_domain_type", STRING.or_null(), domain_type, in_star=False),
        derived("$virt_initial_channel_type", STRING, channel, in_star=False),
        derived("$virt_revenue", DECIMAL, lambda _: Literal(0), in_star=False),
        derived("$virt_mrr", DECIMAL, lambda _: Literal(0), in_star=False),
    ]
