"""Functions that only PostHog has, as ClickHouse expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.bots import bot_label, is_bot
from posthog_nb.embedded.hogql.languages import LANGUAGES
from posthog_nb.embedded.hogql.sql import Func, Lambda, Literal, Name, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import BOOLEAN, STRING, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.functions import Invocation
    from posthog_nb.embedded.hogql.sql import Expr

_TO_INT = Lambda(("part",), call("accurateCastOrNull", Name("part"), "Int64"))
_NUMBER = r"(?:0|[1-9]\d*)"
_VERSION = rf"^\s*v?({_NUMBER}\.{_NUMBER}\.{_NUMBER})(?:[-+]\S*)?\s*$"


def traffic(label: str, *, regular: str, nameless: str) -> Callable[[Invocation], Typed]:
    """``getTrafficType`` and its kin: a label of the program that a user agent is of."""
    return lambda it: Typed(bot_label(it.args[0].expr, label, regular=regular, nameless=nameless), STRING)


def is_likely_bot(it: Invocation) -> Typed:
    """``isLikelyBot``."""
    return Typed(is_bot(it.args[0].expr), BOOLEAN)


def looked_up(find: Callable[[Expr], Expr]) -> Callable[[Invocation], Typed]:
    """``lookupDomainType`` and its kin."""
    return lambda it: Typed(find(it.args[0].expr), STRING.or_null())


def language_name(it: Invocation) -> Typed:
    """``languageCodeToName``."""
    codes, names = call("array", *LANGUAGES), call("array", *LANGUAGES.values())
    return Typed(call("transform", it.args[0].expr, codes, names, "Unknown"), STRING)


def explain_csp_report(it: Invocation) -> Typed:
    """``explainCSPReport(properties)``: a tag for the reader's side."""
    return Typed(call("tuple", "__hx_tag", "ExplainCSPReport", "properties", it.args[0].expr), Type(Kind.TUPLE))


def sparkline(it: Invocation) -> Typed:
    """``sparkline(values)``: a tag for the reader's side."""
    return Typed(call("tuple", "__hx_tag", "Sparkline", "data", it.args[0].expr), Type(Kind.TUPLE))


def recording_button(it: Invocation) -> Typed:
    """``recordingButton(id)``: a tag for the reader's side."""
    rest: tuple[Expr, ...] = (Literal("recordingStatus"), it.args[1].expr) if len(it.args) > 1 else ()
    return Typed(call("tuple", "__hx_tag", "RecordingButton", "sessionId", it.args[0].expr, *rest), Type(Kind.TUPLE))


def ip_in_range(it: Invocation) -> Typed:
    """``isIPAddressInRange``: what is no address is in no range."""
    address = call("ifNull", call("toString", it.args[0].expr), "")
    valid = call("or", call("isIPv4String", address), call("isIPv6String", address))
    return Typed(call("isIPAddressInRange", call("if", valid, address, "::"), it.args[1].expr), BOOLEAN)


def sortable_version(it: Invocation) -> Typed:
    """``sortableSemVer``: the numbers of a version, to be ordered by; for what is no version one NULL."""
    text = call("ifNull", call("toString", it.args[0].expr), "")
    parts = call("splitByChar", ".", call("extract", text, _VERSION))
    return Typed(Func("arrayMap", (_TO_INT, parts)), Type(Kind.ARRAY))
