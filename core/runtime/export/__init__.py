"""``gridbot export``: fills, fees, funding, transfers and realised gains of a period as tables, and how they add up."""
