"""Two stored runs side by side: what differs between them, and what may be compared at all."""
