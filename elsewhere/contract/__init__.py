"""The frozen data that every side of Elsewhere shares. Standard library only."""
