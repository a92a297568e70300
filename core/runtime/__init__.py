"""Wires the core: inbox, effects, journal, feeds, the thread it lives in and the socket that reaches it."""
