"""Look at queues, pause and resume them."""
