"""Dates, prices, group sizes and trek names, one table for each."""

from datetime import UTC, datetime

import pytest

from serving.types import EntityType
from serving.understanding.entities import extract
from serving.understanding.script import tokens
from serving.understanding.treks import TrekFinder

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # a Monday
NAMES = (
    "Hampta Pass", "Everest Base Camp", "Annapurna Base Camp", "Annapurna Circuit",
    "Valley of Flowers", "Kedarkantha", "Har Ki Dun", "Roopkund", "Kashmir Great Lakes", "Triund",
    "Goechala", "Bhrigu Lake", "Chadar Trek", "Brahmatal", "Kuari Pass",
)  # fmt: skip
FINDER = TrekFinder(dict.fromkeys(NAMES, ()))


def found(text: str, kind: EntityType) -> list[tuple[str, object]]:
    entities = extract(text, tokens(text), NOW, FINDER)
    return [(entity.text, entity.value) for entity in entities if entity.type == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 oct", [("15 oct", "2027-10-15")]),
        ("Oct 15th please", [("Oct 15th", "2027-10-15")]),
        ("15th of October 2027", [("15th of October 2027", "2027-10-15")]),
        ("25 Dec", [("25 Dec", "2026-12-25")]),
        ("15-20 Oct", [("15", "2027-10-15"), ("20 Oct", "2027-10-20")]),
        ("del 10 al 15 de mayo", [("10", "2027-05-10"), ("15 de mayo", "2027-05-15")]),
        ("from 5 to 9 June", [("5", "2027-06-05"), ("9 June", "2027-06-09")]),
        ("15 अक्टूबर", [("15 अक्टूबर", "2027-10-15")]),
        ("२० मई को", [("२० मई", "2027-05-20")]),
        ("le 1er mai", [("1er mai", "2027-05-01")]),
        ("15/10/2027", [("15/10/2027", "2027-10-15")]),
        ("05/06", [("05/06", "2027-06-05")]),
        ("2027-05-04", [("2027-05-04", "2027-05-04")]),
        ("in May", [("May", "2027-05")]),
        ("mid September", [("September", "2027-09")]),
        ("next month", [("next month", "2026-12")]),
        ("agle mahine", [("agle mahine", "2026-12")]),
        ("el mes que viene", [("mes que viene", "2026-12")]),
        ("tomorrow", [("tomorrow", "2026-11-24")]),
        ("kal kab niklega", [("kal", "2026-11-24")]),
        ("parso", [("parso", "2026-11-25")]),
        ("pasado mañana", [("pasado mañana", "2026-11-25")]),
        ("après-demain", [("après-demain", "2026-11-25")]),
        ("Feb 9 to 12", [("Feb 9", "2027-02-09"), ("12", "2027-02-12")]),
        ("dentro de 2 semanas", [("dentro de 2 semanas", "2026-12-07")]),
        ("in 3 days", [("in 3 days", "2026-11-26")]),
        ("3 din baad", [("3 din baad", "2026-11-26")]),
        ("next saturday", [("next saturday", "2026-11-28")]),
        ("15 tareekh ko", [("15 tareekh", "2026-12-15")]),
        ("diwali ke time", [("diwali", "2027-10")]),
        ("Holi 2027", [("Holi 2027", "2027-03")]),
        ("vous avez un groupe à Noël ?", [("Noël", "2026-12")]),
        ("10 days from today", [("10 days from today", "2026-12-03")]),
        ("in a fortnight or so", [("in a fortnight", "2026-12-07")]),
        ("a week from tomorrow", [("a week from tomorrow", "2026-12-01")]),
        ("de aquí a dos semanas", [("de aquí a dos semanas", "2026-12-07")]),
        ("dans une quinzaine, enfin dans 15 jours", [("dans 15 jours", "2026-12-08")]),
        ("d'ici environ trois mois", [("d'ici environ trois mois", "2027-02")]),
        ("aaj se chaar din baad", [("aaj se chaar din baad", "2026-11-27")]),
        ("तीन हफ्ते के बाद", [("तीन हफ्ते के बाद", "2026-12-14")]),
        ("on part le 5.2", [("5.2", "2027-02-05")]),
        ("28-12 ko nikalna hai", [("28-12", "2026-12-28")]),
        ("el veinte de abril", [("veinte de abril", "2027-04-20")]),
        ("le vingt et un juin", [("vingt et un juin", "2027-06-21")]),
        ("the third of April", [("third of April", "2027-04-03")]),
        ("दस मार्च", [("दस मार्च", "2027-03-10")]),
        ("जून की 7 तारीख", [("जून की 7 तारीख", "2027-06-07")]),
        ("18 janwry ko", [("18 janwry", "2027-01-18")]),
        ("14 of septembar", [("14 of septembar", "2027-09-14")]),
        ("the 9th of next month", [("9th of next month", "2026-12-09")]),
        ("agle mahine ki 20 tareekh", [("agle mahine ki 20 tareekh", "2026-12-20")]),
        (
            "5, 12 or 19 June",
            [("5", "2027-06-05"), ("12", "2027-06-12"), ("19 June", "2027-06-19")],
        ),
        ("entre el 1 y el 8 de julio", [("1", "2027-07-01"), ("8 de julio", "2027-07-08")]),
        ("26 ko jagah hai?", [("26", "2026-11-26")]),
        ("kal se office join karunga", [("kal", "2026-11-24")]),
        ("Dec 29 - Jan 3", [("Dec 29", "2026-12-29"), ("Jan 3", "2027-01-03")]),
        ("बीस तारीख को", [("बीस तारीख", "2026-12-20")]),
        ("la première quinzaine de juin", [("juin", "2027-06")]),
        ("fin du mois", [("fin du mois", "2026-11")]),
        ("September next year", [("September", "2027-09")]),
        ("en febrero del año que viene", [("febrero", "2027-02")]),
        ("je pars ce soir", [("ce soir", "2026-11-23")]),
        ("maha shivratri 2028", [("shivratri 2028", "2028-02")]),
        ("à la Pentecôte", [("Pentecôte", "2027-05")]),
        ("onam trip", [("onam", "2027-09")]),
        ("republic day weekend", [("republic day", "2027-01")]),
    ],
)
def test_dates(text: str, expected: list[tuple[str, object]]) -> None:
    """Days are ISO, months YYYY-MM, each the next future one, day before month."""
    assert found(text, "date") == expected


