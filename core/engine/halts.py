"""Reasons of halts that an operator asked for; every other reason is a rule's."""

from __future__ import annotations

OPERATOR, FLATTEN = "operator", "flatten"
