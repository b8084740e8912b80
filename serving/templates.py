"""Message templates: what may be said when the 24-hour window is shut. Knows no store.

Which of them exist is in business.yaml; which of those Meta has stopped is told from outside.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from serving.business import MessageTemplate, Variant
from serving.types import Reply, TemplateRef

TemplatePurpose = Literal["resume"]  # we have an answer; the customer's tap opens the window


@dataclass(frozen=True, slots=True)
class TemplateBook:
    templates: Mapping[str, MessageTemplate]
    default: Variant

    def choose(
        self, purpose: TemplatePurpose, variant: Variant, stopped: Collection[TemplateRef]
    ) -> Reply | None:
        """The approved one in the customer's language, else in the default one, else none."""
        template = self.templates.get(purpose)
        if template is None:
            return None
        for wanted in (variant, self.default):
            for approval in template.approved:
                ref = TemplateRef(approval.name, approval.language)
                if approval.variant == wanted and ref not in stopped:
                    return _reply(template, wanted, ref)
        return None


def _reply(template: MessageTemplate, variant: Variant, ref: TemplateRef) -> Reply:
    buttons = tuple((button.payload, button.title.get(variant)) for button in template.buttons)
    return Reply(template.text.get(variant), buttons, template=ref)
