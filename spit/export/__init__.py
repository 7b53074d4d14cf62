"""What leaves the agent: event batches to scorers, over a spool on disk (docs/agent.md), and its counters."""
