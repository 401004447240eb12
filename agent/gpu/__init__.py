"""The GPUs of this machine: what there is, and who uses it."""

from agent.gpu.choice import here
from agent.gpu.port import Gpu, GpuProcess, Gpus

__all__ = ["Gpu", "GpuProcess", "Gpus", "here"]
