"""The artist and the album of each file, and the evidence that decided."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NOW = """
CREATE VIEW now AS
SELECT coalesce(files.path_text, CAST(files.path AS TEXT)) AS path,
       files.genre AS genre, files."by" AS "by",
       CASE WHEN files."by" = 'genred' THEN coalesce(records.confidence, answer.confidence) END AS confidence,
       records.at AS at, nullif(files.album, '') AS album, nullif(files.artist, '') AS artist
FROM files LEFT JOIN records ON records.id = files.record LEFT JOIN records AS answer ON answer.id = records.carries
WHERE files.genre IS NOT NULL
"""

_EVIDENCE = """
CREATE VIEW evidence AS
SELECT id, at, coalesce(path_text, CAST(path AS TEXT)) AS path, outcome, genre, confidence, evidence
FROM records
"""


def upgrade() -> None:
    op.add_column("records", sa.Column("evidence", sa.Text))
    for name in ("album_artist", "artist_key", "album_artist_key", "album_key"):
        op.add_column("files", sa.Column(name, sa.Text))
    op.add_column("files", sa.Column("compilation", sa.Integer))
    op.create_index("ix_records_evidence", "records", ["evidence"], sqlite_where=sa.text("evidence IS NOT NULL"))
    op.create_index("ix_files_artist", "files", ["artist_key"], sqlite_where=sa.text("artist_key IS NOT NULL"))
    library = ["album_artist_key", "album_key", "genre"]
    op.create_index("ix_files_library", "files", library, sqlite_where=sa.text("\"by\" = 'you'"))
    op.create_index("ix_files_unread", "files", ["path"], sqlite_where=sa.text("album IS NULL"))
    op.execute("DROP VIEW now")
    op.execute(_NOW)
    op.execute(_EVIDENCE)
