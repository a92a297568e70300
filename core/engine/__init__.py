"""Decisions: the seed's boxes, one module each. Pure: no I/O, no clock, no await."""
