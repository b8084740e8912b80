"""The budget of paid models, kept by reservation."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_bytes()
    op.get_bind().connection.cursor().execute(sql)
