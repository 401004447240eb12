"""Runs at a desk without a server: recorded whole into a folder, packed at the end, imported later."""
