"""Text generation by llama.cpp: many sequences of one model, decoded together."""
