"""What the people do: each visit as the events that PostHog's web, phone and server SDKs would send."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.demo import product
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from posthog_nb.embedded.demo.draw import Draw
    from posthog_nb.embedded.demo.people import Member, Visitor

__all__ = ["Journey"]

_EVENTS_ON_THE_WEB = (2, 3, 4, 5, 6, 8, 11)
_HOSTILE = 0.004


class Journey:
    """One visitor's visits, written down as events.

    Args:
        draw: Where chance comes from.
        begin: The demo's first moment.
        begin_ms: The same in milliseconds since 1970.
        visitor: Whose visits they are.
    """

    def __init__(self, draw: Draw, begin: datetime, begin_ms: int, visitor: Visitor) -> None:
        self._draw = draw
        self._begin = begin
        self._begin_ms = begin_ms
        self._visitor = visitor
        self._distinct_id = visitor.anonymous_id
        self._base: dict[str, Any] = {}
        self._at = 0
        self.events: list[CapturedEvent] = []

    def write(self) -> list[CapturedEvent]:
        """All events of the visitor, in the order they happen."""
        visitor = self._visitor
        member = visitor.member
        phone_id: str | None = None
        for number, start in enumerate(visitor.starts):
            self._at = start
            signed_up = member is not None and number > visitor.sign_up
            if member is not None and signed_up and member.has_phone and self._draw.chance(0.5):
                phone_id = self._phone_visit(member, phone_id)
            else:
                self._web_visit(first=number == 0)
                if member is not None and number == visitor.sign_up:
                    self._sign_up(member)
                elif member is not None and signed_up:
                    self._member_visit(member)
            if member is not None and member.crm_id and signed_up and self._draw.chance(0.3):
                self._invoice(member, member.crm_id)
        return self.events

    def _send(self, event: str, properties: dict[str, Any] | None = None, *, gap: int = 40_000) -> None:
        self._at += 800 + int(self._draw.unit() * gap)
        self.events.append(
            CapturedEvent(
                uuid7(self._begin_ms + self._at, self._draw.bits()),
                event,
                self._distinct_id,
                {**self._base, **properties} if properties else dict(self._base),
                self._begin + timedelta(milliseconds=self._at),
            )
        )

    def _session(self) -> dict[str, str]:
        at = self._begin_ms + self._at
        return {
            "$session_id": str(uuid7(at, self._draw.bits())),
            "$window_id": str(uuid7(at + 1, self._draw.bits())),
        }

    # -- the web

    def _web_visit(self, *, first: bool) -> None:
        draw = self._draw
        browser, version, system, device, width, height = self._visitor.browser
        referrer, domain, campaign = self._visitor.acquisition if first else ("$direct", "$direct", {})
        self._base = {
            "$lib": "web",
            "$lib_version": "1.203.1",
            **self._session(),
            "$browser": browser,
            "$browser_version": version,
            "$os": system,
            "$device_type": device,
            "$screen_width": width,
            "$screen_height": height,
            "$host": product.HOST,
            "$referrer": referrer,
            "$referring_domain": domain,
            "$geoip_country_code": self._visitor.country,
        }
        if self._distinct_id == self._visitor.anonymous_id:
            for page in range(draw.pick(_EVENTS_ON_THE_WEB)):
                self._page(draw.pick(product.PAGES) if page else "/", campaign if page == 0 else None)

    def _page(self, path: str, campaign: dict[str, str] | None = None) -> None:
        query = (
            "?" + "&".join(f"{key}={value.replace(' ', '%20')}" for key, value in campaign.items()) if campaign else ""
        )
        properties = {"$current_url": f"https://{product.HOST}{path}{query}", "$pathname": path}
        self._send("$pageview", {**properties, **campaign} if campaign else properties)

    def _sign_up(self, member: Member) -> None:
        draw = self._draw
        self._page("/signup")
        method = draw.pick(("email", "email", "google", "saml"))
        self._send("sign_up_started", {"method": method, "plan": member.plan})
        at = (self._begin + timedelta(milliseconds=self._at)).isoformat()
        anonymous, self._distinct_id = self._distinct_id, member.user_id
        self._send(
            "$identify",
            {
                "$anon_distinct_id": anonymous,
                "$set": {**member.properties, "signed_up_at": at},
                "$set_once": {"first_referring_domain": self._visitor.acquisition[1]},
            },
        )
        if member.company is not None:
            self._join(member.company)
        self._send("signed_up", {"method": method, "plan": member.plan, "referred": draw.chance(0.1)})
        if member.crm_id:
            self._send("$create_alias", {"alias": member.crm_id})
        if draw.chance(0.7):
            self._send("project_created", {"template": draw.pick(("empty", "empty", "photos", "team")), "files": 0})
            self._files(draw.between(1, 3))
            if member.price and draw.chance(0.75):
                self._send(
                    "subscribed", {"plan": member.plan, "amount": member.price, "currency": "USD", "annual": False}
                )

    def _join(self, company: int) -> None:
        draw = self._draw
        key, workspace = f"company-{company}", f"workspace-{company}-{draw.below(3)}"
        name = product.HOSTILE[company % len(product.HOSTILE)] if company % 40 == 0 else f"Company {company}"
        for group_type, group_key, about in (
            ("company", key, {"name": name, "employees": 10 + company * 7, "paying": True}),
            ("workspace", workspace, {"name": f"Workspace of {key}", "quota_gb": 50 * (1 + company % 4)}),
        ):
            self._send(
                "$groupidentify", {"$group_type": group_type, "$group_key": group_key, "$group_set": about}, gap=200
            )
        self._base["$groups"] = {"company": key, "workspace": workspace}

    # -- members, on the web and on the phone

    def _member_visit(self, member: Member) -> None:
        draw = self._draw
        if member.company is not None:
            self._base["$groups"] = {
                "company": f"company-{member.company}",
                "workspace": f"workspace-{member.company}-0",
            }
        for _ in range(draw.pick(_EVENTS_ON_THE_WEB) // 2 + 1):
            self._page(draw.pick(product.FEATURES))
        self._files(draw.below(4))
        if member.price and draw.chance(0.12):
            self._send(
                "purchase",
                {
                    "amount": round(4.99 + draw.below(4_000) / 100, 2),
                    "currency": draw.pick(("USD", "USD", "EUR", "GBP")),
                    "product": draw.pick(("extra storage", "extra storage", "scanner", "gift card")),
                    "quantity": draw.between(1, 4),
                    "gift": draw.chance(0.15),
                    "deliver_at": (self._begin + timedelta(milliseconds=self._at + 86_400_000)).isoformat(),
                },
            )

    def _files(self, count: int) -> None:
        draw = self._draw
        for _ in range(count):
            action = draw.pick(("upload", "upload", "share", "search"))
            if action == "upload":
                kind = draw.pick(("image/jpeg", "application/pdf", "text/csv"))
                self._send(
                    "file_uploaded",
                    {"file_type": kind, "file_size_b": draw.below(50_000_000), "public": draw.chance(0.2)},
                )
            elif action == "share":
                self._send(
                    "file_shared", {"with": draw.between(1, 9), "folder": {"depth": draw.below(4), "name": "shared"}}
                )
            else:
                query = draw.pick(product.HOSTILE) if draw.chance(_HOSTILE * 10) else draw.pick(product.SEARCHES)
                self._send("searched", {"query": query, "results": draw.below(40)})

    def _phone_visit(self, member: Member, phone_id: str | None) -> str:
        draw = self._draw
        library, system, version, model, width, height = self._visitor.phone
        self._base = {
            "$lib": library,
            "$lib_version": "3.15.3",
            **self._session(),
            "$os": system,
            "$os_version": version,
            "$device_type": "Mobile",
            "$device_model": model,
            "$screen_width": width,
            "$screen_height": height,
            "$app_version": draw.pick(("4.1.0", "4.2.0", "4.2.1")),
            "$geoip_country_code": self._visitor.country,
        }
        if phone_id is None:
            # The app is new on this phone: a screen as nobody, then the log-in that ties the phone to the person.
            phone_id = f"phone-{member.user_id}-{draw.below(16**6):06x}"
            self._distinct_id = phone_id
            self._send("$screen", {"$screen_name": "Welcome"})
            self._distinct_id = member.user_id
            self._send("$identify", {"$anon_distinct_id": phone_id, "$set": {"has_app": True}})
        for _ in range(draw.pick(_EVENTS_ON_THE_WEB) // 2 + 1):
            self._send("$screen", {"$screen_name": draw.pick(product.SCREENS)})
        self._files(draw.below(3))
        return phone_id

    # -- the server

    def _invoice(self, member: Member, crm_id: str) -> None:
        self._distinct_id = crm_id
        self._base = {"$lib": "posthog-python", "$lib_version": "6.7.0", "$geoip_disable": True}
        self._send("invoice_paid", {"amount": member.price, "currency": "USD", "plan": member.plan})
        self._distinct_id = member.user_id
