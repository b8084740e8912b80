"""Approved message templates. While none are registered, any name is accepted."""

import re

from pydantic import BaseModel, ConfigDict, Field

from simulator.errors import GraphError
from simulator.wire import Json

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Template(BaseModel):
    """One approved text in one language, with `{{1}}` or `{{name}}` placeholders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    language: str = "en_US"
    category: str = "utility"
    body: str = ""
    buttons: list[str] = Field(default_factory=list)
    status: str = "APPROVED"


_STATUS_CODES = {"PAUSED": 132015, "DISABLED": 132016}


class TemplateBook:
    """Looks up, checks and fills templates."""

    def __init__(self, templates: list[Template] | None = None) -> None:
        self._templates: dict[tuple[str, str], Template] = {}
        self.replace(templates or [])

    def replace(self, templates: list[Template]) -> None:
        """Put other templates in force."""
        self._templates = {(t.name, _language(t.language)): t for t in templates}

    def all(self) -> list[Template]:
        """What is registered."""
        return list(self._templates.values())

    def check(self, content: Json) -> Template:
        """The template that a send asks for; GraphError if it cannot be used."""
        name, language = content["name"], content["language"]["code"]
        if not self._templates:
            return Template(name=name, language=language)
        template = self._templates.get((name, _language(language)))
        if template is None:
            raise GraphError(132001, f"Template name ({name}) does not exist in {language}.")
        if template.status != "APPROVED":
            raise GraphError(_STATUS_CODES.get(template.status, 132001))
        expected = len(set(_PLACEHOLDER.findall(template.body)))
        given = len(_values(content))
        if expected != given:
            raise GraphError(
                132000, f"body: number of parameters ({given}) does not match ({expected})."
            )
        return template

    @staticmethod
    def fill(template: Template, content: Json) -> str:
        """The text that the user sees."""
        values = _values(content)
        if not template.body:
            return " ".join([f"[{template.name}]", *values.values()])
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template.body)


def _language(code: str) -> str:
    return code.replace("-", "_").lower()


def _values(content: Json) -> dict[str, str]:
    """Body parameters by placeholder: their name, or their position from 1."""
    values: dict[str, str] = {}
    for component in content.get("components") or ():
        if component.get("type") != "body":
            continue
        for place, parameter in enumerate(component.get("parameters") or (), start=1):
            key = str(parameter.get("parameter_name") or place)
            values[key] = str(parameter.get("text") or f"[{parameter['type']}]")
    return values
