"""The HTTP service: translates HTTP, calls the engine (docs/http-api.md)."""
