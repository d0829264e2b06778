"""Documents from the web: sources that are read once or on a schedule, politely, and only through `core.netfetch`."""
