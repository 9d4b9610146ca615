"""The made-up product: a place to keep files, on the web and on phones. All that its people meet, as data."""

from __future__ import annotations

__all__ = [
    "ACQUISITION",
    "BROWSERS",
    "COUNTRIES",
    "FEATURES",
    "HANDLES",
    "HOST",
    "HOSTILE",
    "PAGES",
    "PHONES",
    "PLANS",
    "SCREENS",
    "SEARCHES",
]

HOST = "hedgebox.example.com"

PAGES = ("/", "/", "/pricing", "/features", "/blog", "/blog/keeping-files-tidy", "/help", "/about")
"""What a visitor looks at before signing up."""

FEATURES = ("/files", "/files", "/files", "/files/shared", "/search", "/settings", "/billing", "/team")
"""Where a member goes."""

SCREENS = ("Files", "Files", "Photos", "Shared with me", "Search", "Camera upload", "Settings")

PLANS = (("free", 0.0), ("personal", 9.0), ("personal", 9.0), ("business", 24.5), ("enterprise", 119.99))
"""Name and monthly price."""

BROWSERS = (
    ("Chrome", 131, "Windows", "Desktop", 1920, 1080),
    ("Chrome", 131, "Windows", "Desktop", 1536, 864),
    ("Chrome", 130, "Mac OS X", "Desktop", 1440, 900),
    ("Safari", 18, "Mac OS X", "Desktop", 1512, 982),
    ("Mobile Safari", 18, "iOS", "Mobile", 390, 844),
    ("Chrome", 131, "Android", "Mobile", 412, 915),
    ("Firefox", 133, "Linux", "Desktop", 2560, 1440),
    ("Microsoft Edge", 131, "Windows", "Desktop", 1920, 1200),
)
"""Browser, version, operating system, device type, screen width and height."""

PHONES = (
    ("posthog-ios", "iOS", "18.1", "iPhone17,3", 393, 852),
    ("posthog-ios", "iOS", "17.7", "iPhone14,5", 390, 844),
    ("posthog-android", "Android", "15", "Pixel 9", 412, 924),
    ("posthog-android", "Android", "14", "SM-S921B", 384, 832),
)
"""Library, operating system, its version, device model, screen width and height."""

ACQUISITION: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("$direct", "$direct", {}),
    ("$direct", "$direct", {}),
    ("https://www.google.com/", "www.google.com", {}),
    ("https://www.google.com/", "www.google.com", {}),
    ("https://duckduckgo.com/", "duckduckgo.com", {}),
    (
        "https://www.google.com/",
        "www.google.com",
        {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "brand", "utm_term": "file storage"},
    ),
    ("https://news.ycombinator.com/", "news.ycombinator.com", {}),
    (
        "https://www.linkedin.com/",
        "www.linkedin.com",
        {"utm_source": "linkedin", "utm_medium": "paid-social", "utm_campaign": "teams-q1"},
    ),
    ("$direct", "$direct", {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring launch"}),
    ("https://blog.example.org/tidy?a=1&b=2", "blog.example.org", {}),
)
"""Referrer, referring domain, campaign."""

COUNTRIES = ("US", "US", "US", "GB", "DE", "DE", "FR", "BR", "IN", "JP", "NL", "AU")

HANDLES = (
    ("Quiet", "Brisk", "Amber", "Mossy", "Lunar", "Velvet", "Rapid", "Gentle", "Copper", "Northern"),
    ("Otter", "Heron", "Maple", "Comet", "Badger", "Willow", "Pebble", "Falcon", "Cedar", "Lynx"),
)
"""Two halves of a handle: no real person is called so."""

SEARCHES = ("invoice", "holiday photos", "contract", "logo", "Q3 report", "recipe", "tax 2025", "résumé")

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert('x')>",
    'O\'Brien "quoted" \\ backslash',
    "'; DROP TABLE events; --",
    "{since} {{braces}} ${dollar} $math$",
    "🦔🎉 👩‍👩‍👧‍👦 émoji",
    "مرحبا بالعالم",
    "tab\there\nnew line",
    '=HYPERLINK("http://example.com")',
    "x" * 4000,
)
"""Texts that break a careless display; every table and card meets them."""
