"""Making a task without running anything."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from elsewhere.contract.task import JSONValue
    from elsewhere.task import Task


class Making(Face):
    """How a task comes to be that nobody has run yet."""

    @classmethod
    def create(
        cls,
        project_name: str | None = None,
        task_name: str | None = None,
        task_type: str | None = None,
        repo: str | os.PathLike[str] | None = None,
        branch: str | None = None,
        commit: str | None = None,
        script: str | os.PathLike[str] | None = None,
        working_directory: str | os.PathLike[str] | None = None,
        packages: bool | str | Sequence[str] | None = None,
        requirements_file: str | os.PathLike[str] | None = None,
        docker: str | None = None,
        docker_args: str | Sequence[str] | None = None,
        docker_bash_setup_script: str | Sequence[str] | None = None,
        argparse_args: Mapping[str, JSONValue] | Iterable[str | tuple[str, JSONValue]] | None = None,
        base_task_id: str | None = None,
        module: str | None = None,
        add_task_init_call: bool = True,
    ) -> Task:
        """Make a draft, which may then be changed and enqueued; nothing of it is run here.

        A script or module of a folder here is captured as ``agent submit`` does: with uncommitted
        changes, untracked files and commits that no remote has. Of a repository elsewhere it is the
        commit that stands there now; a full hash is taken without asking. With ``base_task_id`` it is
        a clone, with all that is given in place of its own. With neither it is an empty draft.

        Args:
            project_name: Left out, the repository's name.
            task_name: Left out, the script's or module's name; of a clone ``Clone Of NAME``.
            task_type: What kind of run this is, in a word; left out, ``training``.
            repo: URL of a repository, whose credentials are cut; or the path of one here, which is
                captured as it stands unless ``branch`` or ``commit`` says otherwise.
            branch: A branch or tag of ``repo``: its newest commit.
            commit: The full hash, or the beginning of one that a branch or tag stands at.
            script: The script's path: here, or in ``repo`` from its root or from ``working_directory``.
            working_directory: The folder that the run starts in, from the root of the repository.
                Left out, the root; of a script in no repository its own folder.
            packages: Requirement lines; True records what the script imports, as installed here, which
                is what a script here gets anyway; False records nothing, so that the agent takes what
                the repository says; "" or an empty list installs nothing.
            requirements_file: A file here with the requirement lines; it may hold more than lines
                where it is in the repository of a script here.
            docker: The container image to run in.
            docker_args: Options of its container, as words or as one text.
            docker_bash_setup_script: Shell lines that prepare the image.
            argparse_args: Arguments of the script's parser to override: a dict, or pairs such as
                ``("lr", 0.1)`` and texts such as ``"lr=0.1"``.
            base_task_id: Id of a task, or the beginning of one, to make a clone of.
            module: A module to run as ``python -m`` does, instead of a script; its arguments may follow.
            add_task_init_call: Taken for those who come from ClearML, and without effect: a run elsewhere
                is reported and overridden whether or not its script calls ``Task.init``.

        Raises:
            UsageError: two arguments contradict each other, or one cannot be understood.
            CaptureError: the script, repository or commit is not there, or cannot be captured.
            TaskNotFound: there is no task ``base_task_id``.
            ServerUnreachable: no server answers.
        """
        del add_task_init_call
        from elsewhere.face.opening import Opening
        from elsewhere.face.stores import the_store
        from elsewhere.making import Asked, make, tell
        from elsewhere.stored import Stored

        if argparse_args is None:
            argparse_args = ()
        current = Opening.current_task() if project_name is None and base_task_id is None else None
        asked = Asked(
            current.project if current is not None else project_name, task_name, task_type, repo, branch,
            commit, script, working_directory, packages, requirements_file, docker, docker_args,
            docker_bash_setup_script, argparse_args, base_task_id, module,
        )  # fmt: skip
        store = the_store()
        made = make(store, asked)
        tell(made.notes)
        return cls(Stored(store, made.record.id))  # type: ignore[return-value]
