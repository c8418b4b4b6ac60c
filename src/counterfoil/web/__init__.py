"""Pages that the server renders: what a customer sees of a document, and the way in."""
