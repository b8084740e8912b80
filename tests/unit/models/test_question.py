"""Questions in five variants, made ready for pages in any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.concepts import variant_of
from models.lexical import words
from models.manifest import Trek
from models.question import QuestionReader

TREKS = (
    Trek("Hampta Pass", ("हम्पटा पास",)),
    Trek("Everest Base Camp", ("EBC", "Campo Base del Everest")),
    Trek("Annapurna Base Camp", ("ABC",)),
    Trek("Kedarkantha"),
    Trek("Valley of Flowers", ("phoolon ki ghati", "Vallée des Fleurs")),
    Trek("Pin Bhaba Pass"),
    Trek("Pin Parvati Pass"),
)
READER = QuestionReader(TREKS)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("How much is it in September?", "en"),
        ("¿cuánto cuesta en septiembre?", "es"),
        ("combien ça coûte en septembre ?", "fr"),
        ("सितंबर में कितने का है", "hi"),
        ("september me kitne ka hai", "latn"),
        ("Kedarkantha", "en"),
        ("👍", "en"),
    ],
)
def test_the_variant_is_told_by_function_words(text: str, variant: str) -> None:
    """Romanised Hindi is a variant of its own."""
    assert variant_of(words(text)) == variant


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("paise wapas kab milenge", "refund"),
        ("मेरा पैसा कब वापस आएगा", "refund"),
        ("¿me devuelven el dinero?", "refund"),
        ("vous remboursez si je tombe malade ?", "refund"),
        ("kitni thand hoti hai raat ko", "cold"),
        ("necesito factura", "invoice"),
        ("tente individuelle possible ?", "tent"),
    ],
)
def test_a_question_brings_the_words_of_english_pages(text: str, wanted: str) -> None:
    """Most pages are in English, whatever the question is in; both rankings get the bridge."""
    question = READER.read(text)
    assert wanted in question.related
    assert wanted in question.terms
    assert question.to_embed.startswith(text)


def test_function_words_are_not_searched_for() -> None:
    """In a mixed corpus they are rare, and would lift any page of their language."""
    assert READER.read("¿cuánto cuesta el seguro?").terms[:2] == ("cuesta", "seguro")


def test_an_english_question_stays_as_it_is() -> None:
    """Nothing is added where the words are those of the pages already."""
    question = READER.read("can I get a refund?")
    assert question.to_embed == "can I get a refund?"
    assert question.terms == ("refund",)


def test_a_question_of_function_words_alone_is_still_searched() -> None:
    """Better any word than none."""
    assert READER.read("what is it?").terms == ("what", "is", "it")


@pytest.mark.parametrize(
    ("text", "treks"),
    [
        ("hampta in june", ("Hampta Pass",)),
        ("Hamta Pass price", ("Hampta Pass",)),
        ("हम्पटा पास की कीमत", ("Hampta Pass",)),
        ("केदारकांठा कब जाएँ", ("Kedarkantha",)),
        ("kedarkanta me barf", ("Kedarkantha",)),
        ("EBC or ABC?", ("Everest Base Camp", "Annapurna Base Camp")),
        ("el campo base del everest", ("Everest Base Camp",)),
        ("la vallée des fleurs en août", ("Valley of Flowers",)),
        ("phoolon ki ghati kab khulti hai", ("Valley of Flowers",)),
        ("pin bhaba", ("Pin Bhaba Pass",)),
        ("pin kaha hai", ()),
        ("which pass is the highest", ()),
        ("is there a camp for children", ()),
        ("flowers in june", ()),
    ],
)
def test_treks_are_found_however_they_are_written(text: str, treks: tuple[str, ...]) -> None:
    """Other scripts, short names and a letter wrong resolve; a word of two names does not."""
    assert READER.read(text).treks == treks


def test_the_full_name_is_searched_for_as_well() -> None:
    """A page spells the name out where the customer writes it short or in another script."""
    assert {"everest", "base", "camp"} <= set(READER.read("ebc kab jaye").terms)
    assert "Hampta Pass" in READER.read("हम्पटा पास कितने का है").related


@given(st.text(max_size=80))
def test_reading_never_fails(text: str) -> None:
    """Any text is a question; what is embedded begins with it."""
    question = READER.read(text)
    assert question.to_embed.startswith(text)
    assert set(question.treks) <= {trek.name for trek in TREKS}
