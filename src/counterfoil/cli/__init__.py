"""The command line: one file per command. It is given the house by `__main__` and knows neither store nor adapters."""
