"""What PostHog's SDKs ask for besides capturing: feature flags, of which there are none, and their configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from werkzeug.wrappers import Response

from posthog_nb.embedded.server.answers import json_answer

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

__all__ = ["config", "config_script", "flag_definitions", "flags", "health"]


def flags(_request: Request) -> Response:
    """No flag is set, for anybody, with the configuration that older SDKs expect beside it."""
    return json_answer(
        {
            "flags": {},
            "featureFlags": {},
            "featureFlagPayloads": {},
            "errorsWhileComputingFlags": False,
            "requestId": str(uuid4()),
            **_features(),
        }
    )


def flag_definitions(_request: Request) -> Response:
    """The flags for evaluation in the SDK."""
    return json_answer({"flags": [], "group_type_mapping": {}, "cohorts": {}})


def config(_request: Request, token: str) -> Response:
    """The configuration that posthog-js loads when it starts."""
    return json_answer(_config(token))


def config_script(_request: Request, token: str) -> Response:
    """The same as a script."""
    name = _script_text(token)
    text = (
        "(function(){window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
        f"window._POSTHOG_REMOTE_CONFIG[{name}]={{config:{_script_text(_config(token))},siteApps:[]}};}})();"
    )
    return Response(text, content_type="application/javascript; charset=utf-8")


def health(_request: Request) -> Response:
    """The server is up."""
    return Response("posthog-nb", content_type="text/plain; charset=utf-8")


def _config(token: str) -> dict[str, Any]:
    return {
        "token": token,
        "hasFeatureFlags": False,
        "analytics": {"endpoint": "/i/v0/e/"},
        "elementsChainAsString": True,
        **_features(),
    }


def _features() -> dict[str, Any]:
    return {
        "config": {"enable_collect_everything": True},
        "supportedCompression": ["gzip", "gzip-js"],
        "sessionRecording": False,
        "surveys": False,
        "heatmaps": False,
        "capturePerformance": False,
        "autocaptureExceptions": False,
        "defaultIdentifiedOnly": True,
        "isAuthenticated": False,
        "toolbarParams": {},
        "siteApps": [],
    }


def _script_text(value: object) -> str:
    """JSON that cannot end the script element it may stand in."""
    return json.dumps(value).replace("<", "\\u003c")
