"""From records to what people read: tables, files, a page, pictures, and remarks on what cannot be right."""
