"""The trading core: runs without a terminal, and knows neither Textual nor Rich."""
