"""What a message looks like in words, and what can be tapped on it."""

from typing import Any

from simulator.state import ChatMessage
from simulator.wire import Json


def text_of(kind: str, content: Any) -> str:
    """The words of a message: its body, its caption, or the title that was tapped."""
    if not isinstance(content, dict):
        return _of_contacts(content) if kind == "contacts" else ""
    if kind == "text":
        return str(content.get("body") or "")
    if kind == "interactive":
        return _of_interactive(content)
    if kind == "location":
        return str(content.get("name") or content.get("address") or "")
    if kind == "contacts":
        return _of_contacts(content.get("contacts"))
    keys = ("caption", "emoji", "text", "body", "filename")
    return next((str(content[key]) for key in keys if content.get(key)), "")


def _of_interactive(content: Json) -> str:
    reply = content.get(str(content.get("type")))
    if isinstance(reply, dict):
        return str(reply.get("title") or reply.get("body") or "")
    body = content.get("body")
    return str(body.get("text") or "") if isinstance(body, dict) else ""


def _of_contacts(contacts: Any) -> str:
    names = []
    for contact in contacts if isinstance(contacts, list) else ():
        name = contact.get("name") if isinstance(contact, dict) else None
        if isinstance(name, dict) and name.get("formatted_name"):
            names.append(str(name["formatted_name"]))
    return ", ".join(names)


def taps(message: ChatMessage) -> list[Json]:
    """Buttons, list rows and quick replies that a message of the business offers."""
    if message.direction != "out":
        return []
    if message.type == "template":
        replies = message.content.get("quick_replies") or []
        return [{"kind": "quick_reply", "id": r["payload"], "title": r["text"]} for r in replies]
    if message.type != "interactive":
        return []
    action = message.content.get("action") or {}
    found = [{"kind": "button", **b["reply"]} for b in action.get("buttons") or ()]
    for section in action.get("sections") or ():
        found += [{"kind": "list", **row} for row in section.get("rows") or ()]
    return found
