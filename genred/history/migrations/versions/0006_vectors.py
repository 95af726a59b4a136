"""Vectors are found by the version of their features: those of an earlier genred are made anew."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("ix_features_version", "features", ["version"])
