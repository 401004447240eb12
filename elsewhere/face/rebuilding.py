"""What a task is rebuilt from elsewhere: image, packages, source, needs."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Rebuilding(Face):
    """Wishes over what is captured, to be made before ``execute_remotely``; in an attempt they do nothing."""

    def set_base_docker(
        self, image: str, arguments: str | Sequence[str] | None = None, setup_script: str | None = None
    ) -> None:
        """Run elsewhere in this container image.

        Args:
            image: Its name, such as ``python:3.12``; the agent's owner says which are allowed.
            arguments: Options of ``docker run``, as words or as one text, such as ``--shm-size 8g``.
            setup_script: Shell lines that are run once to prepare the image.

        Raises:
            UsageError: the name or the arguments cannot be understood.
        """
        from dataclasses import replace

        from elsewhere.wish import checked_image

        wanted = checked_image(image, arguments or (), setup_script or "")
        self._place.wish(lambda wish: replace(wish, image=wanted))

    def set_packages(
        self,
        origin: str = "",
        requirements_files: Sequence[str] = (),
        no_build_isolation: Sequence[str] = (),
    ) -> None:
        """Say where packages come from elsewhere. Called again, it takes the place of the call before.

        Args:
            origin: ``recorded`` (what the script imports, as it is installed here), ``requirements``
                (files of the repository), ``lock`` (its lock file), ``existing:PATH`` (an environment
                on the agent's machine) or ``none``. Left out, the agent chooses.
            requirements_files: Which files ``requirements`` means; on their own they mean that.
            no_build_isolation: Packages that need the others, such as torch, when they are built.

        Raises:
            UsageError: there is no such origin, or it goes without files.
        """
        from dataclasses import replace

        from elsewhere.wish import checked_packages

        asked = checked_packages(origin, requirements_files, no_build_isolation)
        self._place.wish(
            lambda wish: replace(
                wish,
                origin=asked.origin,
                requirements_files=asked.requirements_files,
                no_build_isolation=asked.no_build_isolation,
            )
        )
