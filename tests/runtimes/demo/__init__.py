"""The demonstration image model: its data, its judge, its gate, and the weights that ship."""
