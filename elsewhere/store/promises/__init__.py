"""What a store promises, by subject; ``elsewhere.store.protocol.Store`` is all of it."""
