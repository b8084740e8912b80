"""Media by id: uploads of the business and attachments of customers, with links that expire."""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from simulator import ids
from simulator.errors import GraphError, unknown_object
from simulator.journal import Journal
from simulator.settings import DAY_S, Settings
from simulator.wire import Json

LINK_LIFE_S = 300.0
UPLOAD_LIFE_S = 30 * DAY_S
INBOUND_LIFE_S = 7 * DAY_S
MAX_INBOUND_BYTES = 100 * 1024 * 1024
PATH = "/whatsapp_business/attachments/"

_MB = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCUMENTS = {
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    _OFFICE + "wordprocessingml.document",
    _OFFICE + "spreadsheetml.sheet",
    _OFFICE + "presentationml.presentation",
}
_AUDIO = {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"}
LIMITS: dict[str, int] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MB),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * _MB),
    **dict.fromkeys(_AUDIO, 16 * _MB),
    **dict.fromkeys(_DOCUMENTS, 100 * _MB),
    "image/webp": 512_000,
}
_MAGIC = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8\xff",
    "application/pdf": b"%PDF",
    "audio/ogg": b"OggS",
}


@dataclass(frozen=True, slots=True)
class Media:
    """One stored file, without its bytes. `inbound`: sent by a customer."""

    id: str
    mime_type: str
    sha256: str  # base64, as in webhooks
    num_bytes: int
    filename: str | None
    inbound: bool
    created_at: float


class MediaStore:
    """Keeps files within a total size; the oldest goes first."""

    def __init__(self, settings: Settings, journal: Journal, clock: Callable[[], float]) -> None:
        self._settings, self._journal, self._clock = settings, journal, clock
        self._items: OrderedDict[str, tuple[Media, bytes]] = OrderedDict()
        self._total = 0
        self._key = secrets.token_bytes(16)

    def add(
        self, data: bytes, mime_type: str, *, filename: str | None = None, inbound: bool
    ) -> Media:
        """Store a file."""
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        media = Media(
            ids.media_id(), mime_type, digest, len(data), filename, inbound, self._clock()
        )
        self._keep(media, data)
        self._journal.save("media", media.id, asdict(media), data=data)
        return media

    def _keep(self, media: Media, data: bytes) -> None:
        self._items[media.id] = media, data
        self._total += len(data)
        while self._total > self._settings.bounds.media_bytes and len(self._items) > 1:
            self.drop(next(iter(self._items)))

    def upload(self, data: bytes, mime_type: str, filename: str | None) -> Media:
        """Store what the business uploads; GraphError if Meta would refuse it."""
        base = mime_type.partition(";")[0].strip().lower()
        if base not in LIMITS:
            raise GraphError(100, f"Param file must be of a supported type, not {mime_type!r}.")
        if len(data) > LIMITS[base]:
            raise GraphError(131053, f"{base} may have {LIMITS[base]} bytes, not {len(data)}.")
        magic = _MAGIC.get(base)
        if not data or (magic is not None and not data.startswith(magic)):
            raise GraphError(131053, f"The file is not {base}.")
        return self.add(data, mime_type, filename=filename, inbound=False)

    def find(self, media_id: str) -> Media | None:
        """By id, unless it is too old."""
        item = self._items.get(media_id)
        if item is None:
            return None
        life_s = INBOUND_LIFE_S if item[0].inbound else UPLOAD_LIFE_S
        return item[0] if self._clock() < item[0].created_at + life_s else None

    def data(self, media_id: str) -> bytes:
        """The bytes of a stored file."""
        return self._items[media_id][1]

    def drop(self, media_id: str) -> bool:
        """Delete; False if there was none."""
        item = self._items.pop(media_id, None)
        if item is None:
            return False
        self._total -= len(item[1])
        self._journal.forget("media", media_id)
        return True

    # Links -----------------------------------------------------------------------------------

    def link(self, media: Media) -> str:
        """An address good for five minutes."""
        expires = int(self._clock() + LINK_LIFE_S)
        base = self._settings.public_url.rstrip("/")
        return f"{base}{PATH}?mid={media.id}&ext={expires}&hash={self._hash(media.id, expires)}"

    def _hash(self, media_id: str, expires: int) -> str:
        text = f"{media_id}.{expires}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:24]

    def open_link(self, media_id: str, expires: str, digest: str) -> Media | None:
        """The file behind an address; None if the address is wrong or too old."""
        if not expires.isascii() or not expires.isdigit() or int(expires) <= self._clock():
            return None
        good = hmac.compare_digest(digest.encode(), self._hash(media_id, int(expires)).encode())
        return self.find(media_id) if good else None

    def describe(self, media_id: str) -> Json:
        """What `GET /{version}/{media_id}` answers."""
        media = self.find(media_id)
        if media is None:
            raise unknown_object(media_id, "get")
        return {
            "messaging_product": "whatsapp",
            "url": self.link(media),
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": str(media.num_bytes),
            "id": media.id,
        }

    # Keeping ---------------------------------------------------------------------------------

    def load(self) -> None:
        """Bring back what the journal has."""
        for body, data in self._journal.load("media"):
            self._keep(Media(**body), data or b"")

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._total = 0
