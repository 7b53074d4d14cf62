"""Sources of call events: each yields batches of columns (records.EVENT_SCHEMA)."""
