"""Step 8: the messaging policy and the law, rule by rule, over the message and the reply.

Rules are data (serving/policy.yaml). What the customer wrote may replace the reply; what the reply
says may be masked, cut or replaced; notices come last. Every rule that fired is named.
"""

from dataclasses import dataclass, field

from serving.business import Business, Variant
from serving.policy import Policy, Rule, Span, sentence_at, spans
from serving.replies import MAX_BUTTONS, variant_for
from serving.sentences import sentences
from serving.step import Step
from serving.types import Compliance, ComplianceQuery

MASK = "•••"
PERSON = "human"  # as understanding/data/control.yaml lists it


@dataclass(slots=True)
class Verdict:
    """The reply as it goes through the rules."""

    text: str
    replaced: bool = False
    review: bool = False
    fired: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


class CheckCompliance(Step[ComplianceQuery, Compliance]):
    name = "check_compliance"

    def __init__(self, business: Business, policy: Policy) -> None:
        self._business = business
        self._policy = policy

    async def one(self, item: ComplianceQuery) -> Compliance:
        verdict, variant = Verdict(item.validated.text), variant_for(item.parsed)
        for rule in self._policy.rules:
            text = item.turn.text if rule.reads == "message" else verdict.text
            found = spans(rule, text, item, self._business)
            if found:
                self._apply(rule, found, verdict, variant)
        choices = () if verdict.replaced else item.validated.choices
        return Compliance(
            text=verdict.text,
            buttons=choices or offered(self._business, verdict.text, variant),
            list_label=self._business.say("choose", variant) if len(choices) > MAX_BUTTONS else "",
            allowed=not verdict.replaced,
            rules=tuple(verdict.fired),
            review=verdict.review,
            degraded=tuple(f"compliance:{rule}" for rule in verdict.changed),
            reasons=tuple(map(self._policy.why, verdict.fired)),
            policy=self._policy.version,
        )

    def _apply(self, rule: Rule, found: list[Span], verdict: Verdict, variant: Variant) -> None:
        verdict.fired.append(rule.id)
        verdict.review = verdict.review or rule.review
        match rule.action:
            case "flag":
                return
            case "append":
                verdict.text = f"{verdict.text}\n\n{self._words(rule, variant)}"
                return
            case "mask":
                verdict.text = masked(verdict.text, found)
            case "drop":
                verdict.text = without_sentences(verdict.text, found)
                if not verdict.text:
                    self._replace(verdict, self._business.say("cannot_answer", variant))
            case "replace":
                if not verdict.replaced:  # the first reason to replace decides what is said
                    self._replace(verdict, self._words(rule, variant))
        verdict.changed.append(rule.id)

    def _replace(self, verdict: Verdict, text: str) -> None:
        verdict.text, verdict.replaced = text, True

    def _words(self, rule: Rule, variant: Variant) -> str:
        match rule.text:
            case "privacy_notice":
                return self._business.privacy_notice(variant)
            case "opt_out_footer":
                return self._business.opt_out.footer.get(variant)
            case "":
                return self._business.say(rule.template, variant)


def offered(business: Business, text: str, variant: Variant) -> tuple[tuple[str, str], ...]:
    """A button under whatever asks whether a person shall answer: a tap is the command itself."""
    offer = sentences(business.say("cannot_answer", variant))[-1]
    return ((PERSON, business.say("talk_to_person", variant)),) if offer in text else ()


def masked(text: str, found: list[Span]) -> str:
    for start, end in _merged(found)[::-1]:
        text = text[:start] + MASK + text[end:]
    return text


def without_sentences(text: str, found: list[Span]) -> str:
    for start, end in _merged([sentence_at(text, span) for span in found])[::-1]:
        text = text[:start].rstrip() + text[end:]
    return text.strip()


def _merged(found: list[Span]) -> list[Span]:
    """Overlapping spans joined, in order."""
    merged: list[Span] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
