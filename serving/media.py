"""Fetches what customers attach: size and type within limits, the token never to a stranger.

A media link comes from a webhook or from Graph and is untrusted all the same: the bearer token is
sent over TLS to Meta's hosts and to the configured Graph address alone, at every redirect anew.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

MEDIA_TYPES: Final = ("image", "audio", "video", "document", "sticker")
MIB: Final = 1024 * 1024
# What a person at the desk can open, and no larger than a phone sends.
LIMITS: Final[Mapping[str, int]] = {
    "image": 5 * MIB,
    "audio": 16 * MIB,
    "video": 16 * MIB,
    "document": 16 * MIB,
    "sticker": MIB // 2,
}
ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image/jpeg", "image/png", "image/webp"),
    "audio": ("audio/",),
    "video": ("video/mp4", "video/3gpp"),
    "document": ("application/pdf", "text/plain", "application/msword", "application/vnd."),
    "sticker": ("image/webp",),
}
DEADLINE_S: Final = 30.0  # of one file, both calls
MAX_REDIRECTS: Final = 3
META_HOSTS: Final = ("graph.facebook.com",)
META_DOMAIN: Final = ".fbsbx.com"
OK, NOT_FOUND, UNAUTHORISED, TOO_MANY, SERVER_ERROR = 200, 404, 401, 429, 500


@dataclass(frozen=True, slots=True)
class MediaFile:
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NoMedia:
    """`retry`: it may be had later. The reason is for people and says nothing personal."""

    reason: str
    retry: bool = False


Outcome = Literal["stored", "refused", "waiting"]


class _Described(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    url: str
    mime_type: str = ""
    file_size: int = 0


class GraphMedia:
    """`transport` lets a test answer in-process."""

    def __init__(
        self,
        base_url: str,
        version: str,
        access_token: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = httpx.URL(base_url)
        self._version = version
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {access_token}", "User-Agent": "switchback"},
            timeout=httpx.Timeout(10.0),
            follow_redirects=False,  # each one is checked
            transport=transport,
        )

    async def fetch(self, kind: str, media_id: str) -> MediaFile | NoMedia:
        """The file behind an id of a webhook. Never raises for what the other side did."""
        if not media_id.isascii() or not media_id.isdigit():
            return NoMedia("not a media id")
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._fetch(kind, media_id)
        except httpx.InvalidURL:
            return NoMedia("the link leads nowhere")
        except (httpx.HTTPError, TimeoutError) as error:
            return NoMedia(f"not reached: {type(error).__name__}", retry=True)

    async def close(self) -> None:
        await self._client.aclose()

    async def _fetch(self, kind: str, media_id: str) -> MediaFile | NoMedia:
        found = await self._download(kind, media_id)
        if isinstance(found, NoMedia) and found.reason == "link expired":
            return await self._download(kind, media_id)  # with a new link, once
        return found

    async def _download(self, kind: str, media_id: str) -> MediaFile | NoMedia:
        described = await self._describe(media_id)
        if isinstance(described, NoMedia):
            return described
        if refusal := _refusal(kind, described.mime_type, described.file_size):
            return refusal
        url = httpx.URL(described.url)
        for _ in range(MAX_REDIRECTS + 1):
            if not self._trusted(url):
                return NoMedia("the link leads away from Meta")
            async with self._client.stream("GET", url) as response:
                if response.has_redirect_location:
                    url = url.join(response.headers["location"])
                    continue
                return await _read(kind, described.mime_type, response)
        return NoMedia("too many redirects")

    async def _describe(self, media_id: str) -> _Described | NoMedia:
        base = str(self._base).rstrip("/")
        response = await self._client.get(f"{base}/{self._version}/{media_id}")
        if response.status_code != OK:
            return _failed(response.status_code, "unknown media")
        try:
            return _Described.model_validate_json(response.content)
        except ValidationError:
            return NoMedia("an unreadable description")

    def _trusted(self, url: httpx.URL) -> bool:
        own = (self._base.scheme, self._base.host, self._base.port)
        if (url.scheme, url.host, url.port) == own:
            return True
        meta = url.host in META_HOSTS or url.host.endswith(META_DOMAIN)
        return url.scheme == "https" and meta and url.port is None and not url.userinfo


async def _read(kind: str, mime_type: str, response: httpx.Response) -> MediaFile | NoMedia:
    """The body, cut off at the limit whatever its headers promised."""
    if response.status_code != OK:
        return _failed(response.status_code, "link expired")
    declared = response.headers.get("content-length", "")
    mime_type = mime_type or response.headers.get("content-type", "")
    if refusal := _refusal(kind, mime_type, int(declared) if declared.isdigit() else 0):
        return refusal
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > LIMITS[kind]:
            return NoMedia("too large")
    return MediaFile(mime_type, bytes(content))


def _refusal(kind: str, mime_type: str, num_bytes: int) -> NoMedia | None:
    if kind not in LIMITS or not mime_type.lower().startswith(ALLOWED[kind]):
        return NoMedia("a type that is not taken")
    return NoMedia("too large") if num_bytes > LIMITS[kind] else None


def _failed(status_code: int, gone: str) -> NoMedia:
    if status_code in {UNAUTHORISED, TOO_MANY} or status_code >= SERVER_ERROR:
        return NoMedia(f"HTTP {status_code}", retry=True)
    return NoMedia(gone if status_code == NOT_FOUND else f"HTTP {status_code}")
