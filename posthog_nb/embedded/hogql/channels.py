"""Channel types: where a session came from, by its campaign and its referrer, in the order in which PostHog decides.

PostHog looks sources, media and domains up in a list of some two thousand, which is its own. The list here has the
well-known ones: a source that it does not have is a Referral, or Unknown, where PostHog may know better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.sql import Func, Literal, call

if TYPE_CHECKING:
    from posthog_nb.embedded.hogql.sql import Expr

__all__ = [
    "Arrival",
    "channel_type",
    "organic_medium",
    "organic_source",
    "paid_medium",
    "paid_source",
    "source_kind",
]

_SOURCES = {
    "Search": """
        google google.com bing bing.com yahoo yahoo.com search.yahoo.com duckduckgo duckduckgo.com baidu baidu.com
        yandex yandex.com yandex.ru ya.ru ecosia ecosia.org ask ask.com aol search.aol.com qwant qwant.com startpage
        startpage.com search.brave.com kagi.com naver naver.com search.naver.com seznam seznam.cz sogou sogou.com
        daum daum.net perplexity perplexity.ai chatgpt.com gemini.google.com claude.ai copilot.microsoft.com
    """,
    "Social": """
        facebook facebook.com m.facebook.com l.facebook.com lm.facebook.com fb fb.me instagram instagram.com
        l.instagram.com ig twitter twitter.com x.com t.co linkedin linkedin.com lnkd.in reddit reddit.com old.reddit.com
        out.reddit.com pinterest pinterest.com tumblr tumblr.com quora quora.com threads.net bsky.app mastodon.social
        news.ycombinator.com hackernews stackoverflow stackoverflow.com medium.com dev.to producthunt producthunt.com
        discord.com slack.com t.me telegram telegram.org whatsapp whatsapp.com wa.me snapchat snapchat.com vk vk.com
        weibo weibo.com wechat line.me xing.com nextdoor.com meetup.com github.com
    """,
    "Video": """
        youtube youtube.com m.youtube.com youtu.be tiktok tiktok.com vimeo vimeo.com twitch twitch.tv dailymotion.com
        netflix netflix.com hulu.com bilibili.com wistia.com
    """,
    "Shopping": """
        amazon amazon.com amazon.co.uk amazon.de ebay ebay.com etsy etsy.com walmart walmart.com alibaba alibaba.com
        aliexpress.com shopify shopping.google.com bestbuy.com target.com rakuten.com mercadolibre.com
    """,
    "Email": """
        mail.google.com mail.yahoo.com outlook.live.com outlook.office.com outlook.com mail.aol.com mail.proton.me
        gmail hotmail
    """,
}
_MEDIA = {
    "Affiliate": "affiliate|partnership|partnerships",
    "Audio": "audio",
    "Display": "banner|cpm|display|expandable|interstitial",
    "Email": "email|e-mail|e_mail|e mail",
    "Push": "mobile|notification|push",
    "Referral": "app|link|referral",
    "SMS": "sms",
    "Social": "sm|social|social media|social network|social-media|social-network",
    "Video": "video",
}
_SOURCE_KINDS = {name: kind for kind, names in _SOURCES.items() for name in names.split()}
_MEDIUM_KINDS = {name: kind for kind, names in _MEDIA.items() for name in names.split("|")}
_PAID_MEDIA = ("cpc", "cpm", "cpv", "cpa", "ppc", "retargeting")
_HAVE_BOTH = ("Search", "Social", "Video", "Shopping")
"""Kinds of which there is a paid and an organic one."""

_SHOPPING = "^(.*(([^a-df-z]|^)shop|shopping).*)$"
_VIDEO = "^(.*video.*)$"


@dataclass(frozen=True)
class Arrival:
    """What is known of how a session began; each is a nullable text."""

    campaign: Expr
    medium: Expr
    source: Expr
    referring_domain: Expr
    gclid: Expr
    fbclid: Expr
    gad_source: Expr


def channel_type(arrival: Arrival) -> Expr:
    """The name of the channel."""
    campaign, medium, source, domain = (
        call("nullIf", call("lower", text), "")
        for text in (arrival.campaign, arrival.medium, arrival.source, arrival.referring_domain)
    )
    is_paid = _any(
        call("in", medium, call("tuple", *_PAID_MEDIA)),
        call("startsWith", medium, "paid"),
        call("isNotNull", arrival.gclid),
        call("isNotNull", arrival.gad_source),
    )
    paid = call(
        "coalesce",
        paid_source(source),
        call("if", _matches(campaign, _SHOPPING), "Paid Shopping", Literal(None)),
        paid_medium(medium),
        paid_source(domain),
        call("if", _is(arrival.gad_source, "1"), "Paid Search", Literal(None)),
        call("if", _matches(campaign, _VIDEO), "Paid Video", Literal(None)),
        call("if", call("isNotNull", arrival.fbclid), "Paid Social", Literal(None)),
        "Paid Unknown",
    )
    is_direct = _all(
        _is(domain, "$direct"),
        call("isNull", medium),
        _any(call("isNull", source), call("in", source, call("tuple", "(direct)", "direct", "$direct"))),
        call("isNull", arrival.fbclid),
    )
    organic = call(
        "coalesce",
        organic_source(source),
        call("if", _matches(campaign, _SHOPPING), "Organic Shopping", Literal(None)),
        organic_medium(medium),
        organic_source(domain),
        call("if", _matches(campaign, _VIDEO), "Organic Video", Literal(None)),
        call("if", _matches(medium, "push$"), "Push", Literal(None)),
        call("if", call("isNotNull", arrival.fbclid), "Organic Social", Literal(None)),
        call("if", _is(domain, "$direct"), "Direct", Literal(None)),
        call("if", call("isNotNull", domain), "Referral", Literal(None)),
        "Unknown",
    )
    crossing = _matches(campaign, "cross-network")
    return call("multiIf", crossing, "Cross Network", is_paid, paid, is_direct, "Direct", organic)


def _any(*conditions: Expr) -> Expr:
    return Func("or", tuple(call("ifNull", condition, 0) for condition in conditions))


def _all(*conditions: Expr) -> Expr:
    return Func("and", tuple(call("ifNull", condition, 0) for condition in conditions))


def _is(text: Expr, value: str) -> Expr:
    return call("ifNull", call("equals", text, value), 0)


def _matches(text: Expr, pattern: str) -> Expr:
    return call("ifNull", call("match", text, pattern), 0)


def source_kind(source: Expr) -> Expr:
    """What kind of a source or a domain it is, such as Search; NULL where the list does not have it."""
    registrable = call("cutToFirstSignificantSubdomain", source)
    return call("coalesce", _looked_up(_SOURCE_KINDS, source), _looked_up(_SOURCE_KINDS, registrable))


def paid_source(source: Expr) -> Expr:
    """The channel of a paid visit from a source or a domain, or NULL."""
    return _paid(source_kind(source))


def organic_source(source: Expr) -> Expr:
    """The channel of an unpaid visit from a source or a domain, or NULL."""
    return _organic(source_kind(source))


def paid_medium(medium: Expr) -> Expr:
    """The channel of a paid visit by a medium, or NULL."""
    return _paid(_looked_up(_MEDIUM_KINDS, medium))


def organic_medium(medium: Expr) -> Expr:
    """The channel of an unpaid visit by a medium, or NULL."""
    return _organic(_looked_up(_MEDIUM_KINDS, medium))


def _looked_up(kinds: dict[str, str], text: Expr) -> Expr:
    known, answers = call("array", *kinds), call("array", *kinds.values())
    return call("transform", call("ifNull", text, ""), known, answers, Literal(None))


def _paid(kind: Expr) -> Expr:
    both = call("in", kind, call("tuple", *_HAVE_BOTH))
    display = call("if", _is(kind, "Display"), "Display", Literal(None))
    return call("if", call("ifNull", both, 0), call("concat", "Paid ", kind), display)


def _organic(kind: Expr) -> Expr:
    both = call("in", kind, call("tuple", *_HAVE_BOTH))
    return call("if", call("ifNull", both, 0), call("concat", "Organic ", kind), kind)
