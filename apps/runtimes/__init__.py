"""Model libraries behind typed contracts; the only importers of torch and llama_cpp."""