@pytest.mark.parametrize(
    "text",
    [
        "may I know", "mai aaunga", "on saturday", "in winter", "5 days trek", "at 6:30", "24/7",
        "last october", "kal aaya tha", "a few days ago", "por la mañana", "31/02/2027",
        "we march at dawn", "1.5 litres", "in 2024", "kal se bukhar hai", "aaj kal kaisa hai",
        "May of last year", "en junio del año pasado", "en août l'année dernière", "happy diwali",
        "I did Roopkund in May", "september me kiya tha maine", "it takes 2/3 people", "in 10.5 km",
        "on le fait en 6 jours ?", "can it be done in 4 days", "esta mañana", "hoy en día",
        "is Sunday fine?", "the day after we land", "mai pehli baar", "nous serons sept",
        "two may be enough", "2 ko chahiye", "do jan ke liye",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    """Modal verbs, weekdays alone, seasons, durations, clock times and the past are no dates."""
    assert found(text, "date") == []


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("₹15,000", 15000, "INR"),
        ("Rs. 15000", 15000, "INR"),
        ("rs 12,500/-", 12500, "INR"),
        ("15,000 rupees", 15000, "INR"),
        ("₹१५०००", 15000, "INR"),
        ("15 हज़ार रुपये", 15000, "INR"),
        ("1.5 lakh rupees", 150000, "INR"),
        ("₹1,50,000", 150000, "INR"),
        ("15.000 rupias", 15000, "INR"),
        ("15 000 roupies", 15000, "INR"),
        ("$200", 200, "USD"),
        ("150 dólares", 150, "USD"),
        ("200 USD", 200, "USD"),
        ("300€", 300, "EUR"),
        ("1 200 € maximum", 1200, "EUR"),
        ("€49.50", 49.5, "EUR"),
        ("budget 9k", 9000, None),
        ("under 10000", 10000, None),
        ("20000 tak", 20000, None),
        ("Rs.7500/-", 7500, "INR"),
        ("2,300 US dollars", 2300, "USD"),
        ("u$s 950", 950, "USD"),
        ("400 dollars américains", 400, "USD"),
        ("35 हज़ार नेपाली रुपए", 35000, "NPR"),
        ("20000 roupies népalaises", 20000, "NPR"),
        ("18 mil pesos argentinos", 18000, "ARS"),
        ("$9,000 MXN", 9000, "MXN"),
        ("S/ 2100", 2100, "PEN"),
        ("1'250 francs suisses", 1250, "CHF"),
        ("A$ 640", 640, "AUD"),
        ("700 dollars canadiens", 700, "CAD"),
        ("12 mil pesos", 12000, None),
        ("deux mille trois cents euros", 2300, "EUR"),
        ("quatre-vingt-dix euros", 90, "EUR"),
        ("mil quinientos dólares", 1500, "USD"),
        ("one hundred and fifty pounds", 150, "GBP"),
        ("दो लाख पचास हज़ार रुपये", 250000, "INR"),
        ("साढ़े छह हज़ार", 6500, None),
        ("dhai lakh me ho jayega", 250000, None),
        ("sawa lakh rupaye", 125000, "INR"),
        ("1 lakh 30 hazaar", 130000, None),
        ("fifteen hundred dollars", 1500, "USD"),
        ("mil euros", 1000, "EUR"),
        ("60 000 par tête, c'est cher", 60000, None),
    ],
)
def test_prices(text: str, amount: float, currency: str | None) -> None:
    """Separators and short forms of every language; no currency is guessed."""
    assert [value for _, value in found(text, "price")] == [
        {"amount": amount, "currency": currency}
    ]


