"""Questions that are nearly the same and have different answers, in pairs, from a table.

Each sentence is filled with two values of one row that may stand in the same place.
"""

from collections.abc import Iterator
from itertools import combinations

TREKS = ("Hampta Pass", "Kedarkantha", "Chadar")
NUMBERS = ("4", "5", "14", "40")

# By variety: sentences with one gap, and what may fill it.
TABLE: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "en": (
        ("How much is {} in September?", TREKS),
        ("How much is Hampta Pass in {}?", ("May", "June", "July", "May 2027", "March")),
        ("How much is Hampta Pass for {} people?", NUMBERS),
        ("Does the price of Hampta Pass come {} meals?", ("with", "without")),
        ("How do I {} GPS tracking on the Chadar trek?", ("enable", "disable")),
        ("Is insurance {} the Kedarkantha price?", ("in", "not in", "part of", "on top of")),
        ("How cold is Kedarkantha {} sunrise?", ("before", "after", "at")),
        ("Is the {} date of Hampta Pass full?", ("first", "last", "next", "10 June", "01 June")),
        ("What is the {} age for Chadar?", ("minimum", "maximum")),
        ("Hampta Pass costs {} rupees, is that right?", ("10,500", "10.500", "1,0500", "15,500")),
        ("Can beginners do {} or only experts?", TREKS),
        ("Is a porter {} on Chadar?", ("allowed", "not allowed", "needed", "not needed")),
    ),
    "hi": (
        ("सितंबर में {} कितने का है?", TREKS),
        ("{} में हम्पटा पास का दाम क्या है?", ("मई", "जून", "जुलाई", "मार्च", "अगस्त")),
        ("{} लोगों के लिए हम्पटा पास कितने का है?", NUMBERS),
        ("क्या हम्पटा पास का दाम खाने {} है?", ("के साथ", "के बिना")),
        ("चादर ट्रेक पर जीपीएस कैसे {} करें?", ("चालू", "बंद")),
        ("केदारकंठा सूर्योदय से {} कितना ठंडा है?", ("पहले", "बाद में")),
        ("चादर के लिए {} उम्र क्या है?", ("न्यूनतम", "अधिकतम")),
        ("क्या चादर पर पोर्टर {} है?", ("ज़रूरी", "ज़रूरी नहीं", "मना", "मना नहीं")),
        ("{} जून की तारीख भरी है?", ("पहली", "आखिरी", "10", "20", "1")),
    ),
    "hi_latn": (
        ("september me {} kitne ka hai?", TREKS),
        ("{} me hampta pass ka daam kya hai?", ("may", "june", "july", "march", "august")),
        ("{} logo ke liye hampta pass kitne ka hai?", NUMBERS),
        ("hampta pass ka daam khane ke {} hai?", ("saath", "bina")),
        ("chadar pe gps kaise {} kare?", ("chalu", "band")),
        ("kedarkantha suryoday se {} kitna thanda hai?", ("pehle", "baad")),
        ("chadar pe porter {} hai kya?", ("zaruri", "zaruri nahi", "mana", "mana nahi")),
        ("chadar ki {} umar kya hai?", ("kam se kam", "zyada se zyada")),
        ("10 june {} seat khali hai?", ("ko", "se pehle", "ke baad", "tak")),
    ),
    "es": (
        ("¿Cuánto cuesta {} en septiembre?", TREKS),
        ("¿Cuánto cuesta Hampta Pass en {}?", ("mayo", "marzo", "junio", "julio", "agosto")),
        ("¿Cuánto cuesta Hampta Pass para {} personas?", NUMBERS),
        ("¿El precio de Hampta Pass es {} comidas?", ("con", "sin")),
        ("¿Cómo se {} el GPS en Chadar?", ("activa", "desactiva")),
        ("¿Cuánto frío hace en Kedarkantha {} amanecer?", ("antes del", "después del", "al")),
        ("¿Cuál es la edad {} para Chadar?", ("mínima", "máxima")),
        ("¿Un porteador {} en Chadar?", ("es necesario", "no es necesario", "va", "no va")),
        ("¿Hay plazas {} 10 de junio?", ("el", "antes del", "después del", "hasta el")),
        ("¿Cuántos {} dura Chadar?", ("años", "anos", "días")),
    ),
    "fr": (
        ("Combien coûte {} en septembre ?", TREKS),
        ("Combien coûte Hampta Pass en {} ?", ("mai", "mars", "juin", "juillet", "août")),
        ("Combien coûte Hampta Pass pour {} personnes ?", NUMBERS),
        ("Le prix de Hampta Pass est-il {} repas ?", ("avec", "sans", "hors")),
        ("Comment {} le GPS sur Chadar ?", ("activer", "désactiver")),
        ("Quel froid fait-il à Kedarkantha {} l'aube ?", ("avant", "après", "à")),
        ("Quel est l'âge {} pour Chadar ?", ("minimum", "maximum")),
        ("Un porteur {} sur Chadar ?", ("est permis", "n'est pas permis", "va", "ne va pas")),
        ("Y a-t-il de la place {} 10 juin ?", ("le", "avant le", "après le", "jusqu'au")),
        ("Le car {} part-il de Manali ?", ("ou", "où", "du", "dû")),
    ),
}


def near_pairs(variety: str) -> Iterator[tuple[str, str]]:
    """Either question may come first: every two fillings of a sentence, in both orders."""
    for sentence, values in TABLE[variety]:
        for one, other in combinations(values, 2):
            yield sentence.format(one), sentence.format(other)
            yield sentence.format(other), sentence.format(one)
