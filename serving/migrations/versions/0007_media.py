"""Attachments of customers, fetched and encrypted."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # The driver's own cursor takes a script of many statements; SQLAlchemy's does not.
    sql = Path(__file__).with_suffix(".sql").read_bytes()
    op.get_bind().connection.cursor().execute(sql)