def test_price_range_is_two_prices() -> None:
    """Both ends of a range count, the shared unit for each."""
    values = [value for _, value in found("budget 15-20k", "price")]
    assert values == [{"amount": 15000, "currency": None}, {"amount": 20000, "currency": None}]


def test_a_range_may_be_joined_by_words() -> None:
    """Both ends of "entre 600 y 800 euros" count; the number of another thing is no end."""
    values = [value for _, value in found("entre 600 y 800 euros", "price")]
    assert values == [{"amount": 600, "currency": "EUR"}, {"amount": 800, "currency": "EUR"}]
    assert len(found("for 5 and 12000 rs", "price")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "altitude 4270 m", "we are 4", "in 2027", "room 12", "call 98765", "order no 5512 is paid",
        "cinq mille mètres", "do hazaar feet", "I run 10k daily", "mil gracias", "2 livres",
        "1 pen", "two thousand twenty seven", "the refund for booking HP2231",
    ],
)  # fmt: skip
def test_what_is_no_price(text: str) -> None:
    """Altitudes, people, years and other numbers are not money."""
    assert found(text, "price") == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4 people", 4), ("we are 6", 6), ("group of 8", 8), ("seats for 3 please", 3),
        ("me and my wife", 2), ("solo", 1), ("a couple", 2), ("4 of us", 4),
        ("2 adults and 3 kids", 5), ("2 adults 3 kids", 5),
        ("me and 3 friends", 4), ("4 log hain", 4), ("do seat", 2),
        ("main aur meri wife", 2), ("हम 4 लोग हैं", 4), ("दो सीट", 2), ("para dos personas", 2),
        ("mi esposa y yo", 2), ("somos 5", 5), ("nous sommes 5", 5), ("moi et 3 amis", 4),
        ("15 oct ko 4 log", 4), ("family of 6", 6), ("a group of eleven nurses", 11),
        ("we'd be 8 in all", 8), ("8 jano ka group", 8), ("हम 7 बंदे", 7), ("on serait cinq", 5),
        ("nous serons sept", 7), ("on part à 3", 3), ("iríamos 6", 6), ("trois marcheuses", 3),
        ("twenty four trekkers", 24), ("una docena de colegas", 12), ("three couples", 6),
        ("9 from the office", 9), ("4 of my friends", 4), ("hum teeno", 3), ("nous quatre", 4),
        ("me, my wife, our two kids", 4), ("mi madre, mi tía y yo", 3), ("mon frère et moi", 2),
        ("ma mère + moi + son amie", 3), ("my parents and I", 3), ("me and a couple of friends", 3),
        ("hum pati patni aur ek beti", 3), ("papa, didi aur main", 3), ("हम तीन भाई", 3),
        ("मेरी दो बहनें और मैं", 3), ("mon fils de 9 ans et moi", 2), ("yo + 3", 4),
        ("mi amiga Lola y yo", 2), ("un adulto y dos menores", 3), ("2 adults, 1 child", 3),
        ("hum dono aur do bachche", 4), ("nous deux et notre fille", 3), ("en solitario", 1),
        ("travelling with my sister", 2), ("voy con dos amigas", 3), ("biwi ke saath aana hai", 2),
        ("Asha, Neha aur main, teeno", 3), ("a family of 5, two of them kids", 5),
        ("me, my son and my nephew, 4 seats", 4), ("2 seats for me and my mum", 2),
        ("akela hu, solo aaunga", 1), ("do jan ke liye", 2), ("मेरे साथ मेरी सहेली है", 2),
        ("para mi tía y para mí", 2), ("un groupe d'une quinzaine de personnes", 15),
    ],
)  # fmt: skip
def test_group_sizes(text: str, size: int) -> None:
    """People going or seats wanted, in figures or words."""
    assert [value for _, value in found(text, "group_size")] == [size]


