"""The public data sets by name: what is known of each, and how it is brought here."""
