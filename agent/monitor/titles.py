"""What the monitor's series are called, for whoever reads them.

=====================  ======================================  =================================
title                  series                                  what
=====================  ======================================  =================================
``:monitor:cpu``       ``percent``                             of one processor, of the whole tree
``:monitor:memory``    ``pss_bytes``, ``rss_bytes``            of the tree; see ``processes.py``
``:monitor:disk``      ``read_bytes_per_second``,              what the tree moved to and from
                       ``written_bytes_per_second``            disks, and not out of memory
``:monitor:network``   ``received_bytes_per_second``,          of the machine, or of the container
                       ``sent_bytes_per_second``               where the attempt runs in one
``:monitor:processes`` ``count``                               living ones in the tree
``:monitor:gpu``       ``N_percent``, ``N_memory_bytes``,      of the attempt's GPUs, by index;
                       ``N_celsius``                           whoever else uses them counts in
=====================  ======================================  =================================

The iteration of a point is its age in whole seconds since the monitor was started.
"""

from __future__ import annotations

from typing import Final

CPU: Final = ":monitor:cpu"
MEMORY: Final = ":monitor:memory"
DISK: Final = ":monitor:disk"
NETWORK: Final = ":monitor:network"
PROCESSES: Final = ":monitor:processes"
GPU: Final = ":monitor:gpu"

PERCENT: Final = "percent"
PSS: Final = "pss_bytes"
RSS: Final = "rss_bytes"
READ: Final = "read_bytes_per_second"
WRITTEN: Final = "written_bytes_per_second"
RECEIVED: Final = "received_bytes_per_second"
SENT: Final = "sent_bytes_per_second"
COUNT: Final = "count"
