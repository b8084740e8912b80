"""The evaluations that need nothing running, through the command that users call."""

from evals.frame.evaluation import discover
from evals.frame.golden import rows


def test_every_evaluation_is_in_the_readme() -> None:
    """The table of evals/README.md names exactly the evaluations that are found."""
    import re
    from pathlib import Path

    import evals

    readme = (Path(evals.__path__[0]) / "README.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE))
    assert listed == {evaluation.name for evaluation in discover()}


def test_golden_lines_are_complete() -> None:
    """Every line of the golden tables has its fields, and no message stands twice."""
    for name, columns in (
        ("opt_out.tsv", 3),
        ("requests.tsv", 3),
        ("ban_risk.tsv", 3),
    ):
        texts = [row.fields[-1] for row in rows(name, columns)]
        assert len(texts) == len(set(texts)) > 90
