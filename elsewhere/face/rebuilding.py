"""What a task is rebuilt from elsewhere: image, packages, source, needs."""

from __future__ import annotations

from elsewhere.bound import in_attempt
from elsewhere.face.face import Face, misuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from elsewhere.wish.source import SourceWish


class Rebuilding(Face):
    """Wishes over what is captured, to be made before ``execute_remotely``; in an attempt they do nothing.

    Of a task that does not run here, a draft's spec is changed at once.
    """

    def set_base_docker(
        self,
        docker_image: str | None = None,
        docker_arguments: str | Sequence[str] | None = None,
        docker_setup_bash_script: str | Sequence[str] | None = None,
        *,
        docker_cmd: str | None = None,
        image: str | None = None,
        arguments: str | Sequence[str] | None = None,
        setup_script: str | Sequence[str] | None = None,
    ) -> None:
        """Run elsewhere in this container image; without one, in none.

        Args:
            docker_image: Its name, such as ``python:3.12``, which options of ``docker run`` may follow;
                the agent's owner says which are allowed.
            docker_arguments: Options of ``docker run``, as words or as one text, such as ``--shm-size 8g``.
            docker_setup_bash_script: Shell lines that are run once to prepare the image.
            docker_cmd: The same as ``docker_image``.
            image: The same as ``docker_image``.
            arguments: The same as ``docker_arguments``.
            setup_script: The same as ``docker_setup_bash_script``.

        Raises:
            UsageError: the name or the arguments cannot be understood, there is no image for them, or
                one thing is given under two names.
            IllegalMove: the task is another one, and no draft.
        """
        if self._place.given:
            return
        from dataclasses import replace

        from elsewhere.wish import asked_image

        wanted = asked_image(
            _one("image", docker_image, docker_cmd, image),
            _one("arguments", docker_arguments, arguments),
            _one("setup script", docker_setup_bash_script, setup_script),
        )
        self._place.wish(lambda wish: replace(wish, image=wanted, without_image=wanted is None))

    def get_base_docker(self) -> str | None:
        """The image to run in with the options of its container, as one text; None for none."""
        from shlex import join

        image = None
        if self._place.live and not self._place.given:
            from elsewhere.wish.image import wished_image

            image = wished_image(self._place)
        else:
            image = self._record().spec.image
        return None if image is None else join((image.name, *image.arguments))

    def set_packages(
        self,
        packages: str | os.PathLike[str] | Sequence[str] | None = None,
        requirements_files: Sequence[str] = (),
        no_build_isolation: Sequence[str] = (),
        *,
        origin: str = "",
    ) -> None:
        """Say which packages the run has elsewhere. Called again, it takes the place of the call before.

        Args:
            packages: Requirement lines in place of the recorded ones, such as ``["tqdm==2.1"]``, or the
                path of a requirements file with such lines. "" or an empty list records none: the agent
                takes what the repository itself says. A word of ``origin`` is understood, too.
            requirements_files: Which files of the repository ``requirements`` means; on their own they
                mean that. A file with options and includes can be named only here.
            no_build_isolation: Packages that need the others, such as torch, when they are built.
            origin: ``recorded`` (the requirement lines), ``requirements`` (files of the repository),
                ``lock`` (its lock file), ``existing:PATH`` (an environment on the agent's machine) or
                ``none``. Left out, the agent chooses.

        Raises:
            UsageError: there is no such origin or file, or a line is none that may travel: it carries
                credentials, or means a place on this machine's disk.
            IllegalMove: the task is another one, and no draft.
        """
        if self._place.given:
            return
        from elsewhere.wish.packages import asked_packages

        here = self._place.live
        asked = asked_packages(packages, origin, requirements_files, no_build_isolation, here=here)
        self._place.wish(lambda wish: wish.with_packages_of(asked))

    def set_repo(
        self, repo: str | os.PathLike[str] | None = None, branch: str | None = None, commit: str | None = None
    ) -> None:
        """Rebuild the run from another repository or commit than was captured.

        Nothing that was captured beside a commit goes with another one: no uncommitted changes, no
        untracked files. What is left out of ``branch`` and ``commit`` is asked of the repository, once.

        Args:
            repo: Its URL, whose credentials are cut; or the path of a working copy, which stands for
                its remote and the commit that it is at. None leaves it as it is.
            branch: A branch or tag: its newest commit.
            commit: The full hash, or the beginning of one that a branch or tag stands at.

        Raises:
            CaptureError: there is no such repository, branch or commit, or it is not pushed. At a desk
                a repository is asked when the run is sent, and fails then.
            IllegalMove: the task is another one, and no draft.
        """
        self._set_source(repo, branch, commit, None, None, None)

    def set_script(
        self,
        repository: str | os.PathLike[str] | None = None,
        branch: str | None = None,
        commit: str | None = None,
        diff: str | None = None,
        working_dir: str | None = None,
        entry_point: str | None = None,
    ) -> None:
        """Say what runs elsewhere; what is None stays as it is.

        Args:
            repository: As ``repo`` of ``set_repo``.
            branch: As there.
            commit: As there.
            diff: Uncommitted changes, as ``git diff`` writes them, in place of those that were captured;
                "" for none.
            working_dir: The folder that the run starts in, from the root of the repository.
            entry_point: The script, from there or from ``working_dir``; or ``-m MODULE``.

        Raises:
            CaptureError: as for ``set_repo``.
            UsageError: a path that leads out of the repository, or a module's name that is none.
            IllegalMove: the task is another one, and no draft.
        """
        self._set_source(repository, branch, commit, diff, working_dir, entry_point)

    def set_needs(
        self,
        gpus: int | None = None,
        tags: Sequence[str] | None = None,
        memory: int | str | None = None,
        gpu_memory: int | str | None = None,
    ) -> None:
        """Say what a slot must offer before an agent may take the run; what is None stays as it is.

        Args:
            gpus: Whole GPUs.
            tags: What the agent must offer, in words.
            memory: Of the machine, in bytes or such as ``"16G"``.
            gpu_memory: Of a GPU that others may use, too; as ``memory``.

        Raises:
            UsageError: a number or size that makes no sense.
            IllegalMove: the task is another one, and no draft.
        """
        if self._place.given:
            return
        from dataclasses import replace

        from elsewhere.wish.needs import checked_needs

        asked = checked_needs(gpus, tags, memory, gpu_memory)
        self._place.wish(lambda wish: replace(wish, needs=wish.needs.then(asked) if wish.needs else asked))

    @classmethod
    def add_requirements(cls, package_name: str, package_version: str | None = None) -> None:
        """Require a package beside those that the script is seen to import. Call it before ``Task.init``.

        It holds for every run that this process captures. In an attempt it does nothing.

        Args:
            package_name: Its name; or the path of a requirements file, each line of which is required.
            package_version: ``2.4`` for that one, or such as ``>=2.4``; "" for any. Left out, the one
                that is installed here.

        Raises:
            UsageError: it makes no requirement that may travel with a task.
        """
        if in_attempt():
            return
        from elsewhere.wish import standing
        from elsewhere.wish.packages import lines_of_file, names_file

        if names_file(package_name):
            standing.add(lines_of_file(package_name))
        else:
            standing.add_package(package_name, package_version)

    @classmethod
    def ignore_requirements(cls, package_name: str) -> None:
        """Leave a package out of those that the script is seen to import. Call it before ``Task.init``.

        It may come back where another one needs it. In an attempt this does nothing.

        Raises:
            UsageError: it is no package's name.
        """
        if in_attempt():
            return
        from elsewhere.wish import standing

        standing.ignore(package_name)

    @classmethod
    def force_requirements_env_freeze(
        cls, force: bool = True, requirements_file: str | os.PathLike[str] | None = None
    ) -> None:
        """Require all that is installed here, not only what the script imports. Call it before ``Task.init``.

        In an attempt it does nothing.

        Args:
            force: False goes back to what the script imports.
            requirements_file: Require its lines, and nothing else, instead.

        Raises:
            UsageError: the file is not there, or holds what may not travel with a task.
        """
        if in_attempt():
            return
        from elsewhere.wish import standing
        from elsewhere.wish.packages import lines_of_file

        standing.freeze(force, None if requirements_file is None else lines_of_file(requirements_file))

    def _set_source(
        self,
        repository: str | os.PathLike[str] | None,
        branch: str | None,
        commit: str | None,
        diff: str | None,
        working_directory: str | None,
        entry_point: str | None,
    ) -> None:
        if self._place.given:
            return
        from dataclasses import replace

        from elsewhere.wish.source import asked_source

        asked = asked_source(repository, branch, commit, diff, working_directory, entry_point)
        self._place.wish(lambda wish: replace(wish, source=_after(wish.source, asked)))


def _after(earlier: SourceWish | None, later: SourceWish) -> SourceWish:
    return later if earlier is None else earlier.then(later)


def _one(what: str, *given: str | Sequence[str] | None) -> str | Sequence[str] | None:
    found = [value for value in given if value is not None]
    if len(found) > 1:
        raise misuse(f"the {what} is given under two names", "Give it once.")
    return found[0] if found else None
