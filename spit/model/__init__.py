"""Score an attempt, say why, and accumulate the evidence of a caller."""
