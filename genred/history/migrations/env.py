"""How Alembic runs here: on the connection that schema.py hands over, inside its transaction."""

from alembic import context

from genred.history.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
