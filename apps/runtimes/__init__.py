"""Model libraries behind typed contracts. Nothing else imports torch, llama.cpp or their kin."""

import os

# torch and llama.cpp meet at an OpenMP barrier hundreds of times a token. By default a waiting thread spins for
# milliseconds; where other processes want the cores too, that starves the very thread that is waited for. Measured with
# 15 busy processes on 2 cores: 0.2 to 1.7 tokens/s by default, 7 to 18 with a short spin (docs/adr/0002). libgomp reads
# this once, when the first of the two libraries is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
