"""What each file has now and who wrote it, and which write a decision is about: no sentence is a key any more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Until here a correction was known by its words. The write is that of the file; else the last one under that name; else
# the last one of these genres.
_CORRECTS = """
UPDATE records SET corrects = coalesce(
    (SELECT wrote FROM files WHERE files.record = records.id),
    (SELECT max(id) FROM records AS tagged
     WHERE tagged.path = records.path AND tagged.outcome = 'tagged' AND tagged.id < records.id),
    (SELECT max(id) FROM records AS tagged
     WHERE tagged.outcome = 'tagged' AND tagged.id < records.id
       AND records.reason GLOB 'genred wrote * and a person *'
       AND substr(records.reason, 14, instr(records.reason, ' and a person ') - 14)
           = (SELECT group_concat(value, ', ') FROM json_each(tagged.written))))
WHERE outcome = 'kept' AND reason GLOB 'genred wrote *'
"""

_CARRIES = """
UPDATE records SET carries = (
    SELECT files.wrote FROM files JOIN records AS tagged ON tagged.id = files.wrote
    WHERE files.record = records.id AND tagged.model IS NOT NULL AND tagged.written = records.previous)
WHERE id IN (SELECT record FROM files WHERE wrote IS NOT NULL AND record <> wrote AND standing <> 'person')
  AND outcome NOT IN ('tagged', 'undone')
"""

_GENRE = "CASE WHEN records.outcome IN ('tagged', 'undone') THEN records.written ELSE records.previous END"

_FILES = f"""
UPDATE files SET (path_text, genre, "by") = (
    SELECT CASE WHEN records.path = files.path THEN records.path_text END, {_GENRE}, CASE
        WHEN {_GENRE} = '[]' THEN NULL
        WHEN records.carries IS NOT NULL OR (records.outcome = 'tagged' AND records.model IS NOT NULL) THEN 'genred'
        ELSE 'you' END
    FROM records WHERE records.id = files.record AND (records.outcome <> 'failed' OR records.previous <> '[]'))
WHERE record IS NOT NULL
"""  # noqa: S608 - only what stands above

_COUNTED = """
INSERT INTO tally_now SELECT genre, coalesce("by", ''), count(*) FROM files WHERE genre IS NOT NULL GROUP BY 1, 2
"""

_ADD = """INSERT INTO tally_now SELECT new.genre, coalesce(new."by", ''), 1 WHERE new.genre IS NOT NULL
    ON CONFLICT (genre, "by") DO UPDATE SET count = count + 1;"""
_TAKE = """UPDATE tally_now SET count = count - 1 WHERE genre = old.genre AND "by" = coalesce(old."by", '');
    DELETE FROM tally_now WHERE genre = old.genre AND "by" = coalesce(old."by", '') AND count = 0;"""

_TRIGGERS = (
    f"CREATE TRIGGER tally_new_file AFTER INSERT ON files BEGIN {_ADD} END",
    f'CREATE TRIGGER tally_changed_file AFTER UPDATE OF genre, "by" ON files BEGIN {_TAKE} {_ADD} END',
    f"CREATE TRIGGER tally_lost_file AFTER DELETE ON files BEGIN {_TAKE} END",
)

# album and artist are there for those who ask already, and are filled when genred reads them.
_VIEW = """
CREATE VIEW now AS
SELECT coalesce(files.path_text, CAST(files.path AS TEXT)) AS path,
       files.genre AS genre, files."by" AS "by",
       CASE WHEN files."by" = 'genred' THEN coalesce(records.confidence, answer.confidence) END AS confidence,
       records.at AS at, files.album AS album, files.artist AS artist
FROM files JOIN records ON records.id = files.record LEFT JOIN records AS answer ON answer.id = records.carries
WHERE files.genre IS NOT NULL
"""


def upgrade() -> None:
    for name in ("corrects", "carries"):
        op.execute(f"ALTER TABLE records ADD COLUMN {name} INTEGER REFERENCES records (id)")
    for name in ("path_text", "genre", "by", "album", "artist"):
        op.add_column("files", sa.Column(name, sa.Text))
    op.execute(_CORRECTS)
    op.execute(_CARRIES)
    op.execute(_FILES)
    # As the view says it, so that WHERE path = '...' finds it.
    op.create_index("ix_files_path_text", "files", [sa.text("coalesce(path_text, CAST(path AS TEXT))")])
    op.drop_index("ix_records_changed", "records")
    op.create_index("ix_records_corrects", "records", ["outcome"], sqlite_where=sa.text("corrects IS NOT NULL"))
    op.create_table(
        "tally_now",
        sa.Column("genre", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(_COUNTED)
    for trigger in _TRIGGERS:
        op.execute(trigger)
    op.execute(_VIEW)
