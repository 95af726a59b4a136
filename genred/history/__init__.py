"""What was decided, durably: the database, its schema, its questions, and the journal of tag writes."""
