#!/bin/sh
# Python 3.11 and a compiler where the base image lacks them (CUDA images); nothing to do on python:3.11.
set -eu
command -v python3.11 >/dev/null 2>&1 && command -v g++ >/dev/null 2>&1 && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends software-properties-common build-essential cmake
add-apt-repository -y ppa:deadsnakes/ppa
apt-get update
apt-get install -y --no-install-recommends python3.11 python3.11-venv python3.11-dev
rm -rf /var/lib/apt/lists/*
