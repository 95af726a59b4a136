"""Indexes and counts for what people ask: questions to a million decisions stay as quick as to ten thousand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Written when a decision is, in the same transaction; the log is append-only, so there is nothing else to count.
_TRIGGER = """
CREATE TRIGGER tally_records AFTER INSERT ON records BEGIN
    INSERT INTO tally VALUES (new.outcome, coalesce(new.genre, ''), coalesce(new.model, ''), substr(new.at, 1, 7), 1)
    ON CONFLICT (outcome, genre, model, month) DO UPDATE SET count = count + 1;
END
"""

_COUNTED = """
INSERT INTO tally SELECT outcome, coalesce(genre, ''), coalesce(model, ''), substr(at, 1, 7), count(*)
FROM records GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.create_index("ix_records_outcome_genre", "records", ["outcome", "genre"])
    op.create_index("ix_records_outcome_confidence", "records", ["outcome", "confidence"])
    # As the view says it, so that WHERE path = '...' finds it.
    op.create_index("ix_records_path_text", "records", [sa.text("coalesce(path_text, CAST(path AS TEXT))")])
    changed = sa.text("outcome = 'kept' AND reason GLOB 'genred wrote *'")
    op.create_index("ix_records_changed", "records", ["outcome"], sqlite_where=changed)
    op.create_index("ix_records_undoes", "records", ["undoes"], sqlite_where=sa.text("undoes IS NOT NULL"))
    op.create_index("ix_files_record", "files", ["record"])
    op.create_table(
        "tally",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("outcome", "genre", "model", "month")),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(_TRIGGER)
    op.execute(_COUNTED)
