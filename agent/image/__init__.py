"""Container images from the agent's side: which one, whether it may be, and what is laid beside it."""
