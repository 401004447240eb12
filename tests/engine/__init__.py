"""A container engine for the tests, and images that no registry is needed for.

Fixtures are in ``engine.fixtures``: ``engine_url``, ``base_image``, ``tiny_image``, ``shellless_image``.
"""
