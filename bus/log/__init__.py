"""Where it is kept: one protocol, two engines. This room knows bytes only."""
