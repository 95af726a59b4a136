"""Each root with the file systems that were seen there; "" for what an older schema didn't note."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "places",
        sa.Column("path", sa.LargeBinary, primary_key=True),
        sa.Column("file_system", sa.Text, primary_key=True, server_default=""),
    )
    op.execute("INSERT INTO places (path) SELECT path FROM roots")
    op.drop_table("roots")
    op.rename_table("places", "roots")
    op.create_index("ix_files_content", "files", ["size", "mtime_ns"])  # finds what was moved to another disk
