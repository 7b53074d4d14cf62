"""What is kept: lists, keys and audit (SQLAlchemy), call records (Parquet, DuckDB)."""
