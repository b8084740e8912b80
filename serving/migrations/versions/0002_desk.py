"""The desk: hand-offs to people, keys of programs, and what both did."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_bytes()
    op.get_bind().connection.cursor().execute(sql)
