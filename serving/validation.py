"""What can be wrong with a draft: one pure review, each finding with its weight.

It compares the reply with the question, the passages and the company's own words. It changes
nothing; the step that calls it decides what replaces a weak draft.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from serving.business import Business, Variant
from serving.extract import PRICE_ASKED, Pick, Question, topics
from serving.facts import MONEY, Fact, facts_of
from serving.grounding import Grounding, check
from serving.sentences import content_words, devanagari_share, subject_stems, words
from serving.sources import IN_CUSTOMERS_VOICE, Segment, Source, segments_of

WEAK_BELOW = 60  # soundness under which a draft is replaced
UNSUPPORTED = 60  # one such finding alone makes a draft weak
MISSING = 45  # so is an answer that leaves out what was asked for
MIN_SUPPORTED_WORDS = 0.6  # of a sentence, before its wording counts against it
# Of a sentence's neighbouring words, those that follow each other in a clause of one page too:
# whoever takes true words and puts them together anew says something new. The smallest model does.
MIN_IN_ORDER = 0.84
MIN_REPLY_CHARS = 2
MAX_ECHOED = (
    3  # words of a sentence that only the customer wrote: whoever repeats them may obey them
)

META_TALK = re.compile(
    r"\b(?:as an? (?:ai|chatbot|language model|virtual assistant)|"
    r"i'?m (?:just )?an? (?:ai|chatbot)|(?:i'?m|i am) (?:sorry|designed|not equipped|unable)|"
    r"customer(?:'s)? message|(?:the|these|your|numbered) sources?\b(?! of)|"
    r"i do not know|i don'?t know)|</?\w+>|<\|",
    re.IGNORECASE,
)
RUDE = re.compile(
    r"\b(?:stupid|idiot|shut up|dumb|nonsense|estúpido|idiota|imbécile|stupide|bewakoof|pagal)\b"
    r"|बेवकूफ|मूर्ख",
    re.IGNORECASE,
)
NEGATION = re.compile(
    r"\b(?:no|not|never|cannot|without|nunca|jamais|sin|pas|ne|aucun\w*|ning\w+|nahi|nahin)\b|n['’]t\b|नहीं",
    re.IGNORECASE,
)
# A yes or no of the model's own is the easiest thing to get wrong and the hardest to trace.
VERDICT = re.compile(
    r"(?:yes|no|sure|of course|sí|oui|non|haan|nahi|हाँ|जी हाँ|नहीं)\b", re.IGNORECASE
)
WE = re.compile(r"\bwe\b", re.IGNORECASE)
YOU = re.compile(r"\byou\b", re.IGNORECASE)
MARKERS: dict[Variant, frozenset[str]] = {
    "en": frozenset({"the", "is", "are", "and", "of", "for", "you", "your", "in", "with", "to"}),
    "es": frozenset({"el", "los", "las", "es", "son", "y", "para", "con", "por", "una", "del"}),
    "fr": frozenset({"le", "les", "est", "sont", "et", "pour", "avec", "vous", "une", "des", "du"}),
    "hi_latn": frozenset({"hai", "hain", "ka", "ke", "ki", "aap", "mein", "aur", "ko", "se"}),
}
# Capitalised within a sentence without being a name.
NOT_NAMES = frozenset(
    {"i", "inr", "usd", "gst", "upi", "am", "pm", "ok", "yes", "no", "namaste", "stop", "start"}
)


@dataclass(frozen=True, slots=True)
class Finding:
    issue: str
    penalty: int


@dataclass(frozen=True, slots=True)
class Review:
    findings: tuple[Finding, ...]
    grounding: Grounding

    @property
    def soundness(self) -> int:
        """0 to 100: how the draft tells what its pages say."""
        return max(0, 100 - sum(finding.penalty for finding in self.findings))

    @property
    def issues(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.issue for finding in self.findings))

    @property
    def only_missing(self) -> bool:
        return all(finding.issue.startswith("missing_") for finding in self.findings)


def review(
    text: str,
    question: Question,
    sources: Sequence[Source],
    variant: Variant,
    business: Business,
    *,
    written_by_model: bool,
    verbatim: bool = True,
) -> Review:
    """`sources` may hold our own words too; those have no passage number.

    `verbatim`: a model of this size may shorten and join, not rephrase.
    """
    said = segments_of(text, question.asked.treks_known)
    grounding = check(said, sources, question.asked)
    findings = [*_grounded(grounding), *_required(text, said, question, sources)]
    findings += _manners(text, business)
    if written_by_model:
        findings += _loops(text, said)
        findings += _language(text, variant)
        findings += _wording(text, said, question, sources, verbatim=verbatim)
        findings += _stray_treks(said, question)
    return Review(tuple(findings), grounding)


def _stray_treks(said: Sequence[Segment], question: Question) -> list[Finding]:
    """A small model that brings up treks nobody asked about gives one the figures of another."""
    asked = question.asked.treks
    stray = asked and any(one.treks - asked for one in said)
    return [Finding("stray_trek", UNSUPPORTED)] if stray else []


def _grounded(grounding: Grounding) -> list[Finding]:
    found = [Finding(f"unsupported_{_kind(fact)}", UNSUPPORTED) for fact in grounding.unsupported]
    return found + [Finding("unsupported_name", UNSUPPORTED) for _ in grounding.unknown_treks]


def _kind(fact: Fact) -> str:
    if fact.unit in MONEY:
        return "price"
    if fact.unit in ("m", "ft"):
        return "altitude"
    return "date" if fact.kind == "month" else fact.kind


def _required(
    text: str, said: Sequence[Segment], question: Question, sources: Sequence[Source]
) -> list[Finding]:
    """What the intent or the question asks for must be said when the sources hold it."""
    known = [one for source in sources for one in _on_subject(source, question)]
    wanted = _wanted(question)
    found: list[Finding] = []
    held = _kinds(fact for one in known for fact in one.facts)
    told = _kinds(fact for one in said for fact in one.facts)
    if held & set(wanted) and not told & set(wanted):
        found.append(Finding(f"missing_{wanted[0]}", MISSING))
    for topic in topics():
        asked = topic.required and topic.asked.search(question.text)
        if (
            asked
            and not topic.said.search(text)
            and any(topic.said.search(one.text) for one in known)
        ):
            found.append(Finding(f"missing_{topic.name}", MISSING))
    return found


def missing_sentences(issues: Sequence[str], picks: Sequence[Pick]) -> list[Pick]:
    """The best sentence for each thing that was found missing; fewer when there is none."""
    needed = [issue.removeprefix("missing_") for issue in issues if issue.startswith("missing_")]
    found = (next((pick for pick in picks if _brings(pick, need)), None) for need in needed)
    return list(dict.fromkeys(pick for pick in found if pick))


def _brings(pick: Pick, need: str) -> bool:
    for topic in topics():
        if topic.name == need:
            return topic.said.search(pick.text) is not None
    return need in _kinds(fact for fact in facts_of(pick.text) if fact.role is None)


def _wanted(question: Question) -> tuple[str, ...]:
    match question.intent:
        case "pricing":
            return ("money",) if PRICE_ASKED.search(question.text) else ()
        case "availability":
            return ("date", "month")
        case "cancellation_refund":
            return ("number",)
        case "trek_info" | "booking" | "support" | "human_handoff" | "smalltalk":
            return ()


def _on_subject(source: Source, question: Question) -> list[Segment]:
    """The sentences of a passage that may speak of the trek asked about."""
    if source.passage is None:
        return []
    asked = question.asked.treks
    return [
        one
        for one in source.segments
        if not asked or not (about := source.about(one)) or about & asked
    ]


def _kinds(facts: Iterable[Fact]) -> set[str]:
    return {"money" if fact.unit in MONEY else fact.kind for fact in facts}


def _manners(text: str, business: Business) -> list[Finding]:
    found: list[Finding] = []
    if len(text.strip()) < MIN_REPLY_CHARS:
        found.append(Finding("empty", 100))
    if len(text) > business.tone.max_reply_chars * 1.2:
        found.append(Finding("too_long", 30))
    if META_TALK.search(text):
        found.append(Finding("meta_talk", UNSUPPORTED))
    if RUDE.search(text):
        found.append(Finding("rude", UNSUPPORTED))
    return found


def _loops(text: str, said: Sequence[Segment]) -> list[Finding]:
    """A sentence said twice, or four words in a row said three times: a model in a loop."""
    whole = Counter(one.text.casefold() for one in said)
    spoken = words(text)
    runs = Counter(tuple(spoken[place : place + 4]) for place in range(len(spoken) - 3))
    looping = max(whole.values(), default=0) > 1 or max(runs.values(), default=0) > 2  # noqa: PLR2004
    return [Finding("repetition", 45)] if looping else []


def _language(text: str, variant: Variant) -> list[Finding]:
    deva = devanagari_share(text)
    if variant == "hi":
        return [] if deva > 0.5 else [Finding("wrong_language", UNSUPPORTED)]  # noqa: PLR2004
    spoken = Counter(words(text))
    scores = {one: sum(spoken[word] for word in marks) for one, marks in MARKERS.items()}
    best = max(scores, key=lambda one: scores[one])
    # One or two marker words are shared between languages by chance.
    clear = scores[best] >= 3 and scores[best] > 2 * scores[variant]  # noqa: PLR2004
    if deva > 0.2 or (best != variant and clear):  # noqa: PLR2004
        return [Finding("wrong_language", UNSUPPORTED)]
    return []


def _wording(
    text: str,
    said: Sequence[Segment],
    question: Question,
    sources: Sequence[Source],
    *,
    verbatim: bool,
) -> list[Finding]:
    """A model may rephrase; it may not bring words, names or a yes of its own."""
    passages = [source for source in sources if source.passage is not None]
    read = _vocabulary(passages)
    ours = _vocabulary(source for source in sources if source.passage is None)
    asked = content_words(question.text)
    own = [one for one in said if not one.words <= ours]
    spoken = frozenset(word for one in own for word in one.words)
    known = read | asked | ours
    if verbatim:
        orders = [_neighbours(source) for source in passages]
        found = [
            Finding("unsupported_wording", UNSUPPORTED)
            for one in own
            if _in_order(one, orders) < MIN_IN_ORDER
        ]
    else:
        found = [Finding("unsupported_wording", 25) for one in own if _strange(one, known)]
    if any(IN_CUSTOMERS_VOICE.search(one.text) for one in own):
        found.append(Finding("speaks_as_customer", UNSUPPORTED))
    if any(_other_agent(one, passages) for one in own):
        found.append(Finding("other_agent", UNSUPPORTED))
    if not (spoken & read) - asked:
        found.append(Finding("adds_nothing", UNSUPPORTED))
    if any(len((one.words & asked) - read - ours) >= MAX_ECHOED for one in own):
        found.append(Finding("echo", UNSUPPORTED))
    if any(_denies(one, passages) for one in own):
        found.append(Finding("unsupported_denial", UNSUPPORTED))
    if VERDICT.match(text.strip()):
        found.append(Finding("verdict", MISSING))
    if any(name not in known for one in own for name in _names(one.text)):
        found.append(Finding("unsupported_name", UNSUPPORTED))
    return found


def _denies(said: Segment, passages: Sequence[Source]) -> bool:
    """It says "not" where the sentence of the sources that it is closest to does not."""
    if not NEGATION.search(said.text):
        return False
    closest = _closest(said, passages)
    return closest is None or NEGATION.search(closest.text) is None


def _strange(said: Segment, known: frozenset[str]) -> bool:
    words = said.words
    return bool(words) and len(words & known) / len(words) < MIN_SUPPORTED_WORDS


def _neighbours(source: Source) -> frozenset[tuple[str, str]]:
    """Words of a page in the order of one clause: a list may be shortened, not shuffled."""
    return frozenset().union(*(_pairs(one.text) for one in source.segments))


@lru_cache(maxsize=8192)  # sentences: the same pages are found over and over
def _pairs(sentence: str) -> frozenset[tuple[str, str]]:
    stems = (subject_stems(clause) for clause in sentence.split(";"))
    return frozenset(pair for said in stems for pair in combinations(said, 2))


def _in_order(said: Segment, orders: Sequence[frozenset[tuple[str, str]]]) -> float:
    """Share of its neighbouring words that the page it is closest to has in that order."""
    stems = subject_stems(said.text)
    pairs = list(pairwise(stems))
    if not pairs:
        return 1.0
    return max((sum(pair in known for pair in pairs) for known in orders), default=0) / len(pairs)


def _other_agent(said: Segment, passages: Sequence[Source]) -> bool:
    """It says what "you" do where the sentence that it is closest to says what "we" do."""
    closest = _closest(said, passages)
    if closest is None or WE.search(said.text) or not WE.search(closest.text):
        return False
    return len(YOU.findall(said.text)) > len(YOU.findall(closest.text))


def _closest(said: Segment, passages: Sequence[Source]) -> Segment | None:
    written = (one for source in passages for one in source.segments)
    return max(written, key=lambda one: len(said.words & one.words), default=None)


def _names(sentence: str) -> list[str]:
    """Stems of capitalised words that do not open the sentence."""
    inner = re.findall(r"(?<=[\w,;:()] )[A-ZÀ-Ý][\w'’-]+", sentence)
    return [
        stem for word in inner if word.casefold() not in NOT_NAMES for stem in content_words(word)
    ]


def _vocabulary(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset().union(*(source.words for source in sources))
