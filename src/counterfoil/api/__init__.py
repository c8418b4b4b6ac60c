"""HTTP dialects: each in a room of its own, over the same flows."""
