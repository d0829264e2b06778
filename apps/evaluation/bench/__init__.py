"""Ratios against the raw libraries, measured in one run; each module returns its figures as one dictionary."""

# What `manage.py bench --only NAME` runs, in this order; each function returns its figures. One that takes `data` gets
# the folder that `--data` names, or None.
BENCHMARKS = {
    "embed": "apps.evaluation.bench.ingest.embed_ratio",
    "quality": "apps.evaluation.bench.quality.embed_quality",
    "upload": "apps.evaluation.bench.uploads.upload_speed",
    "latency": "apps.evaluation.bench.uploads.upload_latency",
    "slope": "apps.evaluation.bench.uploads.memory_slope",
    "engine": "apps.evaluation.bench.models.engine_ratio",
    "stream": "apps.evaluation.bench.stream.stream_ratio",
    "batch": "apps.evaluation.bench.models.batch_gain",
    "parse": "apps.evaluation.bench.parse.parse_ratio",
    "search": "apps.evaluation.bench.search.search_speed",
    "quota": "apps.evaluation.bench.quota.quota_speed",
    "console": "apps.evaluation.bench.console.console_speed",
    "audit": "apps.evaluation.bench.audit.audit_speed",
    "image": "apps.evaluation.bench.pictures.image_ratio",
    "insert": "apps.evaluation.bench.insert.insert_ratio",
    "search_1m": "apps.evaluation.bench.search.search_million",
    "switch_point": "apps.evaluation.bench.switch_point.switch_point",
}
LONG = {"search_1m", "switch_point"}  # only when they are named
