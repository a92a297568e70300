"""Values and maths: units, instruments, orders, fills, events. Pure."""
