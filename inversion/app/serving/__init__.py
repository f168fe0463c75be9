"""What sinks that are asked (servers) have in common: where they may listen, and how everything stands."""
