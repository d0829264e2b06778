"""Ratios against the raw libraries, measured in one run; each module returns its figures as one dictionary."""

# What `manage.py bench --only NAME` runs, in this order; the function takes no argument and returns its figures.
BENCHMARKS = {
    "embed": "apps.evaluation.bench.ingest.embed_ratio",
    "engine": "apps.evaluation.bench.models.engine_ratio",
    "stream": "apps.evaluation.bench.stream.stream_ratio",
    "batch": "apps.evaluation.bench.models.batch_gain",
    "parse": "apps.evaluation.bench.parse.parse_ratio",
    "search": "apps.evaluation.bench.search.search_speed",
}
