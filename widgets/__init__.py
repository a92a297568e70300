"""Textual panels; each draws one slice of a frozen Snapshot and knows nothing else of the core."""
