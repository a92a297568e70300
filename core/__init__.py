"""The trading core: runs without a terminal, and knows neither Textual nor Rich."""

VERSION = "0.1.0"
