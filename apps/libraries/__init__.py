"""Libraries, documents, versions, chunks and their vectors."""
