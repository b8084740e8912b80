"""Fetching attachments: limits hold, and the token goes to Meta and nowhere else."""

from collections.abc import Callable

import httpx
import pytest

from serving.media import LIMITS, GraphMedia, MediaFile, NoMedia

pytestmark = pytest.mark.anyio
GRAPH = "https://graph.facebook.com"
LINK = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"
PNG = b"\x89PNG rest"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Meta:
    """Describes one file and hands it out; writes down who was shown the token."""

    def __init__(
        self,
        link: str = LINK,
        mime_type: str = "image/png",
        size: int = len(PNG),
        give: Callable[[httpx.Request], httpx.Response] | None = None,
    ) -> None:
        self.described = {"url": link, "mime_type": mime_type, "file_size": str(size)}
        self.give = give or (lambda _request: httpx.Response(200, content=PNG))
        self.saw_token: list[str] = []
        self.describes = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if "authorization" in request.headers:
            self.saw_token.append(request.url.host)
        if request.url.path == "/v26.0/123":
            self.describes += 1
            return httpx.Response(200, json=self.described)
        return self.give(request)

    async def fetch(self, kind: str = "image", base_url: str = GRAPH) -> MediaFile | NoMedia:
        media = GraphMedia(base_url, "v26.0", "token", httpx.MockTransport(self))
        try:
            return await media.fetch(kind, "123")
        finally:
            await media.close()


async def test_a_file_is_fetched_with_its_type() -> None:
    """Both calls carry the token: one to Graph, one to Meta's file host."""
    meta = Meta()
    assert await meta.fetch() == MediaFile("image/png", PNG)
    assert meta.saw_token == ["graph.facebook.com", "lookaside.fbsbx.com"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "http://lookaside.fbsbx.com/x",  # not over TLS
        "https://fbsbx.com.evil.example/x",
        "https://evilfbsbx.com/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://user:pass@lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8265/api/jobs",
        "file:///etc/passwd",
    ],
)
async def test_the_token_is_not_shown_to_strangers(link: str) -> None:
    """Whatever the description says, and whatever a redirect says."""
    direct = Meta(link=link)
    assert await direct.fetch() == NoMedia("the link leads away from Meta")
    assert direct.saw_token == ["graph.facebook.com"]
    redirecting = Meta(give=lambda _request: httpx.Response(302, headers={"location": link}))
    assert isinstance(await redirecting.fetch(), NoMedia)
    assert redirecting.saw_token == ["graph.facebook.com", "lookaside.fbsbx.com"]


@pytest.mark.parametrize("link", ["", "https://[", "https://lookaside.fbsbx.com:x/", "\0"])
async def test_a_link_that_is_none_raises_nothing(link: str) -> None:
    """It is refused like any other stranger."""
    assert isinstance(await Meta(link=link).fetch(), NoMedia)


async def test_redirects_within_meta_are_followed_but_not_for_ever() -> None:
    """Three are enough."""
    answers = [httpx.Response(302, headers={"location": "/elsewhere"})]

    def give(_request: httpx.Request) -> httpx.Response:
        return answers.pop() if answers else httpx.Response(200, content=PNG)

    assert isinstance(await Meta(give=give).fetch(), MediaFile)
    turning = Meta(give=lambda _request: httpx.Response(302, headers={"location": LINK}))
    assert await turning.fetch() == NoMedia("too many redirects")


async def test_the_configured_graph_may_hand_out_its_own_files() -> None:
    """The simulator does, on an address of this machine; another port is a stranger."""
    base = "http://127.0.0.1:8080"
    assert isinstance(await Meta(link=f"{base}/file").fetch(base_url=base), MediaFile)
    assert isinstance(await Meta(link="http://127.0.0.1:9/file").fetch(base_url=base), NoMedia)


@pytest.mark.parametrize(
    ("kind", "mime_type", "size", "reason"),
    [
        ("image", "image/png", LIMITS["image"] + 1, "too large"),
        ("image", "image/svg+xml", 10, "a type that is not taken"),
        ("document", "application/x-msdownload", 10, "a type that is not taken"),
        ("contacts", "text/plain", 10, "a type that is not taken"),
    ],
)
async def test_what_is_too_large_or_of_a_strange_type_is_not_even_asked_for(
    kind: str, mime_type: str, size: int, reason: str
) -> None:
    """The description is enough."""
    meta = Meta(mime_type=mime_type, size=size)
    assert await meta.fetch(kind) == NoMedia(reason)
    assert meta.saw_token == ["graph.facebook.com"]


async def test_a_file_that_grows_beyond_the_limit_is_cut_off() -> None:
    """Neither a description nor a header is believed."""

    async def endless() -> object:
        while True:
            yield b"x" * 65536

    give = lambda _request: httpx.Response(200, content=endless())  # noqa: E731  # one use
    assert await Meta(size=10, give=give).fetch() == NoMedia("too large")


async def test_an_expired_link_is_asked_for_anew_once() -> None:
    """Links live for five minutes."""
    answers = [httpx.Response(404)]

    def give(_request: httpx.Request) -> httpx.Response:
        return answers.pop() if answers else httpx.Response(200, content=PNG)

    meta = Meta(give=give)
    assert isinstance(await meta.fetch(), MediaFile)
    assert meta.describes == 2
    gone = Meta(give=lambda _request: httpx.Response(404))
    assert await gone.fetch() == NoMedia("link expired")
    assert gone.describes == 2


@pytest.mark.parametrize("status_code", [401, 429, 500, 503])
async def test_what_may_pass_is_tried_again_later(status_code: int) -> None:
    """A token is renewed, an outage ends."""
    found = await Meta(give=lambda _request: httpx.Response(status_code)).fetch()
    assert isinstance(found, NoMedia)
    assert found.retry
