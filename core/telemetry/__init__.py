"""Metrics, logs, alerts: observers of the core."""
