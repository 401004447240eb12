"""What a user asks for over what was captured: image, packages, source, needs."""

from elsewhere.wish.image import asked_image as asked_image
from elsewhere.wish.image import checked_image as checked_image
from elsewhere.wish.packages import ORIGINS as ORIGINS
from elsewhere.wish.packages import ORIGINS_TO_CHOOSE as ORIGINS_TO_CHOOSE
from elsewhere.wish.packages import checked_packages as checked_packages
from elsewhere.wish.packages import is_origin as is_origin
from elsewhere.wish.wish import Wish as Wish
