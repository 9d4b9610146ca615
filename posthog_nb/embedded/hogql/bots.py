"""Which programs a user agent tells of, as PostHog sorts them: AI agents, bots and automation.

PostHog knows some three hundred programs, and the addresses that their operators publish. Here are the well-known
programs, by their user agents alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.sql import call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql.sql import Expr

__all__ = ["BOTS", "Bot", "bot_label", "is_bot"]

_NO_USER_AGENT = "^$"


@dataclass(frozen=True)
class Bot:
    """A program: a pattern in its user agent, and PostHog's labels for it."""

    pattern: str
    name: str
    operator: str
    category: str
    type: str


_TABLE = r"""
# ai_crawler: AI Agent
GPTBot | GPTBot | OpenAI
Google-CloudVertexBot | Google Cloud Vertex | Google
Google-Extended | Google AI | Google
GoogleOther | GoogleOther | Google
ClaudeBot | Claude | Anthropic
Claude-Web | Claude Web | Anthropic
anthropic-ai | Anthropic | Anthropic
CCBot | Common Crawl | Common Crawl
meta-externalagent | Meta AI | Meta
Bytespider | ByteDance | ByteDance
TikTokSpider | TikTok AI | ByteDance
cohere-ai | Cohere | Cohere
Diffbot | Diffbot | Diffbot
omgili | Webz.io | Webz.io
Timpibot | Timpi | Timpi
Amazonbot | Amazon | Amazon
PetalBot | Petal | Huawei

# ai_search: AI Agent
Claude-SearchBot | Claude Search | Anthropic
PerplexityBot | Perplexity | Perplexity
OAI-SearchBot | OpenAI Search | OpenAI
Applebot-Extended | Apple AI | Apple
Applebot/ | Applebot | Apple

# ai_assistant: AI Agent
Claude-User | Claude User | Anthropic
Perplexity-User | Perplexity User | Perplexity
ChatGPT-User | ChatGPT | OpenAI
meta-externalfetcher | Meta Fetcher | Meta
Meta-ExternalFetcher | Meta Fetcher | Meta
DuckAssistBot | DuckDuckGo AI | DuckDuckGo
MistralAI-User | Mistral AI | Mistral
Google-NotebookLM | NotebookLM | Google
Claude/.*Electron | Claude Desktop | Anthropic
ChatGPT/.*Electron | ChatGPT Desktop | OpenAI

# search_crawler: Bot
Googlebot | Googlebot | Google
bingbot | Bingbot | Microsoft
Bingbot | Bingbot | Microsoft
YandexBot | Yandex | Yandex
Baiduspider | Baidu | Baidu
DuckDuckBot | DuckDuckGo | DuckDuckGo
Slurp | Yahoo | Yahoo
Yeti/ | Naver | Naver
Sogou web spider | Sogou | Sogou
360Spider | 360 Spider | Qihoo 360
Qwantbot | Qwant | Qwant
SeznamBot | SeznamBot | Seznam
MojeekBot | Mojeek | Mojeek
YouBot | You.com | You.com
DataForSeoBot | DataForSeo | DataForSeo
AdsBot-Google | Google Ads | Google
Google-InspectionTool | Google Inspection | Google
Mediapartners | google-adsense-googlebot | Google
archive\.org_bot | Internet Archive | Internet Archive

# seo_crawler: Bot
AhrefsSiteAudit | Ahrefs Site Audit | Ahrefs
AhrefsBot | Ahrefs | Ahrefs
Barkrowler | Barkrowler | Babbar
SemrushBot | Semrush | Semrush
SiteAuditBot | Semrush Site Audit | Semrush
SERankingBacklinksBot | SE Ranking | SE Ranking
MJ12bot | Majestic | Majestic
DotBot | Moz | Moz
Lighthouse | Lighthouse | Google
Screaming Frog SEO Spider | Screaming Frog | Screaming Frog
PTST | WebPageTest | Catchpoint
serpstatbot | Serpstat | Serpstat

# social_crawler: Bot
FacebookBot | Facebook Bot | Meta
facebookexternalhit | Facebook | Meta
Twitterbot | Twitter | X
LinkedInBot | LinkedIn | LinkedIn
Pinterest | Pinterest | Pinterest
Slackbot | Slack | Salesforce
Slack-ImgProxy | Slack Image Proxy | Salesforce
TelegramBot | Telegram | Telegram
WhatsApp | WhatsApp | Meta
Discordbot | Discord | Discord
GoogleImageProxy | Google Image Proxy | Google
Iframely | Iframely | Iframely
SkypeUriPreview | Skype Preview | Microsoft
BingPreview | Bing Preview | Microsoft
Bluesky | Bluesky | Bluesky

# monitoring: Bot
Pingdom | Pingdom | SolarWinds
UptimeRobot | UptimeRobot | UptimeRobot
Site24x7 | Site24x7 | Zoho
StatusCake | StatusCake | StatusCake
Datadog | Datadog | Datadog
Checkly | Checkly | Checkly
GTmetrix | GTmetrix | GTmetrix
Better Uptime Bot | Better Stack | BetterStack
Catchpoint | catchpoint | Catchpoint
HubSpot | HubSpot Crawler | HubSpot
CensysInspect | CensysInspectBot | Censys
Stripebot | Stripebot | Stripe

# http_client: Automation
curl/ | curl | curl
Wget | Wget | GNU
python-requests | Python Requests | Python
aiohttp | python-aiohttp | Python
httpx | httpx | Python
Scrapy | Scrapy | Scrapy
axios | Axios | axios
node-fetch | Node Fetch | Node.js
Go-http-client | Go HTTP | Go
okhttp | OkHttp | Square
Apache-HttpClient | Apache HTTP | Apache
libwww-perl | LWP | Perl
Google-Apps-Script | Google Apps Script | Google
zgrab | zgrab | ZMap
nmap | nmap | Nmap

# http_client: Bot
Storebot-Google | Google Storebot | Google
Google-Read-Aloud | Google Read Aloud | Google
Amazon CloudFront | Amazon CloudFront | Amazon

# headless_browser: Automation
HeadlessChrome | Headless Chrome | Google
PhantomJS | PhantomJS | PhantomJS
Puppeteer | Puppeteer | Google
Playwright | Playwright | Microsoft
Selenium | Selenium | Selenium
"""


def _bots() -> Iterator[Bot]:
    category = type_ = ""
    for line in filter(None, _TABLE.splitlines()):
        if line.startswith("# "):
            category, type_ = line[2:].split(": ")
        else:
            pattern, name, operator = line.split(" | ")
            yield Bot(pattern, name, operator, category, type_)


BOTS = tuple(_bots())
"""Every program that is known."""


def _index(user_agent: Expr) -> Expr:
    patterns = call("array", *(bot.pattern for bot in BOTS), _NO_USER_AGENT)
    return call("multiMatchAnyIndex", call("ifNull", user_agent, ""), patterns)


def is_bot(user_agent: Expr) -> Expr:
    """Whether it is that of a program, or there is none."""
    return call("toBool", call("notEquals", _index(user_agent), 0))


def bot_label(user_agent: Expr, label: str, *, regular: str, nameless: str) -> Expr:
    """One of a program's labels.

    Args:
        user_agent: A text that may be NULL.
        label: The field of :class:`Bot`.
        regular: The answer for what is not known as a program.
        nameless: The answer where there is no user agent.
    """
    labels = call("array", *(str(getattr(bot, label)) for bot in BOTS), nameless)
    index = _index(user_agent)
    return call("if", call("equals", index, 0), regular, call("arrayElement", labels, index))
