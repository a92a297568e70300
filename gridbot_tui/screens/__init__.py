"""Screens and dialogs. They draw what the App hands them and answer with a choice; they never touch the core."""
