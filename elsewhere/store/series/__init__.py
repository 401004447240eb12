"""How every store keeps series: chunks of points, an outline of each, and what happens over the cap."""
