"""Counts and indexes for pages to look at: a million files are counted and leafed through without reading them all."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# The latest decision about each file. A confidence counts by twentieths, 1.0 with those below it; -1 is none. Only
# these reasons are few in number: the others tell figures.
_REASON = "CASE WHEN outcome IN ('failed', 'skipped') THEN reason ELSE '' END"
_TWENTIETH = "coalesce(min(CAST(confidence * 20 + 1e-9 AS INTEGER), 19), -1)"
_LATEST = f"INSERT INTO tally_latest SELECT outcome, {_REASON}, {_TWENTIETH}"
_SAME_LATEST = f"""(outcome, reason, twentieth) =
    (SELECT outcome, {_REASON}, {_TWENTIETH} FROM records WHERE id = old.record)"""  # noqa: S608 - only what stands above
_ADD_LATEST = f"""{_LATEST}, 1 FROM records WHERE id = new.record
    ON CONFLICT DO UPDATE SET count = count + 1;"""
_TAKE_LATEST = f"""UPDATE tally_latest SET count = count - 1 WHERE {_SAME_LATEST};
    DELETE FROM tally_latest WHERE {_SAME_LATEST} AND count = 0;"""  # noqa: S608 - only what stands above
_COUNTED_LATEST = f"{_LATEST}, count(*) FROM files JOIN records ON records.id = files.record GROUP BY 1, 2, 3"

_IS_ALBUM = "{row}.album_key IS NOT NULL AND {row}.genre IS NOT NULL AND {row}.genre <> '[]'"
_ADD_ALBUM = f"""INSERT INTO tally_albums
    SELECT coalesce(new.album_artist_key, ''), new.album_key, new.genre, 1 WHERE {_IS_ALBUM.format(row="new")}
    ON CONFLICT DO UPDATE SET count = count + 1;"""
_SAME_ALBUM = "artist_key = coalesce(old.album_artist_key, '') AND album_key = old.album_key AND genre = old.genre"
_TAKE_ALBUM = f"""UPDATE tally_albums SET count = count - 1 WHERE {_SAME_ALBUM};
    DELETE FROM tally_albums WHERE {_SAME_ALBUM} AND count = 0;"""  # noqa: S608 - only what stands above
_COUNTED_ALBUMS = f"""
INSERT INTO tally_albums SELECT coalesce(album_artist_key, ''), album_key, genre, count(*)
FROM files WHERE {_IS_ALBUM.format(row="files")} GROUP BY 1, 2, 3
"""  # noqa: S608 - only what stands above

_ALBUM_CHANGED = " OR ".join(f"old.{name} IS NOT new.{name}" for name in ("genre", "album_key", "album_artist_key"))

# Whatever clocks did: a decision of a month lies between these ids.
_COUNTED_MONTHS = "INSERT INTO months SELECT substr(at, 1, 7), min(id), max(id) FROM records GROUP BY 1"
_ADD_MONTH = """INSERT INTO months VALUES (substr(new.at, 1, 7), new.id, new.id)
    ON CONFLICT DO UPDATE SET first = min(first, new.id), last = max(last, new.id);"""

_TRIGGERS = (
    f"CREATE TRIGGER month_of_record AFTER INSERT ON records BEGIN {_ADD_MONTH} END",
    f"CREATE TRIGGER month_of_changed_record AFTER UPDATE OF at ON records BEGIN {_ADD_MONTH} END",
    f"CREATE TRIGGER latest_of_new_file AFTER INSERT ON files BEGIN {_ADD_LATEST} END",
    "CREATE TRIGGER latest_of_changed_file AFTER UPDATE OF record ON files WHEN old.record IS NOT new.record"
    f" BEGIN {_TAKE_LATEST} {_ADD_LATEST} END",
    f"CREATE TRIGGER latest_of_lost_file AFTER DELETE ON files BEGIN {_TAKE_LATEST} END",
    f"CREATE TRIGGER album_of_new_file AFTER INSERT ON files BEGIN {_ADD_ALBUM} END",
    "CREATE TRIGGER album_of_changed_file AFTER UPDATE OF genre, album_key, album_artist_key ON files"
    f" WHEN {_ALBUM_CHANGED} BEGIN {_TAKE_ALBUM} {_ADD_ALBUM} END",
    f"CREATE TRIGGER album_of_lost_file AFTER DELETE ON files BEGIN {_TAKE_ALBUM} END",
)


def upgrade() -> None:
    op.create_index("ix_files_genre", "files", ["genre", "by", "path"])
    album = ["album_key", "album_artist_key"]
    op.create_index("ix_files_album", "files", album, sqlite_where=sa.text("album_key IS NOT NULL"))
    op.create_table(
        "tally_latest",
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("twentieth", sa.Integer, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally_albums",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("artist_key", "album_key", "genre")),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "months",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(_COUNTED_MONTHS)
    op.execute(_COUNTED_LATEST)
    op.execute(_COUNTED_ALBUMS)
    for trigger in _TRIGGERS:
        op.execute(trigger)
