"""The journal: fills, intents, cursors, halts and operator actions in SQLite. All that outlives the process."""
