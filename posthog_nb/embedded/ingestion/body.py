"""The bytes of a capture request: where the payload is, how it is packed, and the JSON inside."""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs

from posthog_nb.errors import CaptureRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GZIP_STREAM", "MAX_BODY_BYTES", "parse_json", "read_json", "unpacked"]

MAX_BODY_BYTES = 20 * 1024 * 1024
"""PostHog's limit for a batch, packed or not."""

GZIP_STREAM = zlib.MAX_WBITS | 16
"""What :func:`unpacked` is to expect for gzip."""

_GZIP_MAGIC = b"\x1f\x8b"
_JSON_STARTS = b'{["-0123456789tfn'
"""What JSON begins with. Neither gzip nor the base64 of JSON or gzip begins with any of it."""

_GZIP = {"gzip", "gzip-js"}
_BASE64 = {"base64", "b64"}
_LZ = {"lz64", "lz-string"}
_FORM = "application/x-www-form-urlencoded"


def read_json(body: bytes, *, content_type: str, content_encoding: str, query: Mapping[str, str]) -> Any:  # noqa: ANN401
    """The JSON that a capture request carries, in any of the packings PostHog's SDKs use.

    Raises:
        CaptureRejected: 400 when it cannot be unpacked or parsed, 413 when it is too large.
    """
    packing = (query.get("compression") or content_encoding or "").strip().lower()
    if not body and "data" in query:
        body = query["data"].encode()
    elif content_type.partition(";")[0].strip().lower() == _FORM and not body.startswith(_GZIP_MAGIC):
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        if "data" in form:
            body = form["data"][0].encode()
            packing = form.get("compression", [packing])[0].lower()
    return parse_json(_unpack(body, packing))


def _unpack(body: bytes, packing: str) -> bytes:
    if len(body) > MAX_BODY_BYTES:
        raise CaptureRejected(413, "request body is too large")
    if packing in _LZ:
        raise CaptureRejected(400, "failed to decode request: lz64 is not supported, send gzip or base64")
    # Gzip is known by its first bytes, whatever it is said to be. Base64 is often not mentioned: older browser SDKs
    # send it without a word, or call base64 of gzip gzip.
    if not body.startswith(_GZIP_MAGIC) and (packing in _BASE64 or not _looks_like_json(body)):
        body = _from_base64(body)
        if packing in _GZIP and not body.startswith(_GZIP_MAGIC):
            raise CaptureRejected(400, "failed to decode request: not a gzip stream")
    if body.startswith(_GZIP_MAGIC):
        body = unpacked(body, GZIP_STREAM, MAX_BODY_BYTES)
    if not body.strip():
        raise CaptureRejected(400, "request body is empty")
    return body


def _looks_like_json(body: bytes) -> bool:
    start = body.lstrip()[:1]
    return not start or start in _JSON_STARTS


def _from_base64(body: bytes) -> bytes:
    # A form decodes "+" to a space; base64 has no spaces of its own.
    text = body.strip().replace(b" ", b"+")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CaptureRejected(400, "failed to decode request: neither JSON, gzip nor base64") from error


def unpacked(body: bytes, stream: int, most_bytes: int) -> bytes:
    """What is packed in ``body``.

    Args:
        body: A whole stream.
        stream: Its form, as zlib's ``wbits``.
        most_bytes: How large it may be unpacked.

    Raises:
        CaptureRejected: 400 when it is no such stream or ends early, 413 when it is too large.
    """
    unpacker = zlib.decompressobj(wbits=stream)
    try:
        found = unpacker.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise CaptureRejected(400, "failed to decode request: invalid GZIP data") from error
    if len(found) > most_bytes:
        raise CaptureRejected(413, "request body is too large after decompression")
    if not unpacker.eof:
        raise CaptureRejected(400, "failed to decode request: the GZIP data ends early")
    return found


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """The JSON in ``body``.

    Raises:
        CaptureRejected: 400 when it is none, or holds what cannot be stored.
    """
    try:
        parsed = json.loads(body, parse_constant=_refuse, parse_float=_finite)
        if b"\\ud" in body or b"\\uD" in body:
            # A lone surrogate is legal to Python and to nobody else; it could not be stored.
            json.dumps(parsed, ensure_ascii=False).encode()
    except RecursionError as error:
        raise CaptureRejected(400, "failed to parse request: nested too deep") from error
    except ValueError as error:  # JSONDecodeError, UnicodeError and our own refusals
        raise CaptureRejected(400, f"failed to parse request: {error}") from error
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"number out of range: {text}")
    return number
