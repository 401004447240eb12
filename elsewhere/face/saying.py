"""What a task has said so far, and where a person reads it."""

from __future__ import annotations

from elsewhere.face.face import Face


class Saying(Face):
    """A task's log, from outside of it."""

    def get_reported_console_output(self, number_of_reports: int = 1) -> list[str]:
        """The last lines of the task's log, the newest last.

        Of a line that overwrites itself, such as a progress bar, its last state is given. Lines
        that an agent says are among them.

        Args:
            number_of_reports: Lines at most; fewer are given where the log has no more.

        Raises:
            UsageError: fewer than one line is asked for; or in an attempt that was given no server.
        """
        from elsewhere.said import last_lines

        return last_lines(self._place.store(), self._place.id, number_of_reports)

    def get_output_log_web_page(self) -> str | None:
        """Address of the page on which a person sees this task.

        None where no setting ``web_url`` (or ``ELSEWHERE_WEB_URL``) says where the pages are.
        """
        import os

        from elsewhere.bound import in_attempt

        # An attempt has no settings but what it was given.
        root = os.environ.get("ELSEWHERE_WEB_URL")
        if not root and not in_attempt():
            from elsewhere.settings import load

            root = load().web_url
        return f"{root.rstrip('/')}/tasks/{self._place.id}" if root else None
