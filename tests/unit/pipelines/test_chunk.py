"""The laws of chunking, over any document that hypothesis can think of."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.blocks import Block, CleanDocument, assemble
from pipelines.ingest.chunk import Chunk, cut
from pipelines.ingest.config import ChunkSettings
from pipelines.ingest.tokens import WordCounter

COUNTER = WordCounter()
SIZES = ChunkSettings(max_tokens=20, overlap_tokens=6)

words = st.text(alphabet="abcdeé नमस्ते।.!?,;:-0159\n\u200d", min_size=1, max_size=120)
blocks = st.builds(
    Block,
    kind=st.sampled_from(["heading", "paragraph", "item", "row", "record", "code"]),
    text=words,
    level=st.integers(1, 4),
)
documents = st.lists(blocks, max_size=12).map(assemble)


def spans(document: CleanDocument) -> list[tuple[int, int]]:
    return [(chunk.start, chunk.end) for chunk in cut(document, COUNTER, SIZES)]


@given(documents)
def test_spans_cover_every_character_that_is_not_white_space(document: CleanDocument) -> None:
    """No word of a document is left out of its passages."""
    covered = bytearray(len(document.text))
    for start, end in spans(document):
        covered[start:end] = b"\x01" * (end - start)
    missed = [c for c, seen in zip(document.text, covered, strict=True) if not seen]
    assert not "".join(missed).strip()


@given(documents)
def test_no_passage_exceeds_the_token_limit(document: CleanDocument) -> None:
    """The limit holds for the passage as it is, not for an estimate."""
    for start, end in spans(document):
        assert COUNTER.count_tokens(document.text[start:end]) <= SIZES.max_tokens


@given(documents)
def test_spans_advance_and_hold_text(document: CleanDocument) -> None:
    """Each passage starts and ends after the one before it, and is not empty."""
    found = spans(document)
    assert all(start < end for start, end in found)
    for before, after in itertools.pairwise(found):
        assert before[0] < after[0]
        assert before[1] < after[1]


@given(documents)
def test_overlap_stays_within_its_limit(document: CleanDocument) -> None:
    """What a passage repeats of the one before it is no longer than was asked for."""
    found = spans(document)
    for before, after in itertools.pairwise(found):
        repeated = document.text[after[0] : before[1]]
        assert COUNTER.count_tokens(repeated) <= SIZES.overlap_tokens


@given(st.lists(blocks, max_size=12))
def test_placed_blocks_are_slices_of_the_cleaned_text(found: list[Block]) -> None:
    """A block's place in the text is exact, which citations depend on."""
    document = assemble(found)
    for placed in document.blocks:
        assert document.text[placed.start : placed.end] == placed.block.text


def passages(document: CleanDocument) -> list[str]:
    return [document.text[start:end] for start, end in spans(document)]


@given(st.lists(words.filter(str.strip), min_size=3, max_size=6), st.data())
@settings(max_examples=50)
def test_an_edit_leaves_the_passages_of_other_sections_as_they_were(
    bodies: list[str], data: st.DataObject
) -> None:
    """Editing one section changes no other section's passages."""
    edited = data.draw(st.integers(0, len(bodies) - 1))
    replaced = [*bodies[:edited], data.draw(words.filter(str.strip)), *bodies[edited + 1 :]]

    def by_heading(texts: list[str]) -> dict[tuple[str, ...], list[str]]:
        document = assemble(
            block
            for number, text in enumerate(texts)
            for block in (Block("heading", f"Part {number}", 1), Block("paragraph", text))
        )
        found: dict[tuple[str, ...], list[str]] = {}
        for chunk in cut(document, COUNTER, SIZES):
            found.setdefault(chunk.heading, []).append(document.text[chunk.start : chunk.end])
        return found

    before, after = by_heading(bodies), by_heading(replaced)
    touched = (f"Part {edited}",)
    assert {k: v for k, v in before.items() if k != touched} == {
        k: v for k, v in after.items() if k != touched
    }


def chunks_of(*found: Block) -> list[Chunk]:
    return cut(assemble(found), COUNTER, SIZES)


def test_a_passage_knows_the_headings_above_it() -> None:
    """The path holds the enclosing headings, outermost first, and forgets closed ones."""
    chunks = chunks_of(
        Block("heading", "Trek", 1),
        Block("heading", "Price", 2),
        Block("paragraph", "It costs 11,500."),
        Block("heading", "Season", 2),
        Block("paragraph", "From June."),
    )
    assert [chunk.heading for chunk in chunks] == [("Trek", "Price"), ("Trek", "Season")]


def test_a_heading_without_a_body_goes_with_the_section_below_it() -> None:
    """No passage consists of a title alone when something follows."""
    document = assemble(
        [Block("heading", "Trek", 1), Block("heading", "Price", 2), Block("paragraph", "11,500.")]
    )
    assert passages(document) == ["Trek\n\nPrice\n\n11,500."]


def test_each_record_is_a_passage_of_its_own_with_its_metadata() -> None:
    """Rows of a table file are never packed together."""
    chunks = chunks_of(
        Block("record", "trek: A; price: 1", metadata={"trek": "A"}),
        Block("record", "trek: B; price: 2", metadata={"trek": "B"}),
    )
    assert [chunk.metadata for chunk in chunks] == [{"trek": "A"}, {"trek": "B"}]


def test_sentences_end_in_hindi_too() -> None:
    """The danda ends a sentence, so that a passage does not stop in the middle of one."""
    text = "यह ट्रेक पाँच दिन का है। " * 12
    assert all(p.endswith("।") for p in passages(assemble([Block("paragraph", text)])))


def test_a_sentence_longer_than_the_limit_is_cut_between_words() -> None:
    """Even text without a full stop keeps its words whole."""
    text = " ".join(f"word{number}" for number in range(95))
    found = passages(assemble([Block("paragraph", text)]))
    assert " ".join(found).split() == text.split()
