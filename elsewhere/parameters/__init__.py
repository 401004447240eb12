"""Typed values under ``Section/key`` names that a script's own defaults are overridden with."""
