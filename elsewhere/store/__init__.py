"""Where tasks live: one protocol, several backings behind it."""
