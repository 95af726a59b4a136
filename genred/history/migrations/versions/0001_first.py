"""The first schema. Migrations are append-only: what is released is never edited."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_STAMP = ("dev", "ino", "size", "mtime_ns", "ctime_ns")

_VIEW = """
CREATE VIEW history AS
SELECT id, at, coalesce(path_text, CAST(path AS TEXT)) AS path, outcome, genre, confidence,
       previous, written, model, run, reason
FROM records
"""


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
    )
    op.create_table("roots", sa.Column("path", sa.LargeBinary, primary_key=True))
    op.create_table(
        "records",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False, index=True),
        sa.Column("path", sa.LargeBinary, nullable=False, index=True),
        sa.Column("path_text", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False, index=True),
        sa.Column("genre", sa.Text, index=True),
        sa.Column("confidence", sa.Float),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("written", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), nullable=False, index=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("undoes", sa.Integer, sa.ForeignKey("records.id")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.LargeBinary, nullable=False, unique=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _STAMP),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("record", sa.Integer, sa.ForeignKey("records.id")),
        sa.Column("wrote", sa.Integer, sa.ForeignKey("records.id")),
    )
    op.create_index("ix_files_inode", "files", ["ino", "dev"])
    op.create_table(
        "features",
        sa.Column("file", sa.Integer, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "writes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sa.Column("temp", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _STAMP),
        sa.Column("before_sha256", sa.LargeBinary),
        sa.Column("after_sha256", sa.LargeBinary),
        sa.Column("delta", sa.LargeBinary),
        sa.Column("draft", sa.Text),
        sa.Column("record", sa.Integer, sa.ForeignKey("records.id"), index=True),
    )
    op.execute(_VIEW)
