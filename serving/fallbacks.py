"""What a turn goes on with when a step cannot be reached at all.

Pure and free of configuration, because they must work when everything else does not. The
sentences are the last resort: a step that runs uses the company's own words of business.yaml.
"""

from models.types import ModelId
from serving.types import (
    Citation,
    Compliance,
    ComplianceQuery,
    ContextQuery,
    CustomerContext,
    Documents,
    Draft,
    GenerationQuery,
    Language,
    Parsed,
    RetrievalQuery,
    Risk,
    RiskQuery,
    Script,
    Turn,
    Validated,
    ValidationQuery,
)

EXTRACTIVE = ModelId("extractive")
TEMPLATE = ModelId("template")

HOLDING: dict[tuple[Language, Script], str] = {
    ("en", "latn"): "Thank you for your message. A colleague will answer you here shortly.",
    ("hi", "deva"): "आपके संदेश के लिए धन्यवाद। हमारे एक साथी यहीं जल्द ही आपको जवाब देंगे।",
    ("hi", "latn"): "Aapke message ke liye dhanyavaad. Hamare ek saathi yahin jald hi jawab denge.",
    ("es", "latn"): "Gracias por su mensaje. Un compañero le responderá aquí en breve.",
    ("fr", "latn"): "Merci pour votre message. Un collègue vous répondra ici sous peu.",
}


def holding_text(language: Language, script: Script) -> str:
    return HOLDING.get((language, script), HOLDING["en", "latn"])


def parsed(turn: Turn) -> Parsed:
    # trek_info with "unsure": the documents decide what can be said.
    return Parsed(
        language=turn.language_hint or "en",
        script="latn",
        intent="trek_info",
        intent_scores={"trek_info": 1.0},
        sentiment="neutral",
        unsure=True,
    )


def context(_query: ContextQuery) -> CustomerContext:
    return CustomerContext(missing=("all",))


def documents(_query: RetrievalQuery) -> Documents:
    return Documents()


def risk(_query: RiskQuery) -> Risk:
    return Risk(25, "medium", {}, ("Use plain words, no links and no emoji.",))


def draft(query: GenerationQuery) -> Draft:
    """Quote the best passage in the customer's language, else ask for patience."""
    language = query.parsed.language
    epoch = query.documents.epoch
    for passage in query.documents.passages:
        if passage.language == language and epoch is not None:
            citation = Citation(passage.doc, passage.revision, passage.span, epoch)
            return Draft(passage.text, "fast", EXTRACTIVE, (citation,), "step unreachable")
    text = holding_text(language, query.parsed.script)
    hands_over = query.parsed.intent == "human_handoff" and query.context.may_ask_person
    return Draft(text, "fast", TEMPLATE, (), "step unreachable", hands_over=hands_over)


def validated(query: ValidationQuery) -> Validated:
    text = holding_text(query.parsed.language, query.parsed.script)
    return Validated(text, confidence=0, issues=("not checked",))


def compliance(query: ComplianceQuery) -> Compliance:
    text = holding_text(query.parsed.language, query.parsed.script)
    return Compliance(text, allowed=False, rules=("unchecked",), review=True)
