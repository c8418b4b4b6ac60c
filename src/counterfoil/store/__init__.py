"""SQL and nothing else: the only commit, one file per noun."""
