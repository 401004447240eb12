"""Finding tasks: what a user asks for, as a query of the store and what is looked at after it."""
