"""Runs a real llama-server, as xllamacpp embeds it, in a process of its own: `python llama_server.py GGUF PORT KEY`."""

import sys
import time

import xllamacpp

path, port, key = sys.argv[1:4]
params = xllamacpp.CommonParams()
params.model.path = path
params.hostnames = ["127.0.0.1"]
params.no_extra_bufts = True  # repacked weights crash on some virtual machines (runtimes.llama.native)
params.port = int(port)
params.n_ctx = 4096
params.n_parallel = 2
params.cpuparams.n_threads = 2
params.embedding = False
params.api_keys = [key] if key else []
server = xllamacpp.Server(params)
sys.stdout.write(f"{server.listening_address}\n")
sys.stdout.flush()
while True:
    time.sleep(60)
