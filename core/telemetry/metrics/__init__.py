"""Metrics for Prometheus: definitions as data, read from the newest Snapshot when somebody asks. Loaded if they are on."""
