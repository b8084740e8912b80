"""Media by id with links that expire; the page and its stream of events."""

import asyncio
import re
from pathlib import Path

import pytest

import simulator
from simulator import samples
from simulator.events import EventHub
from tests.contract.simulator.rig import DANA, NUMBER, Rig, Until

AUTH = {"Authorization": "Bearer test-token"}
STATIC = Path(simulator.__file__).parent / "static"


def test_upload_describe_download_send_delete(rig: Rig) -> None:
    """The life of an uploaded picture."""
    data = samples.png(8, 8)
    media = rig.upload(data, "image/png").json()["id"]
    found = rig.client.get(f"/v26.0/{media}", headers=AUTH).json()
    assert (found["mime_type"], found["file_size"]) == ("image/png", str(len(data)))
    assert rig.client.get(found["url"], headers=AUTH).content == data
    rig.says(text="hi")
    image = {"type": "image", "image": {"id": media, "caption": "Map"}}
    assert rig.send({"to": f"+{DANA}"} | image).status_code == 200
    assert rig.client.delete(f"/v26.0/{media}", headers=AUTH).json() == {"success": True}
    gone = rig.client.get(f"/v26.0/{media}", headers=AUTH)
    assert (gone.status_code, gone.json()["error"]["error_subcode"]) == (400, 33)
    assert rig.client.get(found["url"], headers=AUTH).status_code == 404


def test_link_needs_the_token_and_lives_five_minutes(rig: Rig, until: Until) -> None:
    """401 without the token; 404 after five minutes; a new link from the id."""
    rig.says(type="image")
    image = until(rig.webhook.messages)[0]["image"]
    assert rig.client.get(image["url"]).status_code == 401
    assert rig.client.get(image["url"], headers=AUTH).status_code == 200
    assert rig.client.get(image["url"] + "0", headers=AUTH).status_code == 404
    rig.clock.offset_s += 301
    assert rig.client.get(image["url"], headers=AUTH).status_code == 404
    fresh = rig.client.get(f"/v26.0/{image['id']}", headers=AUTH).json()["url"]
    assert rig.client.get(fresh, headers=AUTH).status_code == 200
    rig.clock.offset_s += 7 * 86_400
    assert rig.client.get(f"/v26.0/{image['id']}", headers=AUTH).status_code == 400


@pytest.mark.parametrize(
    ("data", "mime_type", "code"),
    [
        (b"\x89PNG" + bytes(5 * 1024 * 1024), "image/png", 131053),
        (b"not a picture", "image/png", 131053),
        (b"", "text/plain", 131053),
        (b"x", "application/x-sh", 100),
    ],
)
def test_bad_uploads(rig: Rig, data: bytes, mime_type: str, code: int) -> None:
    """Too large, not what it says, empty, or of an unsupported type."""
    answer = rig.upload(data, mime_type)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_upload_needs_its_fields(rig: Rig) -> None:
    """Without a file or the product, code 100."""
    for form in ({"messaging_product": "whatsapp"}, {"type": "image/png"}):
        answer = rig.client.post(f"/v26.0/{NUMBER}/media", data=form, headers=AUTH)
        assert answer.json()["error"]["code"] == 100


def test_page_and_everything_it_names_is_served(rig: Rig) -> None:
    """The page, its styles and scripts come from here, and from nowhere else."""
    page = rig.client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        assert path.startswith("/static/")
        assert rig.client.get(path).status_code == 200
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([\w.]+)"', script.read_text()):
            assert (STATIC / name).exists()


def test_scripts_never_turn_text_into_markup() -> None:
    """No script uses a way by which a customer's text could become elements."""
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    for script in STATIC.glob("*.js"):
        assert not ways.search(script.read_text()), script.name


def test_customer_files_cannot_act_as_pages(rig: Rig) -> None:
    """A file is served sandboxed and never sniffed."""
    rig.says(type="document", mime_type="text/html", filename="x.html")
    media = rig.chat()[0]["content"]["id"]
    headers = rig.client.get(f"/sim/media/{media}").headers
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"


def test_event_stream_tells_what_happens() -> None:
    """Listeners get every event; one that lags is told to start over."""

    async def listen() -> list[str]:
        hub = EventHub()
        stream = hub.stream()
        frames = [await anext(stream)]
        hub.publish("message", {"text": "हाय"})
        frames.append(await anext(stream))
        for number in range(1001):
            hub.publish("status", {"n": number})
        frames.append(await anext(stream))
        hub.close()
        frames += [frame async for frame in stream]
        return frames

    frames = asyncio.run(listen())
    assert "event: hello" in frames[0]
    assert frames[1] == 'event: message\ndata: {"text": "हाय"}\n\n'
    assert frames[2].startswith("event: resync")
    assert len(frames) == 4