@pytest.mark.parametrize(
    "text",
    [
        "add one person", "price per person", "for 5 days", "solo quiero saber el precio",
        "quiero hablar con una persona", "ek dost ko add karo", "5 seats left?", "camp 4",
        "a couple of doubts", "tent for 2 people", "do people get sick", "leave me alone",
        "une seule question", "me, my wife and the kids", "my friends and I", "bata do bhai",
        "we were 3 last year", "mi pareja quiere saber", "dono treks", "remove my two friends",
        "a problem with my husband's booking", "no quiero ir sola", "tell me, bhai, kab hai",
        "groupe de dix jours", "solo somos novatos",
    ],
)  # fmt: skip
def test_what_is_no_group_size(text: str) -> None:
    """One more person, somebody to talk to, free seats and durations are no group."""
    assert found(text, "group_size") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hamta pas kab hai", "Hampta Pass"),
        ("हम्पटा पास ट्रेक", "Hampta Pass"),
        ("how is hampta", "Hampta Pass"),
        ("EBC price?", "Everest Base Camp"),
        ("campo base del Everest", "Everest Base Camp"),
        ("camp de base de l'Everest", "Everest Base Camp"),
        ("एवरेस्ट बेस कैंप", "Everest Base Camp"),
        ("Valle de las Flores", "Valley of Flowers"),
        ("la vallée des fleurs", "Valley of Flowers"),
        ("फूलों की घाटी", "Valley of Flowers"),
        ("VOF in july", "Valley of Flowers"),
        ("kedar kantha", "Kedarkantha"),
        ("केदारकांठा", "Kedarkantha"),
        ("harkidoon", "Har Ki Dun"),
        ("रूपकुंड", "Roopkund"),
        ("kashmir grate lakes", "Kashmir Great Lakes"),
        ("lago bhrigu", "Bhrigu Lake"),
        ("circuit de l'Annapurna", "Annapurna Circuit"),
        ("Annapurna BC", "Annapurna Base Camp"),
        ("annapurna base", "Annapurna Base Camp"),
        ("everest basecamp", "Everest Base Camp"),
        ("एवरेस्ट बेसकैंप", "Everest Base Camp"),
        ("ईबीसी", "Everest Base Camp"),
        ("camp de base des Annapurnas", "Annapurna Base Camp"),
        ("वैली ऑफ फ्लॉवर्स", "Valley of Flowers"),
        ("valle d las flores", "Valley of Flowers"),
        ("grandes lagos de Cachemira", "Kashmir Great Lakes"),
        ("brahma tal", "Brahmatal"),
        ("hampta pas ka 3 din ka", "Hampta Pass"),
        ("quari pass", "Kuari Pass"),
        ("the chader", "Chadar Trek"),
        ("la rivière gelée", "Chadar Trek"),
        ("हरकीदून", "Har Ki Dun"),
    ],
)
def test_treks(text: str, name: str) -> None:
    """Misspelt, shortened, translated and transliterated names resolve to the canonical one."""
    assert [value for _, value in found(text, "trek")] == [name]


@pytest.mark.parametrize(
    "text",
    [
        "annapurna", "annapurnas", "which trek is best", "we sleep in a base camp", "रिफंड चाहिए",
        "kashmir", "बेटा", "हम पति पत्नी", "hum pata karenge", "har din", "केदारनाथ", "cheddar", "bc",
        "la montée est raide", "हफ्ते भर",
    ],
)  # fmt: skip
def test_what_is_no_trek(text: str) -> None:
    """A name that fits two treks, common words and regions name no trek."""
    assert found(text, "trek") == []


def test_a_region_is_no_short_form_in_any_script() -> None:
    """An alias in Devanagari does not make the region of a trek's name the trek."""
    finder = TrekFinder({"Kashmir Great Lakes": ("कश्मीर ग्रेट लेक्स",)})
    assert finder.find("kashmir", tokens("kashmir")) == []


def test_a_name_may_end_in_a_word_that_is_not_compared() -> None:
    """The span of `Goecha La` holds its "La"."""
    finder = TrekFinder({"Goechala": ("Goecha La",)})
    text = "is goecha la open"
    (entity,) = extract(text, tokens(text), NOW, finder)
    assert (entity.text, entity.value) == ("goecha la", "Goechala")


def test_aliases_of_the_index_count() -> None:
    """Other names that the knowledge base gives resolve like the name itself."""
    finder = TrekFinder({"Chadar Trek": ("Frozen River Walk",)})
    text = "is the frozen river walk open"
    (entity,) = extract(text, tokens(text), NOW, finder)
    assert (entity.text, entity.value) == ("frozen river walk", "Chadar Trek")


def test_what_is_said_twice_is_one_entity() -> None:
    """The same trek, or the same size, in other words adds nothing."""
    assert [value for _, value in found("EBC, I mean Everest Base Camp", "trek")] == [
        "Everest Base Camp"
    ]


def test_a_place_of_the_knowledge_base_is_a_trek() -> None:
    """Places that are spelt like a trek count only where no trek bears their name."""
    finder = TrekFinder({"Kedarnath": (), "Kedarkantha": ()})
    assert [one.name for one in finder.find("केदारनाथ", tokens("केदारनाथ"))] == ["Kedarnath"]
