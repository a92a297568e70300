"""The edge to Hyperliquid: codec, signing, REST, feeds, order router."""
