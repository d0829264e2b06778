"""The image studio: jobs, pictures, boards, styles, stories."""
