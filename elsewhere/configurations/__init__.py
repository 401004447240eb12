"""Configurations that a script reads as a whole: a file's bytes, or a dict or list as JSON text.

``text`` writes values as text that a person can edit, ``likeness`` gives them back the types that
JSON has no word for, ``file`` reads and lays down files, ``reading`` knows the formats, and
``connecting`` is the story of one connect.
"""
