"""The visible mark of a message that is sent again because nothing was heard of the first. Pure.

The customer may have both then, and sees why.
"""

from dataclasses import replace

from serving.types import Language, Parsed, Reply, Script

MARKS: dict[tuple[Language, Script], str] = {
    ("en", "latn"): "(Sent again: the first one may not have reached you.)",
    ("hi", "deva"): "(फिर से भेजा गया: हो सकता है पहला आप तक न पहुँचा हो।)",
    ("hi", "latn"): "(Phir se bheja gaya: ho sakta hai pehla aap tak na pahuncha ho.)",
    ("es", "latn"): "(Enviado de nuevo: puede que el primero no haya llegado.)",
    ("fr", "latn"): "(Renvoyé : le premier n'est peut-être pas arrivé.)",
}


def marked(reply: Reply, parsed: Parsed) -> Reply:
    """The same words under the mark. A template has fixed words and stays as it is."""
    mark = MARKS.get((parsed.language, parsed.script), MARKS["en", "latn"])
    if reply.template is not None or reply.text.startswith(mark):
        return reply
    return replace(reply, text=f"{mark}\n\n{reply.text}")
