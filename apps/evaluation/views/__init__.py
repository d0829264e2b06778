"""Pages of evaluation: the search test, question sets with their runs, and gaps."""
