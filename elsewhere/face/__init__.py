"""The task as a script sees it: one file for each thing that can be done with one.

Each file is a part of ``elsewhere.task.Task``, thin in front of the place that the task is at; what
is heavy is imported when it is called.
"""
