"""Two processes run the unit tests side by side."""

import os

# Before numpy loads: BLAS threads of one process would wait, spinning, for cores of the other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
