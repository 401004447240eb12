"""Launches a command in a container of Docker or Podman, and ends all of it."""

from executors.docker.arguments import Device, Options, Ulimit, parse
from executors.docker.engine import Engine
from executors.docker.executor import DockerExecutor
from executors.docker.image import ImageFacts
from executors.docker.running import DockerRunning
from executors.docker.succession import drained
from executors.docker.volume import Volume

__all__ = [
    "Device",
    "DockerExecutor",
    "DockerRunning",
    "Engine",
    "ImageFacts",
    "Options",
    "Ulimit",
    "Volume",
    "drained",
    "parse",
]
