"""What makes a run repeatable: the exact state of the work at a desk, as a task spec and its bytes.

``capture`` is the way in. Nothing here writes to the user's repository, runs its hooks or lets a
credential of a URL into what it returns or raises.
"""

from elsewhere.capture.interpreter import active_environment
from elsewhere.capture.run import Capture, capture

__all__ = ["Capture", "active_environment", "capture"]
