"""Putting tasks aside, and deleting them."""

from __future__ import annotations

from elsewhere.face.face import Face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Archiving(Face):
    """How a task goes out of sight."""

    def archive(self) -> None:
        """Leave the task out of lists; nothing of it is lost, and its id still finds it."""
        self.set_archived(True)

    def unarchive(self) -> None:
        """Show the task in lists again."""
        self.set_archived(False)

    def set_archived(self, archive: bool) -> None:
        """Leave the task out of lists, or show it in them again."""
        from elsewhere.contract.edit import ARCHIVED, Edit
        from elsewhere.contract.write import Edited

        words = (ARCHIVED,)
        edit = Edit(add_system_tags=words) if archive else Edit(remove_system_tags=words)
        self._place.write(Edited(edit))

    def get_archived(self) -> bool:
        """Whether lists leave the task out."""
        from elsewhere.contract.edit import ARCHIVED

        return ARCHIVED in self._record().system_tags

    def delete(
        self,
        delete_artifacts_and_models: bool = True,
        skip_models_used_by_other_tasks: bool = True,
        raise_on_error: bool = False,
        callback: Callable[[str, str], bool] | None = None,
        force: bool = False,
    ) -> bool:
        """Delete the task with its log, its series and all else that is kept of it.

        Tasks that wait for it are stopped; those whose parent it is have none then.

        Args:
            delete_artifacts_and_models: In this version a task has none.
            skip_models_used_by_other_tasks: As above.
            raise_on_error: True raises what False says on stderr.
            callback: Asked for the kind and address of each artifact and model; as above, never yet.
            force: Delete also what is published, or runs at a desk, which may then not go on.

        Returns:
            Whether it is deleted.

        Raises:
            IllegalMove: an attempt owns it, or it takes ``force``; with ``raise_on_error``.
            TaskNotFound: it is deleted already; with ``raise_on_error``.
        """
        del delete_artifacts_and_models, skip_models_used_by_other_tasks, callback
        from elsewhere.contract.errors import ElsewhereError

        try:
            self._place.store().delete(self._place.id, force=force)
        except ElsewhereError as error:
            if raise_on_error:
                raise
            _say(f"elsewhere: task {self._place.id} is not deleted: {error}\n")
            return False
        return True


def _say(text: str) -> None:
    import sys

    # None under pythonw and some daemons.
    if sys.stderr is not None:
        sys.stderr.write(text)
