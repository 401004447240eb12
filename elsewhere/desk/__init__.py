"""A task at a desk: the process that a person started."""

from elsewhere.desk.desk import Desk as Desk
