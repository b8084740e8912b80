"""The rules of interactive messages: buttons, lists, links, flows, commerce."""

from collections.abc import Callable

from simulator import checks
from simulator.errors import bad_parameter
from simulator.wire import Json

_KEYS = ("type", "header", "body", "footer", "action")
_MEDIA_HEADERS = {"image", "video", "document"}


def validate(interactive: Json) -> None:
    """Raise what Graph would answer."""
    checks.only(interactive, _KEYS, "interactive")
    kind = checks.one_of(interactive, "type", "interactive.type", _RULES)
    checks.obj(interactive, "action", "interactive.action")
    _RULES[kind](interactive)


def _body(interactive: Json, most: int) -> None:
    body = checks.obj(interactive, "body", "interactive.body")
    checks.text(body, "text", "interactive.body.text", most=most)


def _footer(interactive: Json) -> None:
    if interactive.get("footer") is not None:
        footer = checks.obj(interactive, "footer", "interactive.footer")
        checks.text(footer, "text", "interactive.footer.text", most=60)


def _header(interactive: Json, *, media: bool) -> None:
    if interactive.get("header") is None:
        return
    header = checks.obj(interactive, "header", "interactive.header")
    allowed = {"text"} | (_MEDIA_HEADERS if media else set())
    kind = checks.one_of(header, "type", "interactive.header.type", allowed)
    if kind == "text":
        checks.text(header, "text", "interactive.header.text", most=60)
    else:
        item = checks.obj(header, kind, f"interactive.header.{kind}")
        if not item.get("id") and not item.get("link"):
            raise checks.missing(f"interactive.header.{kind}.id")


def _frame(interactive: Json, *, body: int, media_header: bool = True) -> Json:
    _header(interactive, media=media_header)
    _body(interactive, body)
    _footer(interactive)
    action: Json = interactive["action"]
    return action


def _named(interactive: Json, name: str, *, body: int = 1024) -> Json:
    action = _frame(interactive, body=body)
    checks.one_of(action, "name", "interactive.action.name", {name})
    return action


def _parameters(action: Json) -> Json:
    return checks.obj(action, "parameters", "interactive.action.parameters")


def _button(interactive: Json) -> None:
    action = _frame(interactive, body=1024)
    buttons = checks.objects(action, "buttons", "interactive.action.buttons", most=3)
    replies = []
    for place, button in enumerate(buttons):
        path = f"interactive.action.buttons[{place}]"
        checks.one_of(button, "type", f"{path}.type", {"reply"})
        reply = checks.obj(button, "reply", f"{path}.reply")
        title = checks.text(reply, "title", f"{path}.reply.title", most=20)
        replies.append((checks.text(reply, "id", f"{path}.reply.id", most=256), title))
    checks.unique([identifier for identifier, _ in replies], "interactive.action.buttons ids")
    checks.unique([title for _, title in replies], "interactive.action.buttons titles")


def _list(interactive: Json) -> None:
    action = _frame(interactive, body=4096, media_header=False)
    checks.text(action, "button", "interactive.action.button", most=20)
    sections = checks.objects(action, "sections", "interactive.action.sections", most=10)
    rows: list[str] = []
    for place, section in enumerate(sections):
        path = f"interactive.action.sections[{place}]"
        if len(sections) > 1 or section.get("title") is not None:
            checks.text(section, "title", f"{path}.title", most=24)
        found = checks.objects(section, "rows", f"{path}.rows", most=10)
        rows += [_row(row, f"{path}.rows") for row in found]
    if len(rows) > 10:
        raise checks.invalid("interactive.action.sections", "must have at most 10 rows in total")
    checks.unique(rows, "interactive.action.sections row ids")


def _row(row: Json, path: str) -> str:
    checks.text(row, "title", f"{path}.title", most=24)
    checks.optional_text(row, "description", f"{path}.description", most=72)
    return checks.text(row, "id", f"{path}.id", most=200)


def _cta_url(interactive: Json) -> None:
    parameters = _parameters(_named(interactive, "cta_url"))
    path = "interactive.action.parameters"
    checks.text(parameters, "display_text", f"{path}.display_text", most=20)
    url = checks.text(parameters, "url", f"{path}.url", most=2000)
    if not url.startswith(("https://", "http://")):
        raise checks.invalid(f"{path}.url", "must be a web address")


def _flow(interactive: Json) -> None:
    parameters = _parameters(_named(interactive, "flow"))
    path = "interactive.action.parameters"
    checks.one_of(parameters, "flow_message_version", f"{path}.flow_message_version", {"3"})
    checks.text(parameters, "flow_cta", f"{path}.flow_cta", most=20)
    if not parameters.get("flow_id") and not parameters.get("flow_name"):
        raise checks.missing(f"{path}.flow_id")
    if parameters.get("mode") is not None:
        checks.one_of(parameters, "mode", f"{path}.mode", {"published", "draft"})
    if parameters.get("flow_action") is not None:
        allowed = {"navigate", "data_exchange"}
        checks.one_of(parameters, "flow_action", f"{path}.flow_action", allowed)


def _product(interactive: Json) -> None:
    path = "interactive.action"
    action: Json = interactive["action"]
    checks.text(action, "catalog_id", f"{path}.catalog_id", most=256)
    checks.text(action, "product_retailer_id", f"{path}.product_retailer_id", most=256)
    if interactive.get("header") is not None:
        raise bad_parameter("Param interactive.header is not allowed for type product.")


def _product_list(interactive: Json) -> None:
    if interactive.get("header") is None:
        raise checks.missing("interactive.header")
    action = _frame(interactive, body=1024, media_header=False)
    checks.text(action, "catalog_id", "interactive.action.catalog_id", most=256)
    sections = checks.objects(action, "sections", "interactive.action.sections", most=10)
    items = 0
    for section in sections:
        path = "interactive.action.sections.product_items"
        items += len(checks.objects(section, "product_items", path, most=30))
    if items > 30:
        raise checks.invalid("interactive.action.sections", "must have at most 30 products")


def _carousel(interactive: Json) -> None:
    _body(interactive, 1024)
    checks.objects(interactive["action"], "cards", "interactive.action.cards", most=10)


_RULES: dict[str, Callable[[Json], object]] = {
    "button": _button,
    "list": _list,
    "cta_url": _cta_url,
    "location_request_message": lambda message: _named(message, "send_location"),
    "request_contact_info": lambda message: _named(message, "request_contact_info"),
    "flow": _flow,
    "product": _product,
    "product_list": _product_list,
    "catalog_message": lambda message: _named(message, "catalog_message"),
    "address_message": lambda message: _named(message, "address_message"),
    "call_permission_request": lambda message: _named(message, "call_permission_request"),
    "carousel": _carousel,
}
